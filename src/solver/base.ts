/** Control of long work, called between pieces of a few milliseconds. */
export interface Control {
  /** Returns true once the caller has aborted: the work then stops, and leaves its results so far in the solution. */
  aborted(): boolean;
  /** Reports progress, and lets the event loop run now and then. */
  pause(): Promise<void>;
}

/** Largest count: larger ones would not fit the 32-bit counters of results and of assembly/. */
export const MAX_COUNT = 2 ** 31 - 1;

/** True for a loss that is finite in float32, in which losses are returned. */
export function isLoss(loss: number): boolean {
  return Number.isFinite(Math.fround(loss));
}
