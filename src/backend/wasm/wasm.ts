import { checkOptions, invalid, show } from "../../check.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { isAmd } from "../../solver/amd.ts";
import { isImplicitAmd } from "../../solver/implicit-amd.ts";
import type { Backend, PreparedBackend, Problem } from "../base.ts";
import { fusedAmd } from "./amd.ts";
import { decodeRows } from "./decode.ts";
import { solveFused } from "./descent.ts";
import { fusedImplicitAmd } from "./implicit-amd.ts";
import { compileKernels } from "./load.ts";
import { differentiableWasmObjective, wasmObjective } from "./objective.ts";
import { residentRows } from "./pacer.ts";
import { packDecoder } from "./packed.ts";
import { wasmTrainer } from "./trainer.ts";

/** Options of `wasm`. */
export interface WasmOptions {
  /**
   * Which of the two builds: true for relaxed SIMD (refused where the runtime has none), false for plain SIMD,
   * whose results are the same bits on every machine. Default: relaxed where there is one.
   */
  relaxed?: boolean;
  /** The binary of the kernels, instead of those inside the package. */
  bytes?: Uint8Array;
}

/**
 * The WASM backend: SIMD kernels in WebAssembly, on the thread that calls. It is the default.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or one of the wrong type; `unsupported`,
 *   from the call that uses it, where the runtime cannot run the build
 */
export function wasm(options: WasmOptions = {}): Backend {
  checkOptions("wasm", options, ["relaxed", "bytes"]);
  const { relaxed, bytes } = options;
  if (relaxed !== undefined && typeof relaxed !== "boolean") {
    throw invalid(`wasm: relaxed is ${show(relaxed)}, expected true, false or undefined`);
  }
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) {
    throw invalid(`wasm: bytes is ${show(bytes)}, expected a Uint8Array`);
  }
  if (bytes && relaxed !== undefined) {
    throw invalid("wasm: relaxed chooses among the builds of the package; leave it out together with bytes");
  }
  return Object.freeze({
    name: "wasm",
    prepare: (decoder: Decoder) => prepare(decoder, relaxed, bytes),
  });
}

async function prepare(
  decoder: Decoder,
  relaxed: boolean | undefined,
  bytes: Uint8Array | undefined,
): Promise<PreparedBackend> {
  const compiled = await compileKernels(relaxed, bytes);
  const packed = await packDecoder(decoder, compiled);
  const outputs = decoder.layers.reduce((sum, layer) => sum + layer.outputSize, 0);
  const residents = residentRows(decoder.parameterCount, outputs);
  const atOnce = (problem: Problem) =>
    Math.min(problem.sampleCount, problem.batchSize ?? residents, residents);
  return {
    info: { name: "wasm", build: compiled.build },
    objectiveSize: atOnce,
    objective: (problem, first, count) => wasmObjective(packed, problem, first, count),
    differentiableObjective: (problem, first, count, copies = 1) =>
      differentiableWasmObjective(packed, problem, first, count, copies),
    trainer: (optimiser) => wasmTrainer(packed, optimiser, compiled),
    fused(solver, loss) {
      // A custom loss runs in JavaScript between the passes.
      if (loss.name === "custom") return undefined;
      const allocate = isAmd(solver)
        ? () => fusedAmd(packed, solver)
        : isImplicitAmd(solver) && (() => fusedImplicitAmd(packed, solver));
      if (!allocate) return undefined;
      return (problem, solution, control) =>
        solveFused(packed, problem, allocate, atOnce(problem), solution, control);
    },
    decode: (z, toLogits, control) => decodeRows(packed, z, toLogits, residents, control),
  };
}
