/**
 * PNG files read and written, where there is no canvas.
 *
 * @module latentflow/images/png
 */

export { decodePng, encodePng } from "./png-format.ts";
