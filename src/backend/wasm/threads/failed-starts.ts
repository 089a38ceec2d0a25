/** Minimum back-off after a failed start of workers, in milliseconds; doubled after each further failure. */
const SHORTEST_WAIT = 1000;
/** Maximum back-off after failed starts of workers, in milliseconds. */
const LONGEST_WAIT = 600_000;
/** Back-off after the first failed start of workers, as a multiple of its duration: retries take at most a tenth of the time. */
const WAIT_PER_TRY = 10;

/** Attempt to start some workers at once, with the time at which it began (`performance.now()`). */
export interface Attempt {
  readonly since: number;
}

/** Record of failed starts of workers, which delays further attempts. */
export class FailedStarts {
  private last:
    | { readonly attempt: Attempt; readonly reason: string; readonly times: number; readonly retryAt: number }
    | undefined;

  /** Reason why the last attempt failed; undefined if none has failed, or a later one succeeded. */
  get reason(): string | undefined {
    return this.last?.reason;
  }

  /** Begins an attempt to start workers; returns undefined during back-off. */
  begin(): Attempt | undefined {
    const now = performance.now();
    return this.last && now < this.last.retryAt ? undefined : { since: now };
  }

  /** Records that an attempt to start workers failed; further failures of the same attempt are ignored. */
  fail(attempt: Attempt, reason: string): void {
    if (this.last?.attempt === attempt) return;
    const now = performance.now();
    const times = (this.last?.times ?? 0) + 1;
    const wait = Math.max(SHORTEST_WAIT, WAIT_PER_TRY * (now - attempt.since)) * 2 ** (times - 1);
    this.last = { attempt, reason, times, retryAt: now + Math.min(wait, LONGEST_WAIT) };
  }

  /** Records that a worker of an attempt is ready, which clears failures of earlier attempts. */
  succeed(attempt: Attempt): void {
    if (this.last?.attempt !== attempt) this.last = undefined;
  }
}
