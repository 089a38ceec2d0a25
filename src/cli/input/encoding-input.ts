import { invalid } from "../../base/refuse.ts";
import { elementCount } from "../../files/array.ts";
import type { Decoder, StandardLoss } from "../../index.ts";
import type { Job } from "../options/job.ts";
import { type ChosenPrior, readPrior } from "../options/prior.ts";
import { wholeFile } from "./array-files/array-file.ts";
import { type Ids, type IdsFile, idsInMemory, openIdColumns, readIds } from "./array-files/parquet-ids.ts";
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
import { openSamples, readSamples, type SamplesFiles } from "./samples.ts";
import { openZ0 } from "./starts.ts";

/** Input of an encoding run: the decoder, the loss, and open files of samples, which are read a block at a time. */
export interface EncodingInput {
  readonly decoder: Decoder;
  readonly loss: StandardLoss;
  /** Prior on the codes, as chosen by the command's options or by the decoder's file. */
  readonly prior: ChosenPrior;
  /** Fixed inputs of the samples, and the decoder at the samples' number of points. */
  readonly fixed: FixedInputsPlan;
  /** Open files of the samples. */
  readonly samples: SamplesFiles;
  /** Open file of the weights of the samples' values, or a mask; undefined without weights. */
  readonly weights: NumbersFile | undefined;
  /** Start vectors z₀ of the flows; undefined to use the decoder's own start. */
  readonly z0: NumbersFile | undefined;
  /**
   * Identifiers of the samples, from a column of each table or Parquet file or the names of picture files; undefined without
   * either.
   */
  readonly ids: readonly IdsFile[] | undefined;
}

/** A run of `encode` or `demo` with its input files open. */
export interface EncodingRun {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly signal: AbortSignal;
}

/** A block of consecutive samples, with their weights, start vectors, fixed inputs and identifiers. */
export interface Block {
  /** Index of the block's first sample in the run. */
  readonly first: number;
  /** Number of samples in the block. */
  readonly count: number;
  /** Samples, [count, outputSize]. */
  readonly y: Float32Array;
  /** Weights of the samples' values: [outputSize] for all samples, or [count, outputSize]; undefined without weights. */
  readonly weights: Float32Array | undefined;
  /** Start vectors of the flows, [count, latentSize], or one for all, [latentSize]; undefined to use the decoder's start. */
  readonly z0: Float32Array | undefined;
  readonly fixed: FixedInputs;
  /** Identifiers of the block's samples; undefined if the samples have none. */
  readonly ids: Ids | undefined;
}

/**
 * Opens the input files of an encoding run, and loads the decoder. Rejects with the abort signal's reason if it aborts
 * meanwhile.
 *
 * @throws LatentflowError if a file cannot be read or does not fit the decoder
 */
export async function openInput(job: Job, signal: AbortSignal): Promise<EncodingInput> {
  const { decoder, loss } = await readDecoderAndLoss(job, signal);
  const limits = limitsOf(job, signal);
  const prior = await readPrior(job, decoder, limits);
  if (job.samples !== undefined && prior.prior === undefined) {
    throw invalid(
      "--samples draws codes for posteriors, and there is no prior; give --prior-from <file> with codes, latents.npy of whole samples say, or --prior gaussian if the decoder was trained with it",
    );
  }
  const sources = await openFixed(decoder, job.fixed, limits);
  const flag = job.dataFlag ?? "--data";
  // The demo's samples need no completed files, and a part alone writes none.
  const isRewritten = job.dataFlag === undefined && job.part === undefined;
  const reading = { ...readingOf(job, () => decoder), isRewritten };
  const samples = await openSamples(flag, job.data, reading, limits, job.limit);
  const fixed = planFixedInputs(decoder, sources, job.points, samples);
  const weights = job.hidesBand
    ? bandHidden(samples.shape)
    : await openWeights(weightsFlag(job), job, samples, decoder.outputLayout, limits);
  const z0 = job.z0 === undefined ? undefined : await openZ0(job.z0, samples, decoder.latentSize, limits);
  const { idColumn, data } = job;
  const { names, tables } = samples.array;
  const ids =
    idColumn === undefined
      ? names && [idsInMemory(samples.at, names)]
      : await openIdColumns(flag, data, idColumn, limits, tables);
  return { decoder, loss, prior, fixed, samples, weights, z0, ids };
}

/** Returns weights that hide a horizontal band of all samples of shape [height, width], from 3/7 to 5/7 of the height. */
function bandHidden(shape: readonly number[]): NumbersFile {
  const size = elementCount(shape);
  const data = Float32Array.from({ length: size }, (_, i) => (7 * i >= 3 * size && 7 * i < 5 * size ? 0 : 1));
  return { array: wholeFile({ shape, type: "float32", data }), size, isEach: false };
}

/** Reads `count` samples from index `first` on, with their weights, start vectors, fixed inputs and identifiers. */
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

/** Maximum number of values in a block of samples; a larger sample is a block by itself. */
const VALUES_IN_BLOCK = 2 ** 24;

/** Returns the number of samples that are read and encoded at once. */
export function blockSize({ samples }: EncodingInput): number {
  return Math.max(1, Math.floor(VALUES_IN_BLOCK / elementCount(samples.shape)));
}
