// Completion by the decoder: the code that fits the given letters best, and what it decodes to. Runs in browsers too.
import { type Backend, type Decoder, decode, encode } from "../../src/index.ts";
import type { Prior } from "../../src/terms/priors.ts";
import { weightsOf } from "./geometry/cell.ts";
import { startsOf } from "./starts.ts";

/**
 * Completes typefaces of which some letters are given, by a decoder of whole samples with its own prior.
 *
 * @param samples [count, SAMPLE_SIZE]; fields that are not given, and all bearings, may have any value
 * @param backend default `wasm()`
 */
export async function completeSamples(
  decoder: Decoder,
  samples: Float32Array,
  given: string,
  backend?: Backend,
): Promise<Float32Array> {
  const z = await findCodes(decoder, samples, { weights: weightsOf(given), prior: decoder.prior, backend });
  return decode(decoder, z);
}

/** Options of `findCodes`, those of `encode`. */
interface SearchOptions {
  readonly weights: Float32Array;
  readonly prior: Prior | undefined;
  readonly backend: Backend | undefined;
}

/**
 * Finds codes by `encode`, from a start at the mean of each of the prior's Gaussians, and keeps each sample's end with the
 * lowest objective: an a has one storey or two, and a search that starts with the one may not reach the other.
 *
 * @returns [count, latentSize]
 */
export async function findCodes(
  decoder: Decoder,
  y: Float32Array,
  options: SearchOptions,
): Promise<Float32Array> {
  const { latentSize } = decoder;
  let best: { readonly z: Float32Array; readonly objective: Float32Array } | undefined;
  for (const z0 of startsOf(options.prior, latentSize)) {
    const found = await encode(decoder, y, { ...options, z0 });
    best ??= found;
    for (const [i, objective] of found.objective.entries()) {
      if (!(objective < best.objective[i]!)) continue;
      best.objective[i] = objective;
      best.z.set(found.z.subarray(i * latentSize, (i + 1) * latentSize), i * latentSize);
    }
  }
  return best!.z;
}
