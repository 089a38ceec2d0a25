import type { GpuContext } from "./device.ts";
import { OnnxGraph } from "./onnx.ts";
import type { GpuBuffer, OnnxSession, OnnxTensor } from "./platform.ts";
import { inTurn } from "./runtime.ts";

/** Tensors on the GPU by their names. */
export interface GpuTensors {
  readonly byName: Readonly<Record<string, OnnxTensor>>;
  buffer(name: string): GpuBuffer;
  /** Writes values into a tensor, from an element on. */
  write(name: string, values: Float32Array, at?: number): void;
  /** Frees the tensors' memory. */
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
 * Makes tensors of these shapes, all 0. They are the outputs of a graph made for it, because a graph can only be
 * captured over buffers that onnxruntime-web has allocated itself.
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
      // The tensors first: they belong to the session.
      for (const tensor of Object.values(byName)) tensor.dispose();
      await inTurn(() => session.release());
    },
  };
}

// A turn lasts until the runtime has finished or failed. Releasing a session that still runs, as after a loss of the device,
// would abort the runtime for the whole process.

/** Creates a session, whose outputs stay on the GPU. Call it within `inTurn`. */
export function createSession(
  context: GpuContext,
  graph: OnnxGraph,
  options: { readonly enableGraphCapture?: boolean } = {},
): Promise<OnnxSession> {
  const { ort, device, overdue } = context;
  const created = ort.InferenceSession.create(graph.toBytes(), {
    // An object with the device: "webgpu" alone would make a device of its own.
    executionProviders: [{ name: "webgpu", device }],
    preferredOutputLocation: "gpu-buffer",
    // An operator that fell to the CPU would work, and be slow; there is none, and the creation fails if there is.
    extra: { session: { disable_cpu_ep_fallback: "1" } },
    ...options,
  });
  return overdue.during(created);
}

/** Runs a session. Call it within `inTurn`. */
export function runSession(
  { overdue }: GpuContext,
  session: OnnxSession,
  feeds: object,
  fetches?: object,
): Promise<object> {
  // The runtime's types want tensors of its own class, and no undefined.
  const run = session.run.bind(session) as (...tensors: unknown[]) => Promise<object>;
  return overdue.during(fetches ? run(feeds, fetches) : run(feeds));
}
