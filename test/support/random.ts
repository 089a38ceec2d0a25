import { createRandom } from "../../src/base/random.ts";

/** Seeded numbers, uniform in [low, high). */
export function randomArray(seed: number, length: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => low + (high - low) * random.uniform());
}
