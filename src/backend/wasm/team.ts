import type { Control } from "../../solver/base.ts";
import type { Run } from "./run.ts";

/**
 * Threads among which work is divided, as many as are worth it: calls `work` with the function that calls kernels of each.
 *
 * @param units number of equal units that the work consists of
 * @param milliseconds estimated time of a unit on one thread
 */
export type Team = (
  units: number,
  milliseconds: number,
  work: (runs: readonly Run[]) => Promise<void>,
) => Promise<void>;

/** Returns a team of one thread. */
export function teamOfOne(run: Run): Team {
  return (_units, _milliseconds, work) => work([run]);
}

/** Returns the units first … end - 1 of `count` that are thread number `thread`'s share. */
export function shareOf(count: number, thread: number, threads: number): { first: number; end: number } {
  return {
    first: Math.floor((count * thread) / threads),
    end: Math.floor((count * (thread + 1)) / threads),
  };
}

/** Control of work that is too short to be interrupted. */
export const AT_ONCE: Control = { aborted: () => false, pause: async () => {} };
