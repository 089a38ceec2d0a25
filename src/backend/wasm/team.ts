import type { Kernels } from "../../kernels/instance.ts";
import type { Control } from "../../solver/base.ts";
import type { Method } from "../../solver/solver.ts";

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
 * What a unit of divided work is: the solve of one sample by this solver, one pass of a sample through the decoder, or the update of
 * one parameter.
 */
export type Unit = Method | "pass" | "parameter";

/**
 * Threads among which work is divided, as many as are worth it: calls `work` with the function that calls kernels of each.
 *
 * @param count number of units that the work consists of
 * @param aborted polled while threads start. Default: threads that start are not waited for
 */
export type Team = (
  unit: Unit,
  count: number,
  work: (runs: readonly Run[]) => Promise<void>,
  aborted?: Control["aborted"],
) => Promise<void>;

/** Returns a team of one thread. */
export function teamOfOne(run: Run): Team {
  return (_unit, _count, work) => work([run]);
}

/**
 * Returns the units first … end - 1 of `count` that are thread number `thread`'s share. Kernels that divide parameters themselves do so
 * by assembly/ops/parts.ts; samples that a solve takes one after the other are dealt out by `dividedSamples`.
 */
export function shareOf(count: number, thread: number, threads: number): { first: number; end: number } {
  return {
    first: Math.floor((count * thread) / threads),
    end: Math.floor((count * (thread + 1)) / threads),
  };
}

/** Control of work that is not interrupted: a pass of an objective, an update. */
export const AT_ONCE: Control = { aborted: () => false, pause: async () => {} };

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
