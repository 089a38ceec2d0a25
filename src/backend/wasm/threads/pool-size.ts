import { threadCount } from "./thread-count.ts";

// The pool's size: over all groups there is at most one worker less than there are cores, or than the largest number of
// threads asked for.

/** Workers of the pool that share a worker script and a build of the kernels, as far as the pool's size concerns them. */
export interface Member {
  /** Number of workers, including those that end as soon as they are idle. */
  readonly countWithLeaving: number;
  /** Ends an idle worker; returns true if there was one. */
  endOneIdle(): boolean;
  /** Ends all workers; busy ones when they have finished. */
  close(): void;
  /** Removes a decoder, by its number, from all workers. */
  forget(decoder: number): void;
}

/** Worker groups, each for one worker script and one build of the kernels, that have workers. */
export const active = new Set<Member>();

let mostAsked = 0;

/** Raises the maximum number of workers to `count`, if it is lower; returns the maximum. */
export function raiseMostWorkers(count: number): number {
  mostAsked = Math.max(mostAsked, count, threadCount("auto") - 1);
  return mostAsked;
}

/**
 * Makes room in the pool for one more worker of the worker group `asking` by ending an idle worker of another group, if there
 * is no room yet; returns true if there is room.
 */
export function makeRoom(asking: Member): boolean {
  const all = [...active];
  const count = all.reduce((sum, group) => sum + group.countWithLeaving, 0);
  return count < mostAsked || all.some((group) => group !== asking && group.endOneIdle());
}
