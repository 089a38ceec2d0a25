import { invalid } from "../../base/refuse.ts";
import { createDecoder, type Prior } from "../../index.ts";
import { readPrior } from "../options/prior.ts";
import type { TrainingJob } from "../options/training-job.ts";
import { warnOfTransparency } from "../output/input-figures.ts";
import { readData } from "./data-source.ts";
import { limitsOf } from "./decoder-file.ts";
import { openFixed, readFixedOf } from "./fixed-inputs.ts";
import { type HidingFlags, readingOf, type Target } from "./pictures/picture-options.ts";
import { readWeightsOf } from "./sample-weights.ts";
import { readSamplesFiles, type SourcedData } from "./samples.ts";
import type { Table } from "./tables/table.ts";
import { tableReadingOf } from "./tables/table-flags.ts";
import { makeDecoder, shapeOfDecoder } from "./training-decoder.ts";

/** Input of `latentflow train`. With `--autoencoder`, weights and prior are undefined: the codes come from an encoder. */
export type TrainingInput = Awaited<ReturnType<typeof readTrainingInput>>;

/** Reads the samples of a training run, its decoder, weights, prior, fixed inputs and validation samples. */
export async function readTrainingInput(job: TrainingJob, signal: AbortSignal) {
  const target = () => shapeOfDecoder(job, signal);
  const data = await readData(job, "train", target, signal);
  const like = data.array?.tables?.[0];
  if (job.idColumn !== undefined && !like)
    throw invalid(`--id-column is for CSV files in train, and ${data.at} is none; leave it out`);
  const validation = job.validate ? await readValidation(job, job.validate, target, signal, like) : undefined;
  const limits = limitsOf(job, signal);
  const { decoder, loss } = await makeDecoder(job, data.dataset, signal);
  const { outputLayout } = decoder;
  const given = [data, ...(validation ? [validation] : [])];
  if (job.autoencoder) for (const each of given) warnOfTransparency(each, "--autoencoder");
  const readWeights = (...of: Parameters<typeof readWeightsOf>) =>
    job.autoencoder ? undefined : readWeightsOf(...of);
  const weights = await readWeights(data, job, outputLayout, limits);
  if (weights && job.shift) refuseShift(data.at, job);
  const flag = job.validateMask ? "--validate-mask" : "--validate-weights";
  const validationWeights =
    validation && (await readWeights(validation, validationFlags(job), outputLayout, limits, flag));
  const prior = job.autoencoder ? undefined : await readPrior(job, decoder, limits);
  if (prior?.prior) refuseLargePrior(prior.prior, decoder.latentSize);
  const sources = await openFixed(decoder, job.fixed, limits);
  const fixed = await readFixedOf(data, decoder, sources, job.points);
  const openValidation = () => openFixed(decoder, job.validateFixed, limits, "--validate-fixed");
  const validationFixed =
    validation && (await readFixedOf(validation, decoder, await openValidation(), fixed.points));
  return { data, validation, weights, validationWeights, decoder, loss, prior, fixed, validationFixed };
}

/**
 * Refuses `--shift` with pictures that have transparent pixels or padding, since their weights would not be shifted.
 * `--weights` and `--mask` with `--shift` have been refused before.
 */
function refuseShift(at: string, { weights, mask }: TrainingJob): void {
  if (weights || mask) return;
  throw invalid(
    `--shift does not go with the transparent pixels or padding of ${at}, which are hidden and would stay where the samples ` +
      "were; leave --shift out, or give pictures without transparency and --fit cover",
  );
}

/** Throws if the prior is too large to be stored in decoder.safetensors; checked before training, not at its end. */
function refuseLargePrior(prior: Prior, latentSize: number): void {
  createDecoder({ layers: [latentSize, 1], prior }).toSafetensors();
}

/** Returns the options for validation pictures and their weights, under the names of those for training. */
function validationFlags(job: TrainingJob): HidingFlags {
  const { fit, invert, maskHides, validateMask: mask, validateWeights: weights, autoencoder } = job;
  return { fit, invert, mask, maskHides, weights, autoencoder };
}

/** @param like table of the training samples, whose columns and categories a table of validation samples has, too */
function readValidation(
  job: TrainingJob,
  file: string | true,
  target: Target,
  signal: AbortSignal,
  like: Table | undefined,
): Promise<SourcedData> {
  const limit = job.validateLimit;
  if (file !== true) {
    const reading = readingOf(validationFlags(job), target, "--validate-mask");
    const table = { ...tableReadingOf(job), like };
    return readSamplesFiles("--validate", [file], { ...reading, table }, limitsOf(job, signal), limit);
  }
  return readData({ ...job, limit }, "validation", target, signal);
}
