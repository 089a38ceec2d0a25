import type { SampleRange } from "../../feed.ts";

/** One of the threads that a call's samples are dealt out to, by its number in the dealer. */
export type Hand = number;

const NOBODY = -1;

/**
 * Deals the samples of a call out to threads as they have room, so that all have work to the end: no hand holds
 * more than its share of the samples that have not ended, nor more than a bound. Who holds which sample is known,
 * and those of a hand that is lost are dealt again.
 */
export class Dealer {
  private readonly holders: Int16Array;
  /** How many samples each hand holds; undefined for one that is lost. */
  private readonly held: (number | undefined)[] = [];
  private next = 0;
  /** Samples that were lost with a hand. */
  private readonly again: number[] = [];
  private ended = 0;

  /** @param most samples in one hand */
  constructor(
    private readonly sampleCount: number,
    private readonly most: number,
  ) {
    this.holders = new Int16Array(sampleCount).fill(NOBODY);
  }

  /** Have all samples ended? */
  get isDone(): boolean {
    return this.ended === this.sampleCount;
  }

  /** A new hand. */
  join(): Hand {
    return this.held.push(0) - 1;
  }

  /** Takes a hand out, and its samples back. */
  leave(hand: Hand): void {
    this.held[hand] = undefined;
    this.holders.forEach((holder, sample) => {
      if (holder !== hand) return;
      this.holders[sample] = NOBODY;
      this.again.push(sample);
    });
  }

  /** How many samples a hand would get now. */
  allowance(hand: Hand): number {
    const held = this.held[hand];
    if (held === undefined) return 0;
    const undealt = this.sampleCount - this.next + this.again.length;
    const hands = this.held.filter((count) => count !== undefined).length;
    const share = Math.ceil((this.sampleCount - this.ended) / hands);
    return Math.min(undealt, Math.min(share, this.most) - held);
  }

  /** Samples for a hand, `most` at most and one after the other; undefined where there is none for it now. */
  take(hand: Hand, most: number): SampleRange | undefined {
    const allowance = Math.min(most, this.allowance(hand));
    if (allowance <= 0) return undefined;
    const lost = this.again.pop();
    const first = lost ?? this.next;
    const count = lost === undefined ? Math.min(allowance, this.sampleCount - this.next) : 1;
    if (lost === undefined) this.next += count;
    this.holders.fill(hand, first, first + count);
    this.held[hand]! += count;
    return { first, count };
  }

  /** Does this hand hold the sample now? What others say of it is out of date. */
  holds(hand: Hand, sample: number): boolean {
    return this.holders[sample] === hand;
  }

  /** A sample has ended, in whose hand it is. One that nobody holds has ended before, or is to be dealt again. */
  end(sample: number): void {
    const holder = this.holders[sample]!;
    if (holder === NOBODY) return;
    this.holders[sample] = NOBODY;
    this.held[holder]!--;
    this.ended++;
  }
}
