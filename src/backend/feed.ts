/** Consecutive samples of a call: first … first + count - 1. */
export interface SampleRange {
  readonly first: number;
  readonly count: number;
}

/** Source from which a thread takes the samples that it works on. */
export interface Feed<Range extends SampleRange = SampleRange> {
  /** True if `take` would return samples now; later there may be more. */
  readonly hasMore: boolean;
  /** Takes at most `most` of the remaining samples; returns undefined if none are available now. */
  take(most: number): Range | undefined;
}

/** Returns a feed (source of ranges) of a call's samples 0 … sampleCount - 1 in order, for a call on a single thread. */
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
