/** A prior of samples whose objectives have its share in them, for whoever wants to know their losses. */
export interface PriorOfSamples {
  /**
   * Its value in nats times its weight.
   * @param z [d]
   */
  value(z: ArrayLike<number>): number;
  /** 1/N of a sample. */
  scale(sample: number): number;
}

/** What the rounding of a prior's share may add to a loss, of its own size or of 1. */
const LARGEST_ROUNDING = 1e-6;

/** The loss in an objective; NaN where the prior's share is so large, or overflows, that the loss is lost in its rounding. */
export function withoutShare(objective: number, share: number): number {
  const loss = objective - share;
  const rounding = Math.abs(share) * Number.EPSILON;
  return rounding <= LARGEST_ROUNDING * Math.max(1, Math.abs(loss)) ? loss : Number.NaN;
}
