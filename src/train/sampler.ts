import { checkFlag, checkNumber, checkOptions, invalid, show } from "../base/check.ts";
import { checkRandomState, createRandom, type RandomState } from "../base/random.ts";

/** Options of `createSampler`. */
export interface SamplerOptions {
  /** The number of samples to draw from, >= 1. */
  count: number;
  /** The number of indices in a mini-batch, >= 1. The last one of an epoch has what is left. */
  batchSize: number;
  /**
   * true: each index is drawn on its own, and an epoch is `count` draws, in which some samples come several
   * times and some never. false, the default: each epoch is a new permutation of all samples.
   */
  replacement?: boolean | undefined;
  /** An integer from 0 to 2^53 - 1; the same seed gives the same batches. Default 0. */
  seed?: number | undefined;
}

/** Where a sampler stands: plain numbers that JSON keeps exactly. */
export interface SamplerState {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** How many indices of this epoch have been drawn. */
  readonly position: number;
  /** The random state that this epoch's order is made from. */
  readonly random: RandomState;
}

/** An endless sequence of mini-batches of indices. */
export interface Sampler {
  /** The number of mini-batches in an epoch. */
  readonly batchesPerEpoch: number;
  /** The indices of the next mini-batch: `batchSize` of them, or what is left of the epoch. */
  next(): Uint32Array;
  /** Where it stands: what `restore` continues from. */
  state(): SamplerState;
  /**
   * Continues from a state that a sampler of the same `count`, `batchSize` and `replacement` returned; the
   * same batches follow as followed there, whatever the seed.
   *
   * @throws LatentflowError `invalid_argument` when the state is none of such a sampler
   */
  restore(state: SamplerState): void;
}

/** Its own sequence of the seed: what else is drawn from the same seed must not move with it. */
const samplerStream = 1;

/**
 * A sampler at the start of its first epoch.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function createSampler(options: SamplerOptions): Sampler {
  const { count, batchSize, replacement, seed } = checkSamplerOptions(options);
  const random = createRandom(seed, samplerStream);
  const order = new Uint32Array(count);
  let epoch = 0;
  let position = 0;
  // The order itself is not part of the state: it is made again from what it was made from.
  let orderMadeFrom = random.state();

  function makeOrder(): void {
    orderMadeFrom = random.state();
    if (replacement) for (let i = 0; i < count; i++) order[i] = random.below(count);
    else permute();
  }

  /** Fisher-Yates: each permutation equally likely. */
  function permute(): void {
    for (let i = 0; i < count; i++) order[i] = i;
    for (let i = count - 1; i > 0; i--) {
      const j = random.below(i + 1);
      const index = order[i]!;
      order[i] = order[j]!;
      order[j] = index;
    }
  }

  function next(): Uint32Array {
    if (position === count) {
      makeOrder();
      epoch++;
      position = 0;
    }
    const batch = order.slice(position, position + batchSize);
    position += batch.length;
    return batch;
  }

  function restore(state: SamplerState): void {
    checkSamplerState("sampler.restore", state, count, batchSize);
    random.restore(state.random);
    makeOrder();
    epoch = state.epoch;
    position = state.position;
  }

  makeOrder();
  return {
    batchesPerEpoch: Math.ceil(count / batchSize),
    next,
    state: () => ({ epoch, position, random: orderMadeFrom }),
    restore,
  };
}

function checkSamplerOptions(options: SamplerOptions) {
  const where = "createSampler";
  if (options === undefined) throw invalid(`${where}: options are undefined, expected { count, batchSize }`);
  checkOptions(where, options, { count: true, batchSize: true, replacement: true, seed: true });
  const { count, batchSize, replacement = false, seed = 0 } = options;
  checkNumber(where, "count", count, { min: 1, max: 2 ** 32 - 1, integer: true });
  checkNumber(where, "batchSize", batchSize, { min: 1, integer: true });
  checkNumber(where, "seed", seed, { min: 0, integer: true });
  checkFlag(where, "replacement", replacement);
  return { count, batchSize, replacement, seed };
}

/**
 * Refuses what is no state of a sampler of this `count` and `batchSize`.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkSamplerState(
  where: string,
  state: SamplerState,
  count: number,
  batchSize: number,
): void {
  if (typeof state !== "object" || state === null) {
    throw invalid(`${where}: the state is ${show(state)}, expected what state() returned`);
  }
  const { epoch, position, random } = state;
  checkNumber(where, "epoch", epoch, { min: 0, integer: true });
  checkNumber(where, "position", position, { min: 0, max: count, integer: true });
  if (position !== count && position % batchSize !== 0) {
    throw invalid(
      `${where}: position is ${position}, expected a multiple of the batchSize ${batchSize}, or the count ${count}`,
    );
  }
  checkRandomState(where, "random", random);
}
