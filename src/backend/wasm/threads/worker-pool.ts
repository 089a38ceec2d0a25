import { kept } from "../../../base/kept.ts";
import type { CompiledKernels } from "../../../kernels/instance.ts";
import { onCloseWorkers } from "./close-workers.ts";
import type { WorkerSource } from "./thread.ts";
import { active, allEnded, WorkerGroup } from "./worker-group.ts";

// The worker pool, one per copy of the library: groups of workers, each for one worker script and one build of the
// kernels.

const groups = new WeakMap<WebAssembly.Module, Map<unknown, WorkerGroup>>();

/**
 * Maximum number of worker groups without workers that are kept per build of the kernels, for their record of failed starts.
 */
const MOST_GROUPS = 32;

/** Returns the worker group of a worker script and a build of the kernels; undefined if there is none. */
export function knownWorkerGroup(
  compiled: CompiledKernels,
  source: WorkerSource | undefined,
): WorkerGroup | undefined {
  return groups.get(compiled.module)?.get(keyOf(source));
}

/** Returns the worker group of a worker script and a build of the kernels, made on first use. */
export function workerGroup(compiled: CompiledKernels, source: WorkerSource | undefined): WorkerGroup {
  const bySource = kept(groups, compiled.module, () => new Map());
  const group = kept(bySource, keyOf(source), () => new WorkerGroup(compiled, source));
  for (const [key, { isInUse }] of [...bySource].slice(0, -MOST_GROUPS)) if (!isInUse) bySource.delete(key);
  return group;
}

/**
 * Returns the map key of a worker source. Functions are compared by their text, since a function literal is a new object in
 * each call; bound functions, which all have the same text, are compared by identity.
 */
function keyOf(source: WorkerSource | undefined): unknown {
  if (source === undefined) return undefined;
  const text = String(source);
  if (typeof source !== "function") return `file ${text}`;
  return text.includes("[native code]") ? source : `function ${text}`;
}

/** Removes a decoder, by its number, from all workers. */
export function forgetDecoder(decoder: number): void {
  for (const group of active) group.forget(decoder);
}

onCloseWorkers(async () => {
  for (const group of [...active]) group.close();
  await allEnded();
});
