/**
 * Decodes and encodes PNG files where there is no canvas.
 *
 * @module latentflow/images/png
 */

export { decodePng, encodePng } from "./png-format.ts";
