import { Arena } from "./arena.ts";
import { instantiateKernels, type Kernels } from "./instance.ts";

/** An instance of the kernels, with its memory. */
export interface KernelInstance {
  readonly arena: Arena;
  readonly kernels: Kernels;
}

/** Largest memory of an instance that is kept for reuse, in bytes; and the maximum number of instances kept per module. */
const MOST_BYTES = 2 ** 24;
const MOST_INSTANCES = 8;

/** Unused instances by module, kept because a new memory for each call would stay reserved until it is garbage-collected. */
const idle = new WeakMap<WebAssembly.Module, KernelInstance[]>();

/** Returns an unused instance of the kernels, or makes one, for exclusive use until `giveInstanceBack`. */
export async function takeInstance(module: WebAssembly.Module): Promise<KernelInstance> {
  const kept = idle.get(module)?.pop();
  if (kept) return kept;
  const arena = new Arena();
  return { arena, kernels: await instantiateKernels(module, arena.memory) };
}

/** Makes an instance available for reuse. All blocks in its memory must have been freed. */
export function giveInstanceBack(module: WebAssembly.Module, instance: KernelInstance): void {
  const kept = idle.get(module) ?? [];
  if (instance.arena.byteLength > MOST_BYTES || kept.length >= MOST_INSTANCES) return;
  idle.set(module, [...kept, instance]);
}
