/**
 * Seeded generator of pseudo-random numbers: sfc32, "small fast counting", by Chris Doty-Humphrey, from his PractRand
 * (https://pracrand.sourceforge.net), seeded almost as there. It has 128 bits of state, a period of about 2^127 (at least
 * 2^32), and returns the same numbers on every machine. Not for cryptography.
 */
export interface Random {
  /** Returns the next integer, uniform in [0, 2^32). */
  uint32(): number;
  /** Returns the next number, uniform in [0, 1): a multiple of 2^-53, made from two calls of `uint32`. */
  uniform(): number;
  /** Returns the next integer, uniform in [0, bound) up to a bias below bound · 2^-53; `bound` is an integer >= 1. */
  below(bound: number): number;
  /** Returns the state of the generator, from which `restore` continues. */
  state(): RandomState;
  /**
   * Sets the state to one that `state` of this or another generator returned; the same numbers follow as after that call of
   * `state`.
   */
  restore(state: RandomState): void;
}

/** State of a generator, four integers in [0, 2^32), which JSON stores exactly. */
export type RandomState = readonly [a: number, b: number, c: number, counter: number];

// Number of outputs discarded after seeding, so that close seeds give unrelated sequences. PractRand's seed(Uint64) discards 12
// and is the same otherwise: its fifth output is the first one here.
const seedingRounds = 16;

/**
 * Creates a generator of pseudo-random numbers.
 *
 * @param seed an integer from 0 to 2^53 - 1; each gives a different sequence
 * @param stream an integer from 0 to 2^32 - 1 that (default 0) selects another sequence of the same seed, for a use that
 *   must not share its numbers with others
 */
export function createRandom(seed: number, stream = 0): Random {
  let a = stream | 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;

  function uint32(): number {
    const output = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + output) | 0;
    return output >>> 0;
  }

  function uniform(): number {
    const high = uint32() >>> 5;
    const low = uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  function below(bound: number): number {
    return Math.floor(uniform() * bound);
  }

  function state(): RandomState {
    return [a >>> 0, b >>> 0, c >>> 0, counter >>> 0];
  }

  function restore(saved: RandomState): void {
    [a, b, c, counter] = saved;
  }

  for (let round = 0; round < seedingRounds; round++) uint32();
  return { uint32, uniform, below, state, restore };
}
