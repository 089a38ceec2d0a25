// The entry latentflow/images/png.

export { decodePng, encodePng } from "./png-format.ts";
