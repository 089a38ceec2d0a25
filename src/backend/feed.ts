/** Consecutive samples of a call: first … first + count - 1. */
export interface SampleRange {
  readonly first: number;
  readonly count: number;
}

/** Source from which a thread takes the samples that it works on. */
export interface Feed {
  /** True if `take` would return samples now; later there may be more. */
  readonly hasMore: boolean;
  /** Takes at most `most` of the remaining samples; returns undefined if none are available now. */
  take(most: number): SampleRange | undefined;
  /** Says that `count` of the samples taken have ended. */
  end(count: number): void;
}

/** Returns a feed (source of ranges) of a call's samples 0 … sampleCount - 1 in order, for a call on a single thread. */
export function allSamples(sampleCount: number): Feed {
  return dividedSamples(sampleCount, 1)[0]!;
}

/**
 * Returns a feed (source of ranges) of a call's samples 0 … sampleCount - 1 for each of several threads. A thread takes samples as
 * it has room for them, but holds at most an equal share of those that have not ended, so that all threads are busy to the end.
 */
export function dividedSamples(sampleCount: number, threads: number): Feed[] {
  let next = 0;
  let left = sampleCount;
  return Array.from({ length: threads }, () => {
    let held = 0;
    const allowance = () => Math.min(sampleCount - next, Math.ceil(left / threads) - held);
    return {
      get hasMore() {
        return allowance() > 0;
      },
      take(most: number) {
        const count = Math.min(most, allowance());
        if (count <= 0) return undefined;
        const first = next;
        next += count;
        held += count;
        return { first, count };
      },
      end(count: number) {
        held -= count;
        left -= count;
      },
    };
  });
}
