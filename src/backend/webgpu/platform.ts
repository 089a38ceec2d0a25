// The used parts of WebGPU's and onnxruntime-web's types: the package's declarations have to compile for users who have
// neither.

/** A `GPUBuffer`. */
export interface GpuBuffer {
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** A `GPUDevice`. */
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

/** A `GPUAdapterInfo`. */
export interface GpuAdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

/** A `GPUAdapter`. */
export interface GpuAdapter {
  readonly info: GpuAdapterInfo;
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  requestDevice(descriptor: { requiredLimits: Record<string, number> }): Promise<GpuDevice>;
}

/** `navigator.gpu` */
export interface Gpu {
  requestAdapter(options: { powerPreference: "high-performance" }): Promise<GpuAdapter | null>;
}

/** The module `onnxruntime-web/webgpu`, or one that exports the same. */
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

/** An `InferenceSession` of it. */
export interface OnnxSession {
  run(feeds: never, fetches: never): Promise<object>;
  release(): Promise<void>;
}

/** A `Tensor` of it. */
export interface OnnxTensor {
  readonly gpuBuffer: unknown;
  dispose(): void;
}
