/** Samples one after the other: first … first + count - 1. */
export interface SampleRange {
  readonly first: number;
  readonly count: number;
}

/** Where a thread takes the samples of a call from, when it has room for more. */
export interface Feed<Range extends SampleRange = SampleRange> {
  /** Would `take` give any now? */
  readonly hasMore: boolean;
  /** Samples that nobody has taken yet, at most `most` of them; undefined while there are none. */
  take(most: number): Range | undefined;
}

/** All samples of a call in turn, for a thread that has them to itself. */
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
