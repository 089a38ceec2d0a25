import { SLICE } from "../../base/event-loop.ts";

/**
 * Maximum number of row passes (one row once forward or once backward) in a slice of work between two pauses: more would not
 * fit the kernels' 32-bit counter.
 */
const MOST_PASSES = 2 ** 30;

/**
 * Controls the size of slices of work, in row passes (one row once forward or once backward): the first slice is as small as
 * possible; each later one is as large as the last slice's speed allows in SLICE milliseconds, and at most four times as large
 * as the last.
 */
export class Pacer {
  private passes: number;

  /**
   * Starts with the smallest slice of work.
   *
   * @param smallest size of the smallest slice in row passes (one row once forward or once backward): one pass over all
   *   resident rows
   */
  constructor(private readonly smallest: number) {
    this.passes = smallest;
  }

  /** Size of the next slice of work, in row passes: one row once forward or once backward. */
  get budget(): number {
    return this.passes;
  }

  /**
   * Records the last slice of work, and computes the size of the next.
   *
   * @param spent row passes (one row once forward or once backward) of the last slice, which took `milliseconds`
   */
  record(spent: number, milliseconds: number): void {
    const ideal = milliseconds > 0 ? (spent * SLICE) / milliseconds : Number.POSITIVE_INFINITY;
    this.passes = Math.floor(
      Math.min(Math.max(ideal, this.smallest), 4 * Math.max(spent, this.smallest), MOST_PASSES),
    );
  }
}
