import { Arena } from "./arena.ts";
import { instantiateKernels, type Kernels } from "./instance.ts";

/** An instance of the kernels, and its memory. */
export interface KernelInstance {
  readonly arena: Arena;
  readonly kernels: Kernels;
}

/** Larger memories are not kept, in bytes. */
const MOST_KEPT = 2 ** 24;

/** Instances that nobody uses now: a memory of its own for each call would be reserved until it is collected. */
const idle = new WeakMap<WebAssembly.Module, KernelInstance[]>();

/** An instance that nobody else uses, until it is given back. */
export async function takeInstance(module: WebAssembly.Module): Promise<KernelInstance> {
  const kept = idle.get(module)?.pop();
  if (kept) return kept;
  const arena = new Arena();
  return { arena, kernels: await instantiateKernels(module, arena.memory) };
}

/** All that was taken in its memory has to have been freed. */
export function giveInstanceBack(module: WebAssembly.Module, instance: KernelInstance): void {
  if (instance.arena.byteLength > MOST_KEPT) return;
  idle.set(module, [...(idle.get(module) ?? []), instance]);
}
