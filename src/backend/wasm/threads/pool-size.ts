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

/** Groups that have workers. */
export const active = new Set<Member>();

let mostAsked = 0;

/** Raises the maximum number of workers to `count`, if it is lower; returns the maximum. */
export function raiseMostWorkers(count: number): number {
  mostAsked = Math.max(mostAsked, count, threadCount("auto") - 1);
  return mostAsked;
}

/** Makes room for one more worker by ending an idle one of another group; returns true if there is room. */
export function makeRoom(asking: Member): boolean {
  const all = [...active];
  const count = all.reduce((sum, group) => sum + group.countWithLeaving, 0);
  return count < mostAsked || all.some((group) => group !== asking && group.endOneIdle());
}
