import { createRandom } from "../../src/base/random.ts";
import {
  createDecoder,
  type Decoder,
  decode,
  type FixedOption,
  type GraphDefinition,
  type LossLike,
  type LossName,
  type PriorLike,
  wasm,
} from "../../src/index.ts";
import { normal } from "../usefulness/given.ts";
import { normals, type Start } from "./starts.ts";

/** The kinds of decoder and of call that the report has a row for. */
export const FAMILIES = [
  "plain",
  "large weights",
  "zero biases",
  "saturated at 0",
  "kinks",
  "periodic",
  "normalised",
  "convolutions",
  "transformers",
  "output functions",
  "rescaled weights",
  "scaled latents",
  "several latents",
  "saddles",
  "fixed inputs",
  "points",
  "custom losses",
  "priors",
  "weights and sums",
  "reachable",
  "trained",
  "published",
] as const;
export type Family = (typeof FAMILIES)[number];

/** Options of `encode` that belong to a case. */
export interface CaseOptions {
  readonly loss?: LossLike;
  readonly prior?: PriorLike;
  readonly weights?: Float32Array;
  readonly fixed?: FixedOption;
  readonly points?: number;
}

/** A decoder with samples to encode. */
export interface Subject {
  readonly decoder: Decoder;
  /** B × outputSize. */
  readonly y: Float32Array;
  readonly sampleCount: number;
  readonly options: CaseOptions;
  /** Typical size of each latent, d; undefined: 1 each. */
  readonly units?: Float64Array;
}

/** A subject, encoded from each of some starts. */
export interface Case {
  readonly name: string;
  readonly family: Family;
  readonly starts: readonly Start[];
  make(): Promise<Subject>;
}

/** One thread, the plain build: a run has the same bits on every machine, and two runs share two cores. */
export const backend = wasm({ threads: 1, relaxed: false });

/** Samples of a case, unless it says otherwise. */
export const SAMPLES = 32;
const DECODER_SEED = 3;
const WEIGHT_SEED = 7;
const DATA_SEED = 11;

/** What a case of a decoder with random weights may say beside its definition. */
export interface RandomCase {
  readonly starts?: readonly Start[];
  /** Of the decoder. Default `"mse"`. */
  readonly loss?: LossName;
  readonly options?: CaseOptions;
  /** Changes the parameters, which PyTorch's default initialisation has made. */
  readonly redraw?: (decoder: Decoder, draw: () => number) => void;
  /** Standard deviation of the latents that the data is decoded from. Default 1. */
  readonly spread?: number;
  /** Are the samples decodes as they are? Default false: decodes are mixed, and noise is added. */
  readonly isReachable?: boolean;
  /** Standard deviation of the noise on the data, as a share of that of the decodes. Default 0.1. */
  readonly noise?: number;
  readonly samples?: number;
  readonly units?: Float64Array;
  /** Takes the place of the decoder that is made: it is written and read again, say. */
  readonly reread?: (decoder: Decoder) => Promise<Decoder>;
}

/**
 * A decoder with random weights, and samples of it: 0.7 of one decode and 0.3 of another, and noise, so that no code
 * reconstructs them, unless `isReachable`. For cross entropy they are clipped to [0, 1].
 */
export function randomCase(
  family: Family,
  name: string,
  define: () => GraphDefinition,
  given: RandomCase = {},
): Case {
  const { starts = ["0", "N"], loss = "mse", options = {}, samples = SAMPLES, units, reread } = given;
  return {
    name,
    family,
    starts,
    async make() {
      const made = createDecoder(define(), { loss, seed: DECODER_SEED });
      const random = createRandom(WEIGHT_SEED);
      given.redraw?.(made, () => normal(random));
      const decoder = reread ? await reread(made) : made;
      const y = await samplesOf(decoder, options, { ...given, samples, clipped: loss === "bce" });
      return { decoder, y, sampleCount: samples, options, ...(units && { units }) };
    },
  };
}

async function samplesOf(
  decoder: Decoder,
  { fixed, points }: CaseOptions,
  given: RandomCase & { readonly samples: number; readonly clipped: boolean },
): Promise<Float32Array> {
  const { samples, spread = 1, noise = 0.1, clipped, units } = given;
  const d = decoder.latentSize;
  const decoded = (seed: number) => {
    const z = normals(samples * d, seed, spread).map((value, i) => value * (units?.[i % d] ?? 1));
    return decode(decoder, z, { backend, ...(fixed && { fixed }), ...(points && { points }) });
  };
  const one = await decoded(DATA_SEED);
  if (given.isReachable) return one;
  const other = await decoded(DATA_SEED + 1);
  const random = createRandom(DATA_SEED + 2);
  const deviation = noise * standardDeviation(one);
  return one.map((value, i) => {
    const mixed = 0.7 * value + 0.3 * other[i]! + deviation * normal(random);
    return clipped ? Math.min(1, Math.max(0, mixed)) : mixed;
  });
}

function standardDeviation(values: Float32Array): number {
  let [sum, squares] = [0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(Math.max(squares / values.length - (sum / values.length) ** 2, 0));
}
