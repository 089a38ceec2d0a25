import { checkOptions, invalid, show } from "../../base/check.ts";
import { LatentflowError } from "../../base/errors.ts";
import { isPromise } from "../../base/realms.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import type { StandardLoss } from "../../terms/losses.ts";
import { type Backend, type Problem, type Session, taskOf } from "../backend.ts";
import { allSamples } from "../feed.ts";
import { solveAround } from "../solve-around.ts";
import { webgpuAvailability } from "./availability.ts";
import { decodeOnGpu } from "./decode.ts";
import type { ContextOptions } from "./device.ts";
import { DeviceKeeper } from "./device-recovery.ts";
import { gpuObjective } from "./objective.ts";
import type { GpuDevice, OnnxRuntime } from "./platform.ts";
import { refusalOf } from "./refusal.ts";
import { atOnce, defaultRows, type GpuProblem } from "./rows.ts";

/** Options of `webgpu`. */
export interface WebgpuOptions {
  /** What `import("onnxruntime-web/webgpu")` leads to. Default: that package, imported on first use. */
  ort?: OnnxRuntime | undefined;
  /** A `GPUDevice` to work on. Default: one of our own, for all calls. Once yours is lost, ours takes its place. */
  device?: GpuDevice | undefined;
  /** Where onnxruntime-web finds its WASM: becomes its `env.wasm.wasmPaths`. Default: its own choice. */
  wasmPaths?: unknown;
}

/**
 * The WebGPU backend: the decoder on a GPU, in float32, through onnxruntime-web, an optional peer dependency that
 * has to be installed beside latentflow. It encodes with every flow and solver, decodes, and knows every kind of
 * operation, fixed inputs and points, binaryCrossEntropy and squaredError; training and custom losses are `wasm()`'s. The GPU computes losses and gradients; the solvers' steps,
 * and the curvature that L-BFGS asks for now and then, are computed in WASM.
 *
 * A device that is lost is replaced and the call goes on; a second loss, and it goes on in WASM. The result's
 * `backend.incidents` says so. Results differ from WASM's by what float32 rounds; a sample's do not depend on the
 * others unless the GPU rounds differently for another number of rows.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or one of the wrong type; from the call that uses
 *   it, `unsupported` where there is no WebGPU, no adapter or no onnxruntime-web, on a loss or a use that it does
 *   not know, and before anything is begun on a decoder that it cannot compute, with the operation and the reason
 * @example
 * await encode(decoder, y, { backend: webgpu() });
 */
export function webgpu(options: WebgpuOptions = {}): Backend {
  checkOptions("webgpu", options, { ort: true, device: true, wasmPaths: true });
  const { ort, device, wasmPaths } = options;
  if (ort !== undefined && typeof ort?.InferenceSession?.create !== "function") {
    const hint = isPromise(ort) ? " (is an await missing?)" : "";
    throw invalid(
      `webgpu: ort is ${show(ort)}${hint}, expected the module that import("onnxruntime-web/webgpu") leads to`,
    );
  }
  if (device !== undefined && typeof device?.createBuffer !== "function") {
    throw invalid(`webgpu: device is ${show(device)}, expected a GPUDevice`);
  }
  if (wasmPaths !== undefined && typeof wasmPaths !== "string" && Object(wasmPaths) !== wasmPaths) {
    throw invalid(
      `webgpu: wasmPaths is ${show(wasmPaths)}, expected what onnxruntime-web's env.wasm.wasmPaths takes, a path or an object of them; leave it out for its own choice`,
    );
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
  const keeper = await DeviceKeeper.open(decoder, options);
  const objectives: Pick<Session, "objectiveSize" | "objective"> = {
    objectiveSize: (problem) => atOnce(checkProblem(problem), keeper.largestRows),
    objective: async (problem, first, count) => gpuObjective(keeper, checkProblem(problem), first, count),
  };
  return {
    get info() {
      return keeper.info;
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
      return keeper.work(
        (loaded) =>
          decodeOnGpu(loaded, z, fixed, toLogits, Math.min(sampleCount, defaultRows(decoder)), control),
        (session) => session.decode(z, fixed, toLogits, control),
      );
    },
  };
}

function checkProblem(problem: Problem): GpuProblem {
  checkGpuLoss(problem.loss.name);
  return problem as Problem & { readonly loss: StandardLoss };
}

function checkGpuLoss(name: Problem["loss"]["name"]): void {
  if (name === "custom")
    throw unsupported("a customLoss runs in JavaScript, between two passes of the decoder");
}

function unsupported(what: string): LatentflowError {
  return new LatentflowError("unsupported", `webgpu: ${what}; use wasm()`);
}
