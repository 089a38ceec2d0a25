/**
 * Converts pictures to samples and samples to pictures, and makes weights from masks; without dependencies, in browsers
 * and in Node.
 *
 * @module latentflow/images
 */

export { type FromImageDataOptions, fromImageData, type MaskOptions, maskFrom } from "./from-image-data.ts";
export type { CanvasLike, Fit, ImageDataLike, ImageDataOutput, PictureDecoder } from "./picture.ts";
export { type ToImageDataOptions, toImageData } from "./to-image-data.ts";
