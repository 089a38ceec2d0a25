import type { SampleRange } from "../../feed.ts";

/** Index of a thread in the assignment of a call. */
export type Member = number;

const NOBODY = -1;

/**
 * Assignment of a call's samples to threads. Threads take samples as they have room, so that all have work to the
 * end: none holds more than its share of the samples that have not ended, nor more than a bound. The samples of a
 * thread that is lost are given to others.
 */
export class Assignment {
  private readonly holders: Int16Array;
  /** Number of samples that each member holds; undefined for one that is lost. */
  private readonly held: (number | undefined)[] = [];
  private next = 0;
  /** Samples to be given out again, since their member was lost. */
  private readonly again: number[] = [];
  private ended = 0;

  /** @param mostHeld samples of one member */
  constructor(
    private readonly sampleCount: number,
    private readonly mostHeld: number,
  ) {
    this.holders = new Int16Array(sampleCount).fill(NOBODY);
  }

  /** True once all samples have ended. */
  get isDone(): boolean {
    return this.ended === this.sampleCount;
  }

  /** Adds a member and returns its index; the first is the calling thread. */
  join(): Member {
    return this.held.push(0) - 1;
  }

  /** Removes a member; its samples are given out again. */
  leave(member: Member): void {
    this.held[member] = undefined;
    this.holders.forEach((holder, sample) => {
      if (holder !== member) return;
      this.holders[sample] = NOBODY;
      this.again.push(sample);
    });
  }

  /** Number of samples that a member may take now. */
  allowance(member: Member): number {
    const held = this.held[member];
    if (held === undefined) return 0;
    const left = this.sampleCount - this.next + this.again.length;
    const members = this.held.filter((count) => count !== undefined).length;
    const exact = (this.sampleCount - this.ended) / members;
    // The first to join is the thread that calls: it begins before the others have their messages, so what cannot be
    // divided is its.
    const share = member === 0 ? Math.ceil(exact) : Math.max(1, Math.floor(exact));
    return Math.min(left, Math.min(share, this.mostHeld) - held);
  }

  /** Gives a member at most `most` samples, with consecutive indices; undefined if it may have none now. */
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

  /** True if this member has been given the sample; results from others are out of date. */
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
