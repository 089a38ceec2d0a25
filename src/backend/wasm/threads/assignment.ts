import type { SampleRange } from "../../feed.ts";

/** Index of a thread that takes part in a call; 0 is the calling thread. */
export type Member = number;

const NOBODY = -1;

/**
 * Assignment of a call's samples to threads. Threads take samples as they have capacity, so that all are busy to the end: none
 * holds more than an equal share of the unfinished samples, nor more than a limit. The samples of a thread that is lost are
 * assigned to others.
 */
export class Assignment {
  private readonly holders: Int16Array;
  /** Number of unfinished samples that each thread holds, by its index; undefined for a thread that has left the call. */
  private readonly held: (number | undefined)[] = [];
  private next = 0;
  /** Indices of samples to be assigned again, since the thread that held them has left the call. */
  private readonly again: number[] = [];
  private ended = 0;

  /**
   * Starts with all samples unassigned, and no threads.
   *
   * @param mostHeld maximum number of unfinished samples of one thread
   */
  constructor(
    private readonly sampleCount: number,
    private readonly mostHeld: number,
  ) {
    this.holders = new Int16Array(sampleCount).fill(NOBODY);
  }

  /** True once all samples have finished. */
  get isDone(): boolean {
    return this.ended === this.sampleCount;
  }

  /** Adds a thread to the call and returns its index; the first, 0, is the calling thread. */
  join(): Member {
    return this.held.push(0) - 1;
  }

  /** Removes a thread from the call, and queues its unfinished samples for other threads. */
  leave(member: Member): void {
    this.held[member] = undefined;
    this.holders.forEach((holder, sample) => {
      if (holder !== member) return;
      this.holders[sample] = NOBODY;
      this.again.push(sample);
    });
  }

  /** Returns the number of samples that a thread may take now; 0 or less for none. */
  allowance(member: Member): number {
    const held = this.held[member];
    if (held === undefined) return 0;
    const left = this.sampleCount - this.next + this.again.length;
    const members = this.held.filter((count) => count !== undefined).length;
    const exact = (this.sampleCount - this.ended) / members;
    // The first member is the calling thread: it starts before the others receive their messages, so the indivisible rest is
    // assigned to it.
    const share = member === 0 ? Math.ceil(exact) : Math.max(1, Math.floor(exact));
    return Math.min(left, Math.min(share, this.mostHeld) - held);
  }

  /** Assigns at most `most` samples with consecutive indices to a thread; returns undefined if the thread may have none now. */
  take(member: Member, most: number): SampleRange | undefined {
    const allowance = Math.min(most, this.allowance(member));
    if (allowance <= 0) return undefined;
    const lost = this.again.pop();
    const first = lost ?? this.next;
    const count = lost === undefined ? Math.min(allowance, this.sampleCount - this.next) : 1;
    if (lost === undefined) this.next += count;
    this.holders.fill(member, first, first + count);
    this.held[member]! += count;
    return { first, count };
  }

  /** Returns true if the sample is assigned to the thread `member`; results from other threads are outdated. */
  holds(member: Member, sample: number): boolean {
    return this.holders[sample] === member;
  }

  /** Marks a sample as finished. No-op if it was finished before or is queued again. */
  end(sample: number): void {
    const holder = this.holders[sample]!;
    if (holder === NOBODY) return;
    this.holders[sample] = NOBODY;
    this.held[holder]!--;
    this.ended++;
  }
}
