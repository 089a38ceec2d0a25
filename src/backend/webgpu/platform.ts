// The parts of WebGPU's and onnxruntime-web's types that this package uses: its declarations must compile for users who have
// neither.

/** The part of WebGPU's `GPUBuffer` that latentflow uses. */
export interface GpuBuffer {
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** The part of WebGPU's `GPUDevice` that latentflow uses. */
export interface GpuDevice {
  readonly lost: Promise<{ readonly reason?: string; readonly message: string }>;
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  readonly adapterInfo?: GpuAdapterInfo;
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, at: number, data: ArrayBuffer, dataAt: number, size: number): unknown;
    submit(commands: never[]): unknown;
  };
  createBuffer(descriptor: { size: number; usage: number }): GpuBuffer;
  createCommandEncoder(): {
    copyBufferToBuffer(from: GpuBuffer, at: number, to: GpuBuffer, toAt: number, size: number): unknown;
    finish(): unknown;
  };
  destroy(): unknown;
}

/** The part of WebGPU's `GPUAdapterInfo` that latentflow uses. */
export interface GpuAdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

/** The part of WebGPU's `GPUAdapter` that latentflow uses. */
export interface GpuAdapter {
  readonly info: GpuAdapterInfo;
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  requestDevice(descriptor: { requiredLimits: Record<string, number> }): Promise<GpuDevice>;
}

/** The part of `navigator.gpu` that latentflow uses. */
export interface Gpu {
  requestAdapter(options: { powerPreference: "high-performance" }): Promise<GpuAdapter | null>;
}

/** The module `onnxruntime-web/webgpu`, or one that exports the same: the part that latentflow uses. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OnnxTensor;
  readonly env: {
    readonly wasm: { wasmPaths?: unknown; numThreads?: number };
    readonly versions: { readonly web?: string; readonly common: string };
  };
}

/** The part of onnxruntime-web's `InferenceSession` that latentflow uses. */
export interface OnnxSession {
  run(feeds: never, fetches: never): Promise<object>;
  release(): Promise<void>;
}

/** The part of onnxruntime-web's `Tensor` that latentflow uses. */
export interface OnnxTensor {
  readonly gpuBuffer: unknown;
  dispose(): void;
}
