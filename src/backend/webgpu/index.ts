export type { GpuDevice, OnnxRuntime } from "./platform.ts";
export { type WebgpuOptions, webgpu } from "./webgpu.ts";
