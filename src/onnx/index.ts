/**
 * Decoders read from ONNX files and written to them.
 *
 * @module latentflow/onnx
 */

export type { ExternalData } from "./read/external-data.ts";
export { type LoadOnnxOptions, loadOnnx, type OnnxSource } from "./read/load.ts";
export { type ToOnnxOptions, toOnnx } from "./write/to-onnx.ts";
