/** A slice of work aims at this long, in milliseconds: a page drops one frame at most. */
const TARGET = 12;

/** More passes than this would not fit the counter, nor any slice. */
const MOST_PASSES = 2 ** 30;

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
    this.passes = Math.floor(
      Math.min(Math.max(ideal, this.smallest), 4 * Math.max(spent, this.smallest), MOST_PASSES),
    );
  }
}

/** A round of all resident rows may take this many floating point operations: 30 ms at 13 GFLOP/s. */
const ROUND_OPERATIONS = 4e8;
/** What the activation, the loss and the staging of one output cost in them: some 15 ns where products go at full speed. */
const OUTPUT_OPERATIONS = 600;
/** Rows beyond this do not speed up the products, and make rounds long. A multiple of both tiles. */
const MOST_ROWS = 48;

/**
 * How many samples to keep resident: fewer for wide decoders, so that one round stays short. (A single row of a
 * decoder of 100 million parameters is longer than that: it is not cut.)
 *
 * @param outputs outputs of all layers together
 */
export function residentRows(parameterCount: number, outputs: number): number {
  // A multiply and an add per parameter, forward and backward.
  const rows = Math.floor(ROUND_OPERATIONS / (4 * parameterCount + OUTPUT_OPERATIONS * outputs));
  return Math.max(1, Math.min(MOST_ROWS, rows));
}
