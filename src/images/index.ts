export { type FromImageDataOptions, fromImageData, type MaskOptions, maskFrom } from "./from-image-data.ts";
export type { CanvasLike, Fit, ImageDataLike, ImageDataOutput, PictureDecoder } from "./picture.ts";
export { type ToImageDataOptions, toImageData } from "./to-image-data.ts";
