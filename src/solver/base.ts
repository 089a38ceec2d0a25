/** Control of long work, called between pieces of a few milliseconds. */
export interface Control {
  /** True once the caller has aborted: stop, and leave what there is in the solution. */
  aborted(): boolean;
  /** Reports progress, and lets the event loop run now and then. */
  pause(): Promise<void>;
}

/** Larger counts would not fit the 32-bit counters of a result, nor those in assembly/. */
export const MAX_COUNT = 2 ** 31 - 1;

/** True for a loss that float32, in which it is returned, can hold. */
export function isLoss(loss: number): boolean {
  return Number.isFinite(Math.fround(loss));
}
