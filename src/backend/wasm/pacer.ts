/** A slice of work aims at this long, in milliseconds: a page drops one frame at most. */
const TARGET = 12;

/**
 * How much work the next slice gets, in row passes. The first slice is the smallest there is; each later one
 * is what would have taken TARGET at the speed of the last one, at most four times as much as that one.
 */
export class Pacer {
  private passes: number;
  private readonly smallest: number;

  /** @param smallest row passes of one round of all resident rows */
  constructor(smallest: number) {
    this.smallest = smallest;
    this.passes = smallest;
  }

  /** The row passes of the next slice. */
  get budget(): number {
    return this.passes;
  }

  /** @param spent row passes of the last slice, which took `milliseconds` */
  record(spent: number, milliseconds: number): void {
    const ideal = milliseconds > 0 ? (spent * TARGET) / milliseconds : Number.POSITIVE_INFINITY;
    this.passes = Math.max(this.smallest, Math.floor(Math.min(ideal, 4 * this.passes)));
  }
}

/** A round of all resident rows may take this many floating point operations: 30 ms at 13 GFLOP/s. */
const ROUND_OPERATIONS = 4e8;
/** Rows beyond this do not speed up the products, and make rounds long. A multiple of both tiles. */
const MOST_ROWS = 48;

/** How many samples to keep resident: fewer for wide decoders, so that one round stays short. */
export function residentRows(parameterCount: number): number {
  // A multiply and an add per parameter, forward and backward.
  const rows = Math.floor(ROUND_OPERATIONS / (4 * parameterCount));
  return Math.max(1, Math.min(MOST_ROWS, rows));
}
