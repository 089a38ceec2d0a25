import { calling } from "../../base/calling.ts";
import { checkOptions } from "../../base/check.ts";
import type { Owned } from "../../base/owned.ts";
import { attached, isPromise } from "../../base/realms.ts";
import { refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import type { FixedValues } from "../../decoder/fixed.ts";
import type { Control } from "../../solver/base.ts";
import { isCustom } from "../../terms/losses.ts";
import type { Backend, Problem, Session } from "../backend.ts";
import { allSamples } from "../feed.ts";
import { solveByObjectives } from "../solve-by-objectives.ts";
import { refusalOf, webgpuAvailability } from "./availability.ts";
import { defaultRows, objectiveSize, paddedRows } from "./batch-size.ts";
import type { ContextOptions } from "./device.ts";
import { DeviceRecovery } from "./device-recovery.ts";
import { decodeGraph, LATENTS, OUTPUTS } from "./graphs.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { gpuObjective } from "./objective.ts";
import type { GpuDevice, OnnxRuntime } from "./platform.ts";
import { type GpuProblem, sampleKey, sampleShape, writeOwn, writeShared } from "./rows.ts";
import { unsupported } from "./unsupported.ts";

/** Options of the backend `webgpu`. */
export interface WebgpuOptions {
  /** The module returned by `await import("onnxruntime-web/webgpu")`. Default: that package, imported on first use. */
  ort?: OnnxRuntime | undefined;
  /**
   * `GPUDevice` to run on. Default: one device that latentflow requests for all calls, which also replaces a given device that
   * is lost.
   */
  device?: GpuDevice | undefined;
  /** Value for onnxruntime-web's `env.wasm.wasmPaths`, where it looks for its WASM files. Default: its own choice. */
  wasmPaths?: unknown;
}

/**
 * Makes the WebGPU backend, which computes decoders on a GPU in float32 with onnxruntime-web, an optional peer dependency that
 * must be installed beside latentflow. It decodes, and encodes with every flow and solver; it supports every kind of operation,
 * fixed inputs, points (coordinates at which a decoder is evaluated), `binaryCrossEntropy` and `squaredError`. Training and
 * custom losses need `wasm()`. The GPU computes losses and gradients; the solvers' steps and the curvature for L-BFGS are
 * computed in WASM.
 *
 * After the loss of a device the call continues on another device, after a second loss in WASM; the result's `backend.incidents`
 * says so. Results differ from WASM's by float32 rounding. A sample's result does not depend on its batch, unless the GPU
 * rounds differently for another number of rows.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or one of the wrong type; from the call that uses the
 *   backend, `unsupported` without WebGPU, an adapter or onnxruntime-web, on a custom loss or training, and, before any work,
 *   on a decoder that the GPU cannot compute, with the operation and the reason
 * @example
 * await encode(decoder, y, { backend: webgpu() });
 */
export function webgpu(options: WebgpuOptions = {}): Backend {
  return calling("webgpu", () => {
    checkOptions(options, { ort: true, device: true, wasmPaths: true });
    const { ort, device, wasmPaths } = options;
    if (ort !== undefined && typeof ort?.InferenceSession?.create !== "function") {
      const hint = isPromise(ort) ? " (is an await missing?)" : "";
      const expected = 'the module that import("onnxruntime-web/webgpu") leads to';
      throw refused("ort", "is", show(ort), expected, hint);
    }
    if (device !== undefined && typeof device?.createBuffer !== "function") {
      throw refused("device", "is", show(device), "a GPUDevice");
    }
    if (wasmPaths !== undefined && typeof wasmPaths !== "string" && Object(wasmPaths) !== wasmPaths) {
      const expected = "what onnxruntime-web's env.wasm.wasmPaths takes, a path or an object of them";
      const advice = "; leave it out for its own choice";
      throw refused("wasmPaths", "is", show(wasmPaths), expected, advice);
    }
    return Object.freeze({
      name: "webgpu",
      open: (decoder: Decoder) => open(decoder, { ort, device, wasmPaths }),
      availability: (decoder?: Decoder) => webgpuAvailability({ ort, device, wasmPaths }, decoder),
    });
  });
}

async function open(decoder: Decoder, options: ContextOptions): Promise<Session> {
  const refusal = refusalOf(decoder);
  if (refusal) throw unsupported(`${refusal}; use wasm()`);
  const recovery = await DeviceRecovery.open(decoder, options);
  const objectives: Pick<Session, "objectiveSize" | "objective"> = {
    objectiveSize: (problem) => objectiveSize(checkProblem(problem), recovery.largestRows),
    objective: async (problem, first, count) => gpuObjective(recovery, checkProblem(problem), first, count),
  };
  return {
    get info() {
      return recovery.info;
    },
    ...objectives,
    async solve(problem, pair, solution, control) {
      if (problem.sampleCount === 0) return;
      const samples = allSamples(problem.sampleCount);
      await solveByObjectives(objectives, { problem, pair, solution }, control, samples);
    },
    decode(z, fixed, toLogits, control) {
      if (z.length === 0) return Promise.resolve(new Float32Array(0));
      return recovery.work(
        (loaded) => decodeOnGpu(loaded, z, fixed, toLogits, control),
        (session) => session.decode(z, fixed, toLogits, control),
      );
    },
  };
}

function checkProblem(problem: Problem): GpuProblem {
  if (isCustom(problem.loss)) {
    throw unsupported("a customLoss runs in JavaScript, between two passes of the decoder; use wasm()");
  }
  return problem as GpuProblem;
}

/**
 * Decodes B = z.length / latentSize latents on the GPU, a block of rows at a time.
 *
 * @param z latents, [B, latentSize]
 * @param fixed values of the decoder's fixed inputs for the B latents
 * @param toLogits true to leave out the output activation
 * @returns outputs, [B, outputSize]; rows that an abort leaves out are 0
 */
async function decodeOnGpu(
  loaded: LoadedDecoder,
  z: Float32Array,
  fixed: FixedValues,
  toLogits: boolean,
  control: Control,
): Promise<Owned<Float32Array>> {
  const { decoder } = loaded;
  const { latentSize: d, outputSize: n } = decoder;
  const sampleCount = z.length / d;
  const result = new Float32Array(sampleCount * n);
  const rows = paddedRows(Math.min(sampleCount, defaultRows(decoder)), loaded.largestRows);
  const shape = sampleShape(decoder, fixed, rows);
  const lease = await loaded.acquire(`decode ${toLogits} ${sampleKey(shape)}`, () =>
    decodeGraph(shape, toLogits),
  );
  try {
    writeShared(lease.graph, shape, fixed);
    for (let first = 0; first < sampleCount && !control.aborted(); first += rows) {
      const count = Math.min(rows, sampleCount - first);
      lease.graph.write(LATENTS, attached("z", z).slice(first * d, (first + count) * d));
      for (let row = 0; row < count; row++) writeOwn(lease.graph, shape, fixed, first + row, row);
      const outputs = await lease.graph.run();
      result.set(outputs[OUTPUTS]!.subarray(0, count * n), first * n);
      await control.pause();
    }
  } finally {
    lease.release();
  }
  return result;
}
