/**
 * After a start that failed calls do without for a while, in milliseconds: ten times as long as it took, and at least a
 * second; twice as long after each further one, up to ten minutes. So trying again costs a tenth of the time at most.
 */
const SHORTEST_WAIT = 1000;
const LONGEST_WAIT = 600_000;
const WAIT_PER_TRY = 10;

/** A start of some workers together. */
export interface Attempt {
  readonly since: number;
}

/** Back-off after failed starts of workers. */
export class FailedStarts {
  private last:
    | { readonly attempt: Attempt; readonly reason: string; readonly times: number; readonly retryAt: number }
    | undefined;

  /** Why the last attempt failed; undefined where none has, or a later one has not. */
  get reason(): string | undefined {
    return this.last?.reason;
  }

  /** A new attempt; undefined where it is too early for one. */
  begin(): Attempt | undefined {
    const now = performance.now();
    return this.last && now < this.last.retryAt ? undefined : { since: now };
  }

  /** Notes a failed attempt; only its first failure counts. */
  fail(attempt: Attempt, reason: string): void {
    if (this.last?.attempt === attempt) return;
    const now = performance.now();
    const times = (this.last?.times ?? 0) + 1;
    const wait = Math.max(SHORTEST_WAIT, WAIT_PER_TRY * (now - attempt.since)) * 2 ** (times - 1);
    this.last = { attempt, reason, times, retryAt: now + Math.min(wait, LONGEST_WAIT) };
  }

  /** A worker of an attempt is ready: the failures before it are forgotten. */
  succeed(attempt: Attempt): void {
    if (this.last?.attempt !== attempt) this.last = undefined;
  }
}
