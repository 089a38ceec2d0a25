import { calling } from "../../base/calling.ts";
import { checkFlag, checkNumber } from "../../base/check.ts";
import { completeOptions, type FieldsOf, later, optional } from "../../base/options.ts";
import type { UrlLike, WebAssemblyModule, WorkerLike } from "../../base/platform.ts";
import { isPlatformObject, messageOf } from "../../base/realms.ts";
import { objection, refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { compileKernels, recogniseKernels } from "../../kernels/load.ts";
import type { Backend, Session } from "../backend.ts";
import { isFused } from "./fused-solve.ts";
import { loadObjectives } from "./load-objectives.ts";
import { type PackedDecoder, packDecoder } from "./packed.ts";
import { wasmSession } from "./session.ts";
import { threadCount } from "./thread-count.ts";
import type { ThreadOptions } from "./threads/shared-session.ts";
import type { WorkerSource } from "./threads/thread.ts";

/** Options of the backend `wasm`. */
export interface WasmOptions {
  /**
   * Build of the kernels: true for relaxed SIMD (an error if the runtime or processor lacks it), false for plain SIMD, whose
   * results have the same bits on every machine. Default: relaxed if the runtime has it and the processor has a fused
   * multiply-add, else plain.
   */
  relaxed?: boolean | undefined;
  /**
   * Precompiled kernels: the package's `latentflow/wasm/plain.wasm` or `relaxed.wasm`, for runtimes that cannot compile
   * WebAssembly from bytes (Cloudflare Workers, other edge runtimes): they run on one thread, since their memory cannot be
   * shared. Or `plain-wide.wasm` or `relaxed-wide.wasm`, on any number of threads, for V8 with its flag for 256-bit vectors:
   * results of the same bits, sooner with the flag and later without. Default: the kernels inside the package, compiled on first
   * use.
   */
  module?: WebAssemblyModule | undefined;
  /**
   * Number of threads that work on a call, 1 to 1024. Above 1 they are workers, which share one memory and are started once for
   * all decoders; the calling thread only coordinates them. Workers end after 30 seconds without work, or by `closeWorkers()`. No
   * result depends on the number. `"auto"`: one per core if the work is above about 100 ms, else one. Default `"auto"` in Node, 1
   * in a page. A page has to be cross-origin isolated, by the headers `Cross-Origin-Opener-Policy: same-origin` and
   * `Cross-Origin-Embedder-Policy: require-corp`. If threads cannot be used, one does the work, and the result's `backend.reason`
   * says why, and what to do.
   */
  threads?: number | "auto" | undefined;
  /**
   * The workers' script, the package's export `latentflow/worker`: its path or URL, or a function that starts it and returns
   * the new `Worker`, in Node also one of `worker_threads`. Bundlers recognise the form
   *
   *     () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" })
   *
   * The workers that the function makes then belong to latentflow, which ends them. Functions with the same text are treated as
   * the same. In Node a path is absolute, or begins with `./` or `../` and starts in the current folder. A worker that does not
   * answer within 20 seconds counts as one that cannot be started. Default: the script beside the library's own file; in Node, if that is missing, the one of the package that is
   * installed beside the running file or in the current folder.
   */
  worker?: string | UrlLike | (() => WorkerLike) | undefined;
}

/** Maximum number of threads: more than any machine has, and few enough to be counted with 16 bits. */
export const MOST_THREADS = 1024;

/** Checks and defaults of the options of `wasm`. */
const FIELDS = {
  relaxed: optional<boolean>({ check: checkFlag }),
  module: later<WebAssemblyModule | undefined>(),
  threads: optional<number | "auto">({
    check(name, value) {
      if (value === "auto") return value;
      if (typeof value === "string") throw refused(name, "is", show(value), 'a number or "auto"');
      return checkNumber(name, value, { min: 1, max: MOST_THREADS, integer: true });
    },
  }),
  worker: optional<WorkerSource>({
    check(name, value) {
      // A URL may be of another realm, such as a page's if jsdom made it.
      const isText = typeof value === "string" && value !== "";
      if (isText || typeof value === "function" || isPlatformObject("URL", value))
        return value as WorkerSource;
      throw refused(name, "is", show(value), "a string, a URL or a function that makes a Worker");
    },
  }),
} satisfies FieldsOf<WasmOptions>;

/**
 * Makes the WASM backend: SIMD kernels in WebAssembly, on one thread or several. It is the default backend.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or one of the wrong type or range; from a call that uses the
 *   backend, `unsupported` if the runtime cannot run the build, and `worker_failed` if a worker dies during it
 * @example
 * await encode(decoder, y, { backend: wasm({ relaxed: false, threads: 4 }) });
 */
export function wasm(options: WasmOptions = {}): Backend {
  return calling("wasm", () => {
    const { relaxed, module, threads, worker } = completeOptions(options, FIELDS);
    if (module !== undefined && relaxed !== undefined) {
      const advice = "; leave it out together with module";
      throw objection("relaxed", "chooses a build of the package", advice);
    }
    const given = module === undefined ? undefined : recogniseKernels(module as WebAssembly.Module);
    return Object.freeze<Backend>({
      name: "wasm",
      async open(decoder, use) {
        const packed = await packDecoder(decoder, given ?? (await compileKernels(relaxed)));
        // Loaded when the session opens rather than by the solve, which an abort interrupts only between pieces of work.
        if (use && !isFused(use)) await loadObjectives();
        return threadCount(threads) === 1 ? wasmSession(packed) : withThreads(packed, { threads, worker });
      },
    });
  });
}

/** Loads the code for several threads on first use; returns a session for this thread alone if loading fails. */
async function withThreads(packed: PackedDecoder, options: ThreadOptions): Promise<Session> {
  try {
    const { sharedSession } = await import("./threads/shared-session.ts");
    return sharedSession(packed, options);
  } catch (error) {
    const reason = `workers cannot be started here: ${messageOf(error)}; wasm({ threads: 1 }) does without`;
    return wasmSession(packed, undefined, () => ({ threads: 1, reason }));
  }
}
