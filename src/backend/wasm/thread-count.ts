import { builtinModule } from "../../base/builtin-module.ts";

/** Option `threads` of `wasm`: number of threads that a call may use, "auto" for one per core, undefined for the default. */
export type Threads = number | "auto" | undefined;

/**
 * Resolves the option `threads` in this runtime: "auto" is the number of cores. The default is "auto" in Node, and 1 in a page,
 * where the bundler has to provide the worker's file.
 */
export function threadCount(threads: Threads): number {
  if (typeof threads === "number") return threads;
  const os = builtinModule("node:os");
  if (os) return os.availableParallelism();
  return threads === "auto" ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1;
}
