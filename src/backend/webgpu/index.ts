/**
 * The backend that runs decoders by onnxruntime-web on WebGPU, and the choice between backends.
 *
 * @module latentflow/webgpu
 */

export type { Availability } from "../backend.ts";
export { type AutoOptions, auto, availableBackends } from "./auto.ts";
export type { GpuDevice, OnnxRuntime } from "./platform.ts";
export { type WebgpuOptions, webgpu } from "./webgpu.ts";
