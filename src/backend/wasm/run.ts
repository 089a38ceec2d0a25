import type { Kernels } from "../../kernels/instance.ts";
import type { Control } from "../../solver/base.ts";

/** Names of the functions that the kernels export. */
export type KernelName = Exclude<keyof Kernels, "memory">;

/**
 * Calls a function of the kernels on a decoder's memory, on the calling thread or on a worker. Returns the function's result as a
 * number: 0 for none.
 */
export type Run = <Name extends KernelName>(
  name: Name,
  ...args: Parameters<Kernels[Name]>
) => number | Promise<number>;

/** Returns the function that calls kernels on the calling thread. */
export function runHere(kernels: Kernels): Run {
  return (name, ...args) => Number((kernels[name] as (...args: unknown[]) => unknown)(...args) ?? 0);
}

/**
 * Does one part of some work on each thread, and waits for all of them, since they use the memory of the others: if one fails, the
 * others see an abort. Then throws the error that came first.
 *
 * @param runs function that calls kernels, of each thread
 */
export async function onEach(
  runs: readonly Run[],
  control: Control,
  work: (run: Run, control: Control, thread: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const own = { pause: control.pause, aborted: () => failures.length > 0 || control.aborted() };
  const fail = (error: unknown) => void failures.push(error);
  await Promise.all(runs.map((run, thread) => work(run, own, thread).catch(fail)));
  if (failures.length > 0) throw failures[0];
}
