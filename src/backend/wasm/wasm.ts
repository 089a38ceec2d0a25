import { checkNumber, checkOptions, invalid, show } from "../../check.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import type { UrlLike } from "../../platform.ts";
import type { BackendInfo } from "../../result.ts";
import type { Backend, PreparedBackend } from "../base.ts";
import { allSamples } from "../feed.ts";
import { compileKernels } from "./load.ts";
import { differentiableWasmObjective, wasmObjective } from "./objective.ts";
import { oneThread } from "./one-thread.ts";
import { packDecoder } from "./packed.ts";
import { sharing } from "./sharing.ts";
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
  /**
   * How many threads work on a call: the one that calls and workers, which are started once for a decoder, kept for
   * its next calls, and ended with it. No result depends on it. `"auto"`: as many as there are cores where the work
   * is above about 100 ms, else one. Default `"auto"` in Node, 1 in a page. Where workers cannot be started one
   * thread does the work, and the result's `backend` says so.
   */
  threads?: number | "auto";
  /**
   * Where the workers' file is, the package's export "latentflow/worker". Default: beside the library's own, which
   * is right unless a bundler has moved that.
   */
  workerUrl?: string | UrlLike;
}

/**
 * The WASM backend: SIMD kernels in WebAssembly, on one thread or several. It is the default.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or one of the wrong type; `unsupported`,
 *   from the call that uses it, where the runtime cannot run the build; `worker_failed`, from a call in which
 *   workers die again and again
 */
export function wasm(options: WasmOptions = {}): Backend {
  checkOptions("wasm", options, ["relaxed", "bytes", "threads", "workerUrl"]);
  const { relaxed, bytes, threads, workerUrl } = options;
  if (relaxed !== undefined && typeof relaxed !== "boolean") {
    throw invalid(`wasm: relaxed is ${show(relaxed)}, expected true, false or undefined`);
  }
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) {
    throw invalid(`wasm: bytes is ${show(bytes)}, expected a Uint8Array`);
  }
  if (bytes && relaxed !== undefined) {
    throw invalid("wasm: relaxed chooses among the builds of the package; leave it out together with bytes");
  }
  if (typeof threads === "string" && threads !== "auto") {
    throw invalid(`wasm: threads is ${show(threads)}, expected a number or "auto"`);
  }
  if (threads !== undefined && threads !== "auto") {
    checkNumber("wasm", "threads", threads, { min: 1, max: MOST_THREADS, integer: true });
  }
  if (workerUrl !== undefined && typeof workerUrl !== "string" && !(workerUrl instanceof URL)) {
    throw invalid(`wasm: workerUrl is ${show(workerUrl)}, expected a URL or a string`);
  }
  const checked = { relaxed, bytes, threads, workerUrl };
  return Object.freeze({ name: "wasm", prepare: (decoder: Decoder) => prepare(decoder, checked) });
}

/** More than any machine has, and few enough to be counted with 16 bits. */
const MOST_THREADS = 1024;

type CheckedOptions = { readonly [Name in keyof WasmOptions]-?: WasmOptions[Name] | undefined };

async function prepare(decoder: Decoder, options: CheckedOptions): Promise<PreparedBackend> {
  const compiled = await compileKernels(options.relaxed, options.bytes);
  const packed = await packDecoder(decoder, compiled);
  const thread = oneThread(packed);
  const shared = await sharing(packed, compiled, thread, options);
  return {
    get info(): BackendInfo {
      return { name: "wasm", build: compiled.build, ...shared.info };
    },
    objectiveSize: thread.atOnce,
    objective: (problem, first, count) => wasmObjective(packed, problem, first, count),
    differentiableObjective: (problem, first, count, copies = 1) =>
      differentiableWasmObjective(packed, problem, first, count, copies),
    trainer: (optimizer) => shared.follow(wasmTrainer(packed, optimizer, compiled), optimizer),
    fused(solver, loss) {
      const solve = thread.fused(solver, loss);
      return solve && ((problem, ...call) => solve(problem, ...call, allSamples(problem.sampleCount)));
    },
    solve: shared.solve,
    async decode(z, toLogits, control) {
      const outputs = new Float32Array((z.length / decoder.latentSize) * decoder.outputSize);
      await shared.decode({ z, outputs, toLogits }, control);
      return outputs;
    },
  };
}
