import type { GpuContext } from "./device.ts";
import { OnnxGraph } from "./onnx.ts";
import type { GpuBuffer, OnnxSession, OnnxTensor } from "./platform.ts";
import { inTurn } from "./runtime.ts";

/** Tensors in GPU memory, by name. */
export interface GpuTensors {
  /** The tensors as onnxruntime-web reads and writes them, by name. */
  readonly byName: Readonly<Record<string, OnnxTensor>>;
  /** Returns the GPU buffer of the tensor with this name, which must be one of them. */
  buffer(name: string): GpuBuffer;
  /** Writes values into a tensor from element `at` on; default 0. */
  write(name: string, values: Float32Array, at?: number): void;
  /** Frees the tensors' GPU memory. */
  dispose(): Promise<void>;
}

const NO_TENSORS: GpuTensors = {
  byName: {},
  buffer: (name) => {
    throw new Error(`there is no tensor ${name}`);
  },
  write() {},
  async dispose() {},
};

/**
 * Allocates tensors of the given shapes on the GPU, filled with 0. The tensors are outputs of a graph made for this purpose,
 * because a graph can only be captured over buffers that onnxruntime-web itself has allocated.
 */
export async function allocateTensors(
  context: GpuContext,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<GpuTensors> {
  // A decoder may have no parameters, and a session without outputs cannot be made.
  if (shapes.size === 0) return NO_TENSORS;
  const graph = new OnnxGraph();
  const zero = graph.input("zero", [1]);
  for (const [name, shape] of shapes) {
    graph.output(name, graph.node({}, "Expand", [zero, graph.integers(shape)]), shape);
  }
  const { ort, device } = context;
  const session = await inTurn(() => createSession(context, graph));
  const feed = new ort.Tensor("float32", new Float32Array(1), [1]);
  const byName = (await inTurn(() => runSession(context, session, { zero: feed }))) as Record<
    string,
    OnnxTensor
  >;
  const buffer = (name: string) => byName[name]!.gpuBuffer as GpuBuffer;
  return {
    byName,
    buffer,
    write(name, values, at = 0) {
      const { byteOffset, byteLength } = values;
      device.queue.writeBuffer(buffer(name), 4 * at, values.buffer as ArrayBuffer, byteOffset, byteLength);
    },
    async dispose() {
      // The tensors are freed first: they belong to the session.
      for (const tensor of Object.values(byName)) tensor.dispose();
      await inTurn(() => session.release());
    },
  };
}

// A turn lasts until onnxruntime-web has finished or failed. Releasing a session that still runs, as after a loss of the
// device, would abort onnxruntime-web for the whole process.

/** Creates a session, whose outputs stay on the GPU. Must be called within `inTurn`. */
export function createSession(
  context: GpuContext,
  graph: OnnxGraph,
  options: { readonly enableGraphCapture?: boolean } = {},
): Promise<OnnxSession> {
  const { ort, device, overdue } = context;
  const created = ort.InferenceSession.create(graph.toBytes(), {
    // The provider is an object with the device: "webgpu" alone would create another device.
    executionProviders: [{ name: "webgpu", device }],
    preferredOutputLocation: "gpu-buffer",
    // An operator that fell back to the CPU would work slowly; none should, and this setting makes the creation fail if one
    // does.
    extra: { session: { disable_cpu_ep_fallback: "1" } },
    ...options,
  });
  return overdue.during(created);
}

/** Runs a session. Must be called within `inTurn`. */
export function runSession(
  { overdue }: GpuContext,
  session: OnnxSession,
  feeds: object,
  fetches?: object,
): Promise<object> {
  // The types of onnxruntime-web require tensors of its own class, and no undefined.
  const run = session.run.bind(session) as (...tensors: unknown[]) => Promise<object>;
  return overdue.during(fetches ? run(feeds, fetches) : run(feeds));
}
