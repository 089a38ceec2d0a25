/**
 * Loads decoders from ONNX files, and writes them as ONNX.
 *
 * @module latentflow/onnx
 */

export type { ExternalData } from "./read/external-data.ts";
export { type LoadOnnxOptions, loadOnnx, type OnnxSource } from "./read/load.ts";
export { type ToOnnxOptions, toOnnx } from "./write/to-onnx.ts";
