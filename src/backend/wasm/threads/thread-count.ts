import { builtinModule } from "../../../base/builtin-module.ts";

/** How many threads a call may use, see the option `threads` of `wasm`. */
export type Threads = number | "auto" | undefined;

/**
 * How many threads that is here: for "auto" as many as there are cores. The default is "auto" in Node, and 1 in a
 * page, where a worker's file is a thing of the bundler's.
 */
export function threadCount(threads: Threads): number {
  if (typeof threads === "number") return threads;
  const os = builtinModule("node:os");
  if (os) return os.availableParallelism();
  return threads === "auto" ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1;
}
