import { createRandom, type RandomState } from "../base/random.ts";

/** Options of `createSampler`. */
export interface SamplerOptions {
  /** Number of samples to draw from, an integer >= 1. */
  count: number;
  /** Number of indices in a mini-batch, an integer >= 1. The last mini-batch of an epoch has what is left. */
  batchSize: number;
  /**
   * true: each index is drawn independently, and an epoch is `count` draws. false, the default: each epoch is a new
   * permutation of all samples.
   */
  replacement?: boolean | undefined;
  /** An integer from 0 to 2^53 - 1; the same seed gives the same mini-batches. Default 0. */
  seed?: number | undefined;
}

/** Position of a sampler: plain numbers that JSON keeps exactly. */
export interface SamplerState {
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** Number of indices drawn in this epoch. */
  readonly position: number;
  /** Random state from which the order of this epoch is made. */
  readonly random: RandomState;
}

/** An endless sequence of mini-batches of indices. */
export interface Sampler {
  /** Draws the next mini-batch: `batchSize` indices, or what is left of the epoch. */
  next(): Uint32Array;
  /** Returns the position, from which `restore` continues. */
  state(): SamplerState;
  /** Continues from a state of a sampler with the same `count`, `batchSize` and `replacement`, whatever its seed. */
  restore(state: SamplerState): void;
}

/** Stream of the seed's random numbers for mini-batches; other uses of the seed have streams of their own. */
const SAMPLER_STREAM = 1;

/** Creates a sampler at the start of its first epoch. */
export function createSampler({ count, batchSize, replacement = false, seed = 0 }: SamplerOptions): Sampler {
  const random = createRandom(seed, SAMPLER_STREAM);
  const order = new Uint32Array(count);
  let epoch = 0;
  let position = 0;
  // The order is no part of the state: it is made again from this one.
  let orderMadeFrom = random.state();

  function makeOrder(): void {
    orderMadeFrom = random.state();
    for (let i = 0; i < count; i++) order[i] = replacement ? random.below(count) : i;
    if (replacement) return;
    // Fisher-Yates: each permutation is equally likely.
    for (let i = count - 1; i > 0; i--) {
      const j = random.below(i + 1);
      const index = order[i]!;
      order[i] = order[j]!;
      order[j] = index;
    }
  }

  makeOrder();
  return {
    next() {
      if (position === count) {
        makeOrder();
        epoch++;
        position = 0;
      }
      const batch = order.slice(position, position + batchSize);
      position += batch.length;
      return batch;
    },
    state: () => ({ epoch, position, random: orderMadeFrom }),
    restore(state) {
      random.restore(state.random);
      makeOrder();
      ({ epoch, position } = state);
    },
  };
}
