import { sizeOf } from "../../graph/operations.ts";
import type { GpuContext } from "./device.ts";
import type { OnnxGraph } from "./onnx.ts";
import type { GpuDevice, OnnxSession } from "./platform.ts";
import { inTurn } from "./runtime.ts";
import { allocateTensors, createSession, type GpuTensors, runSession } from "./tensors.ts";

/** WebGPU's GPUBufferUsage.MAP_READ | COPY_DST. */
const READABLE = 1 | 8;
/** WebGPU's GPUMapMode.READ. */
const MAP_READ = 1;

/** A graph with a session and the GPU buffers that it reads and writes; one call uses it at a time. */
export type BoundGraph = Awaited<ReturnType<typeof bindGraph>>;

/**
 * Makes a session for a graph, and GPU buffers for the graph's outputs and for the inputs that are not in `shared`. The session
 * captures the graph (records its GPU commands) if onnxruntime-web can: replaying a captured graph costs a tenth of the
 * JavaScript time of submitting its commands.
 *
 * @param shared input tensors that all graphs of a decoder share: its parameters
 */
export async function bindGraph(context: GpuContext, graph: OnnxGraph, shared: GpuTensors) {
  const own = await allocateTensors(
    context,
    new Map([...graph.inputs, ...graph.outputs].filter(([name]) => !(name in shared.byName))),
  );
  const pick = (names: Iterable<string>) =>
    Object.fromEntries(Array.from(names, (name) => [name, own.byName[name] ?? shared.byName[name]!]));
  const feeds = pick(graph.inputs.keys());
  const fetches = pick(graph.outputs.keys());

  async function start(enableGraphCapture: boolean): Promise<OnnxSession> {
    const session = await createSession(context, graph, { enableGraphCapture });
    try {
      // The first run captures the graph; failures of the capture show there.
      await runSession(context, session, feeds, fetches);
      return session;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  let captured = true;
  let session: OnnxSession;
  try {
    session = await inTurn(async () => {
      try {
        return await start(true);
      } catch (error) {
        if (context.isLost()) throw error;
        captured = false;
        return start(false);
      }
    });
  } catch (error) {
    await own.dispose();
    throw error;
  }
  const reader = outputReader(context.device, own, graph.outputs);
  return {
    /** True if the graph is captured: a run then replays the recorded GPU commands. */
    captured,
    /**
     * Writes values, from an element index on, into an input that the graph does not share with other graphs of the decoder.
     */
    write: own.write,
    /** Runs the graph; returns a copy of each output by its name. */
    async run() {
      await inTurn(() => runSession(context, session, feeds, fetches));
      return context.lost.during(reader.read());
    },
    async dispose(): Promise<void> {
      reader.dispose();
      // A captured graph holds its buffers: the session is released first.
      await inTurn(() => session.release());
      await own.dispose();
    },
  };
}

/** Makes a reader that copies all outputs of a graph to the CPU at once, through one staging buffer. */
function outputReader(device: GpuDevice, tensors: GpuTensors, shapes: OnnxGraph["outputs"]) {
  let byteLength = 0;
  const outputs = Array.from(shapes, ([name, shape]) => {
    const size = 4 * sizeOf(shape);
    byteLength += size;
    return { name, at: byteLength - size, size };
  });
  const staging = device.createBuffer({ size: byteLength, usage: READABLE });
  return {
    async read(): Promise<Readonly<Record<string, Float32Array>>> {
      const encoder = device.createCommandEncoder();
      for (const { name, at, size } of outputs) {
        encoder.copyBufferToBuffer(tensors.buffer(name), 0, staging, at, size);
      }
      device.queue.submit([encoder.finish() as never]);
      await staging.mapAsync(MAP_READ, 0, byteLength);
      const bytes = staging.getMappedRange().slice(0);
      staging.unmap();
      return Object.fromEntries(
        outputs.map(({ name, at, size }) => [name, new Float32Array(bytes, at, size / 4)]),
      );
    },
    dispose: () => staging.destroy(),
  };
}
