/**
 * Pictures as samples, samples as pictures, and masks of what is hidden; without dependencies, in a browser and in Node.
 *
 * @module latentflow/images
 */

export { type FromImageDataOptions, fromImageData, type MaskOptions, maskFrom } from "./from-image-data.ts";
export type { CanvasLike, Fit, ImageDataLike, ImageDataOutput, PictureDecoder } from "./picture.ts";
export { type ToImageDataOptions, toImageData } from "./to-image-data.ts";
