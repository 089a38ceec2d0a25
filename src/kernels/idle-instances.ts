import { type KernelInstance, newInstance } from "./instance.ts";

/** Maximum memory of an unused instance of the kernels that is kept for reuse, in bytes. */
const MOST_BYTES = 2 ** 24;
/** Maximum number of unused instances that are kept for each WebAssembly module. */
const MOST_INSTANCES = 8;

/**
 * Unused instances of the kernels by module, kept because a new memory for each call would stay reserved until it is
 * garbage-collected.
 */
const idle = new WeakMap<WebAssembly.Module, KernelInstance[]>();

/** Returns an unused instance of the kernels, or makes one, for exclusive use until `giveInstanceBack`. */
export async function takeInstance(module: WebAssembly.Module): Promise<KernelInstance> {
  return idle.get(module)?.pop() ?? newInstance(module);
}

/**
 * Makes an instance of the kernels available for reuse; drops it if its memory is above MOST_BYTES, or MOST_INSTANCES are
 * available already. All blocks in its memory must have been freed.
 */
export function giveInstanceBack(module: WebAssembly.Module, instance: KernelInstance): void {
  const kept = idle.get(module) ?? [];
  if (instance.arena.byteLength > MOST_BYTES || kept.length >= MOST_INSTANCES) return;
  idle.set(module, [...kept, instance]);
}
