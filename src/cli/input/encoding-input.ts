import { invalid } from "../../base/refuse.ts";
import { elementCount } from "../../files/array.ts";
import type { Decoder, StandardLoss } from "../../index.ts";
import type { Job } from "../options/job.ts";
import { type ChosenPrior, readPrior } from "../options/prior.ts";
import { openIdColumns } from "./array-files/open.ts";
import { type Ids, type IdsFile, readIds } from "./array-files/parquet-ids.ts";
import { wholeFile } from "./array-files/whole-file.ts";
import { limitsOf, readDecoderAndLoss } from "./decoder-file.ts";
import {
  type FixedInputs,
  type FixedInputsPlan,
  openFixed,
  planFixedInputs,
  readFixedInputs,
} from "./fixed-inputs.ts";
import { readingOf } from "./pictures/picture-options.ts";
import { type NumbersFile, readNumbers } from "./sample-numbers.ts";
import { openWeights, weightsFlag } from "./sample-weights.ts";
import { checkSamples, openSamples, readSamples, type SamplesFiles } from "./samples.ts";
import { openZ0 } from "./starts.ts";

/** Input of a job: the decoder, and samples that are read a block at a time. */
export interface EncodingInput {
  readonly decoder: Decoder;
  readonly loss: StandardLoss;
  readonly prior: ChosenPrior;
  /** Fixed inputs, with the decoder for the samples' number of points. */
  readonly fixed: FixedInputsPlan;
  readonly samples: SamplesFiles;
  readonly weights: NumbersFile | undefined;
  /** Starts of the flows; undefined for the decoder's own start. */
  readonly z0: NumbersFile | undefined;
  /** Identifiers of the samples: a column in each of their files, or names of pictures. */
  readonly ids: readonly IdsFile[] | undefined;
}

/** Consecutive samples, with their weights, starts, fixed inputs and identifiers. */
export interface Block {
  readonly first: number;
  readonly count: number;
  /** count × the decoder's output size. */
  readonly y: Float32Array;
  readonly weights: Float32Array | undefined;
  readonly z0: Float32Array | undefined;
  readonly fixed: FixedInputs;
  readonly ids: Ids | undefined;
}

/** Opens the input of a job. Rejects with the signal's reason if it aborts while the decoder loads. */
export async function openInput(job: Job, signal: AbortSignal): Promise<EncodingInput> {
  const { decoder, loss } = await readDecoderAndLoss(job, signal);
  const limits = limitsOf(job, signal);
  const prior = await readPrior(job, decoder, limits);
  if (job.samples !== undefined && prior.prior === undefined) {
    throw invalid(
      "--samples draws codes for posteriors, and there is no prior; give --prior-from <file> with codes, latents.npy of whole samples say, or --prior gaussian",
    );
  }
  const sources = await openFixed(decoder, job.fixed, limits);
  const flag = job.dataFlag ?? "--data";
  const samples = await openSamples(
    flag,
    job.data,
    readingOf(job, () => decoder),
    limits,
    job.limit,
  );
  const fixed = planFixedInputs(decoder, sources, job.points, samples);
  checkSamples(samples, fixed);
  const weights = job.missing
    ? bandHidden(samples.shape)
    : await openWeights(weightsFlag(job), job, samples, decoder.outputLayout, limits);
  const z0 = job.z0 === undefined ? undefined : await openZ0(job.z0, samples, decoder.latentSize, limits);
  const ids =
    job.idColumn === undefined ? namesOf(samples) : await openIdColumns(flag, job.data, job.idColumn, limits);
  return { decoder, loss, prior, fixed, samples, weights, z0, ids };
}

/** Mask that hides a band across samples of [height, width], from 3/7 to 5/7 of their height. */
function bandHidden(shape: readonly number[]): NumbersFile {
  const size = elementCount(shape);
  const data = Float32Array.from({ length: size }, (_, i) => (7 * i >= 3 * size && 7 * i < 5 * size ? 0 : 1));
  return { array: wholeFile({ shape, type: "float32", data }), size, isEach: false };
}

/** Names of the files of pictures as identifiers; undefined for other samples. */
function namesOf({ at, array: { names } }: SamplesFiles): IdsFile[] | undefined {
  if (!names) return undefined;
  const read = async (first: number, end: number) => names.slice(first, end);
  return [{ where: at, type: "text", count: names.length, read }];
}

/** Reads a block of samples. */
export async function readBlock(input: EncodingInput, first: number, count: number): Promise<Block> {
  const { samples, weights, z0, fixed, ids } = input;
  return {
    first,
    count,
    y: await readSamples(samples, first, count),
    weights: weights && (await readNumbers(weights, first, count)),
    z0: z0 && (await readNumbers(z0, first, count)),
    fixed: await readFixedInputs(fixed, first, count),
    ids: ids && (await readIds(ids, first, count)),
  };
}

/** Most values of a block of samples, unless a single sample has more. */
const VALUES_IN_BLOCK = 2 ** 24;

/** Number of samples that are read, and encoded, at once. */
export function blockSize({ samples }: EncodingInput): number {
  return Math.max(1, Math.floor(VALUES_IN_BLOCK / elementCount(samples.shape)));
}
