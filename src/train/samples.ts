import { checkTargets, checkValues, type ValueChecks } from "../api/check-data.ts";
import { Dataset, isDataset } from "../api/dataset.ts";
import type { Problem } from "../backend/backend.ts";
import type { Findings } from "../backend/data-messages.ts";
import { inLossUnits } from "../backend/loss-units.ts";
import { ownRows } from "../backend/own-rows.ts";
import { checkFloat32 } from "../base/float32.ts";
import { refused } from "../base/refuse.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Control } from "../solver/base.ts";

/**
 * Returns samples as a data set, and checks that there is at least one and that samples have the decoder's output size, with
 * axes in the order of the decoder's output.
 *
 * @throws LatentflowError `invalid_argument` if a check fails
 */
export function asDataset(data: Dataset | Float32Array, decoder: Decoder): Dataset {
  if (!isDataset(data)) {
    checkFloat32("data", data, "a Dataset or a Float32Array");
    checkTargets(data, decoder, "data");
  }
  const dataset = isDataset(data)
    ? data.fitting(decoder, "data")
    : new Dataset(data, decoder.outputShape, undefined, true);
  checkCount(dataset);
  return dataset;
}

/** Throws if a data set has no samples. */
export function checkCount({ count }: Dataset): void {
  if (count === 0) throw refused("data", "has", "no samples", "at least one");
}

/** Maximum number of samples that are read from a data set at once. */
const SAMPLES_AT_ONCE = 1000;
/** Maximum number of values that are read at once, 4 MB as float32; a single sample may have more. */
const VALUES_AT_ONCE = 2 ** 20;

/**
 * Yields the indices of all samples, 0 to count - 1, in groups of consecutive samples that are small enough to be read at once.
 */
export function* pieces({ count, size }: Dataset): Generator<Uint32Array> {
  const atOnce = Math.max(1, Math.min(SAMPLES_AT_ONCE, Math.floor(VALUES_AT_ONCE / size)));
  for (let first = 0; first < count; first += atOnce) {
    yield Uint32Array.from({ length: Math.min(atOnce, count - first) }, (_, i) => first + i);
  }
}

/** Settings and data for solving the samples of a data set. */
export interface ProblemSettings
  extends Pick<Problem, "decoder" | "loss">,
    Partial<Pick<Problem, "prior" | "weights" | "fixed" | "batchSize">> {}

/**
 * Copies the samples at `indices`, with their weights and fixed inputs, into a problem for a backend. Rows that all samples share
 * are copied once.
 *
 * @throws LatentflowError `invalid_argument` if an array was transferred since the call began
 */
export function problemOf(
  dataset: Dataset,
  { decoder, weights, fixed = [], loss, prior, batchSize }: ProblemSettings,
  indices: Uint32Array,
): Problem {
  const own = ownRows({ decoder, weights, fixed }, indices);
  return { decoder, loss, prior, batchSize, targets: dataset.rows(indices), ...own };
}

/**
 * Yields all samples of a data set as problems for a backend, in the units of their loss, a group of samples at a time, so that
 * data stored as bytes are never in memory as float32 as a whole. `samples` are the indices of the group's samples.
 */
export function* problems(
  dataset: Dataset,
  settings: ProblemSettings,
): Generator<{ readonly samples: Uint32Array; readonly problem: Problem }> {
  for (const samples of pieces(dataset)) {
    yield { samples, problem: inLossUnits(problemOf(dataset, settings, samples)) };
  }
}

/**
 * Throws if samples are outside the domain of the loss, or weights are invalid (negative, not finite, or all 0 for a sample), as
 * `checkValues` does.
 *
 * @returns the missing values of each sample, and the range of the others
 */
export async function checkDataset(
  dataset: Dataset,
  settings: ProblemSettings,
  control: Control,
  checks: ValueChecks,
): Promise<Findings> {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let unseen = 0;
  let missing: Uint32Array | undefined;
  let missingOutputs: Uint32Array | undefined;
  for (const { samples, problem } of problems(dataset, settings)) {
    const first = samples[0]!;
    if (control.aborted()) break;
    const found = await checkValues(problem, control, { name: "data", before: first, ...checks });
    unseen += found.unseen;
    least = Math.min(least, found.least);
    most = Math.max(most, found.most);
    if (!found.missing) continue;
    missing ??= new Uint32Array(dataset.count);
    missing.set(found.missing, first);
    const counts = found.missingOutputs!;
    missingOutputs = missingOutputs?.map((count, i) => count + counts[i]!) ?? counts;
  }
  return { missing, missingOutputs, unseen, least, most };
}
