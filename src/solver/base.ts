/**
 * Functions that a long computation calls between pieces of work of a few milliseconds: to stop on abort, and to report
 * progress.
 */
export interface Control {
  /** Returns true once the caller has aborted: the computation then stops and leaves its results so far in place. */
  aborted(): boolean;
  /** Reports progress, and lets the event loop run after every few milliseconds of work. */
  pause(): Promise<void>;
}

/** Maximum count, such as of steps: larger ones would overflow the 32-bit counters of results and of assembly/. */
export const MAX_COUNT = 2 ** 31 - 1;

/** True if the loss stays finite when rounded to float32, the type of losses in results. */
export function isLoss(loss: number): boolean {
  return Number.isFinite(Math.fround(loss));
}
