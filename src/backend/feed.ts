/** Consecutive samples: first … first + count - 1. */
export interface SampleRange {
  readonly first: number;
  readonly count: number;
}

/** Source of the samples that a thread works on. */
export interface Feed<Range extends SampleRange = SampleRange> {
  /** True if `take` would return samples now. */
  readonly hasMore: boolean;
  /** Takes at most `most` of the samples left; undefined if none are available now. */
  take(most: number): Range | undefined;
}

/** Returns a feed of all samples of a call in order, for a thread that works alone. */
export function allSamples(sampleCount: number): Feed {
  let next = 0;
  return {
    get hasMore() {
      return next < sampleCount;
    },
    take(most) {
      const range = { first: next, count: Math.min(most, sampleCount - next) };
      next += range.count;
      return range.count > 0 ? range : undefined;
    },
  };
}
