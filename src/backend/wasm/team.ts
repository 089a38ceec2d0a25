import type { Control } from "../../solver/base.ts";
import type { Method } from "../../solver/solver.ts";
import type { Run } from "./run.ts";

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
