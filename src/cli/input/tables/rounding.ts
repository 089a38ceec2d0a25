/** Largest root mean square of rounding errors, as a share of the standard deviation, up to which numbers are told apart. */
const COARSE = 0.01;

/** Follows how much the numbers of a column lose as float32, beside how much they differ. */
export class Rounding {
  least = Number.POSITIVE_INFINITY;
  most = Number.NEGATIVE_INFINITY;
  private count = 0;
  private mean = 0;
  /** Sum of the squared distances from the mean, by Welford's update. */
  private squares = 0;
  /** Sum of the squared rounding errors. */
  private errors = 0;

  /** Adds a number; NaN, a missing value, is left out. */
  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.least = Math.min(this.least, value);
    this.most = Math.max(this.most, value);
    const distance = value - this.mean;
    this.mean += distance / ++this.count;
    this.squares += distance * (value - this.mean);
    this.errors += (value - Math.fround(value)) ** 2;
  }

  /** True if float32 does not tell the numbers apart: times in seconds since 1970, say, have steps of 128 there. */
  get isCoarse(): boolean {
    return this.squares > 0 && this.errors > COARSE ** 2 * this.squares;
  }
}
