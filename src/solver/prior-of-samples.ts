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
