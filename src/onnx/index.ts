export type { ExternalData } from "./external-data.ts";
export { type LoadOnnxOptions, loadOnnx, type OnnxSource } from "./load.ts";
export { type ToOnnxOptions, toOnnx } from "./to-onnx.ts";
