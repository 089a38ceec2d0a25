import { checkOptions } from "../../base/check.ts";
import { LatentflowError } from "../../base/errors.ts";
import { isPromise } from "../../base/realms.ts";
import { refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { isCustom } from "../../terms/losses.ts";
import { type Backend, type Problem, type Session, taskOf } from "../backend.ts";
import { allSamples } from "../feed.ts";
import { solveAround } from "../solve-around.ts";
import { webgpuAvailability } from "./availability.ts";
import { decodeOnGpu } from "./decode.ts";
import type { ContextOptions } from "./device.ts";
import { DeviceRecovery } from "./device-recovery.ts";
import { gpuObjective } from "./objective.ts";
import type { GpuDevice, OnnxRuntime } from "./platform.ts";
import { refusalOf } from "./refusal.ts";
import { atOnce, defaultRows, type GpuProblem } from "./rows.ts";

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
  checkOptions("webgpu", options, { ort: true, device: true, wasmPaths: true });
  const { ort, device, wasmPaths } = options;
  if (ort !== undefined && typeof ort?.InferenceSession?.create !== "function") {
    const hint = isPromise(ort) ? " (is an await missing?)" : "";
    const expected = 'the module that import("onnxruntime-web/webgpu") leads to';
    throw refused("webgpu", "ort", "is", show(ort) + hint, expected);
  }
  if (device !== undefined && typeof device?.createBuffer !== "function") {
    throw refused("webgpu", "device", "is", show(device), "a GPUDevice");
  }
  if (wasmPaths !== undefined && typeof wasmPaths !== "string" && Object(wasmPaths) !== wasmPaths) {
    const expected = "what onnxruntime-web's env.wasm.wasmPaths takes, a path or an object of them";
    const advice = "; leave it out for its own choice";
    throw refused("webgpu", "wasmPaths", "is", show(wasmPaths), expected, advice);
  }
  return Object.freeze({
    name: "webgpu",
    open: (decoder: Decoder) => open(decoder, { ort, device, wasmPaths }),
    availability: (decoder?: Decoder) => webgpuAvailability({ ort, device, wasmPaths }, decoder),
  });
}

async function open(decoder: Decoder, options: ContextOptions): Promise<Session> {
  const refusal = refusalOf(decoder);
  if (refusal) throw unsupported(refusal);
  const recovery = await DeviceRecovery.open(decoder, options);
  const objectives: Pick<Session, "objectiveSize" | "objective"> = {
    objectiveSize: (problem) => atOnce(checkProblem(problem), recovery.largestRows),
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
      await solveAround(objectives, taskOf(problem, pair, solution), control, samples);
    },
    decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      if (sampleCount === 0) return Promise.resolve(new Float32Array(0));
      return recovery.work(
        (loaded) =>
          decodeOnGpu(loaded, z, fixed, toLogits, Math.min(sampleCount, defaultRows(decoder)), control),
        (session) => session.decode(z, fixed, toLogits, control),
      );
    },
  };
}

function checkProblem(problem: Problem): GpuProblem {
  if (isCustom(problem.loss)) {
    throw unsupported("a customLoss runs in JavaScript, between two passes of the decoder");
  }
  return problem as GpuProblem;
}

function unsupported(what: string): LatentflowError {
  return new LatentflowError("unsupported", `webgpu: ${what}; use wasm()`);
}
