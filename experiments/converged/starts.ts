import { createRandom } from "../../src/base/random.ts";
import { normal } from "../usefulness/given.ts";

/**
 * Where samples start: at 0; at N(0, I), ten times as far out, or nearly at 0; "scaled": at N(0, I) times the units that a
 * decoder's latents have.
 */
export type Start = "0" | "N" | "10N" | "1e-3N" | "scaled";

const DISTANCES: { readonly [S in Start]: number } = { "0": 0, N: 1, "10N": 10, "1e-3N": 1e-3, scaled: 1 };
const SEED = 77;

/** Standard normal numbers times a factor. */
export function normals(count: number, seed: number, factor = 1): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => factor * normal(random));
}

/** B × d latents to start from; undefined: 0. */
export function startsAt(
  start: Start,
  sampleCount: number,
  latentSize: number,
  units: Float64Array | undefined,
): Float32Array | undefined {
  if (start === "0") return undefined;
  const z0 = normals(sampleCount * latentSize, SEED, DISTANCES[start]);
  if (start !== "scaled") return z0;
  if (!units) throw new Error(`startsAt: start is "scaled", of a decoder without units; give it units`);
  return z0.map((value, i) => value * units[i % latentSize]!);
}
