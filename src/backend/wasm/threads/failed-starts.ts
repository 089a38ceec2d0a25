/**
 * Back-off after a failed start, in milliseconds: ten times the duration of the start, at least a second; doubled after each
 * further failure, up to ten minutes. Retries so take a tenth of the time at most.
 */
const SHORTEST_WAIT = 1000;
const LONGEST_WAIT = 600_000;
const WAIT_PER_TRY = 10;

/** Start of some workers at once. */
export interface Attempt {
  readonly since: number;
}

/** Back-off after failed starts of workers. */
export class FailedStarts {
  private last:
    | { readonly attempt: Attempt; readonly reason: string; readonly times: number; readonly retryAt: number }
    | undefined;

  /** Reason why the last attempt failed; undefined without a failure, or after a later success. */
  get reason(): string | undefined {
    return this.last?.reason;
  }

  /** Starts an attempt; returns undefined during back-off. */
  begin(): Attempt | undefined {
    const now = performance.now();
    return this.last && now < this.last.retryAt ? undefined : { since: now };
  }

  /** Records that an attempt failed; further failures of the same attempt are ignored. */
  fail(attempt: Attempt, reason: string): void {
    if (this.last?.attempt === attempt) return;
    const now = performance.now();
    const times = (this.last?.times ?? 0) + 1;
    const wait = Math.max(SHORTEST_WAIT, WAIT_PER_TRY * (now - attempt.since)) * 2 ** (times - 1);
    this.last = { attempt, reason, times, retryAt: now + Math.min(wait, LONGEST_WAIT) };
  }

  /** Records that a worker of an attempt is ready, which clears earlier failures. */
  succeed(attempt: Attempt): void {
    if (this.last?.attempt !== attempt) this.last = undefined;
  }
}
