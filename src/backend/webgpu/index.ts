/**
 * Backend that runs decoders with onnxruntime-web on WebGPU, and functions that choose between backends.
 *
 * @module latentflow/webgpu
 */

export type { Availability } from "../backend.ts";
export { type AutoOptions, auto, availableBackends } from "./auto.ts";
export type { GpuDevice, OnnxRuntime } from "./platform.ts";
export { type WebgpuOptions, webgpu } from "./webgpu.ts";
