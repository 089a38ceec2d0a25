import { createRandom, type RandomState } from "../base/random.ts";

/** Options of `createSampler`. */
export interface SamplerOptions {
  /** Number of samples to draw from, an integer >= 1. */
  count: number;
  /** Number of indices in a mini-batch, an integer >= 1. The last mini-batch of an epoch has the remaining ones. */
  batchSize: number;
  /**
   * true: each index is drawn independently, and an epoch is `count` draws. false, the default: each epoch is a new random
   * permutation of all samples.
   */
  replacement?: boolean | undefined;
  /** Seed of the random order, an integer from 0 to 2^53 - 1; the same seed gives the same mini-batches. Default 0. */
  seed?: number | undefined;
}

/** Position of a sampler, as numbers that JSON stores exactly. */
export interface SamplerState {
  /** Index of the current epoch, from 0. */
  readonly epoch: number;
  /** Number of indices drawn so far in this epoch. */
  readonly position: number;
  /** State of the random numbers from which the order of this epoch is generated. */
  readonly random: RandomState;
}

/** Endless sequence of mini-batches of sample indices. */
export interface Sampler {
  /** Returns the next mini-batch: `batchSize` indices, or the remaining ones of the epoch. */
  next(): Uint32Array;
  /** Returns the position, from which `restore` continues. */
  state(): SamplerState;
  /** Sets the position, from a sampler with the same `count`, `batchSize` and `replacement`; its seed may differ. */
  restore(state: SamplerState): void;
}

/** Stream of random numbers, an argument of `createRandom`, for mini-batches; other uses of a seed have other streams. */
const SAMPLER_STREAM = 1;

/** Creates a sampler at the start of its first epoch. */
export function createSampler({ count, batchSize, replacement = false, seed = 0 }: SamplerOptions): Sampler {
  const random = createRandom(seed, SAMPLER_STREAM);
  const order = new Uint32Array(count);
  let epoch = 0;
  let position = 0;
  // The order itself is not part of the state: it is regenerated from this random state.
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
