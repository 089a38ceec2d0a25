import { checkTargets, checkValues } from "../api/check-data.ts";
import type { Problem } from "../backend/backend.ts";
import { checkFloat32 } from "../base/float32.ts";
import { gotten, wanted, words } from "../base/message.ts";
import { attached } from "../base/realms.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { rowsOfSamples } from "../base/rows.ts";
import { escapeText } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { showLengths } from "../files/array.ts";
import { isReordered } from "../graph/kind.ts";
import { sizeOf } from "../graph/operations.ts";
import type { Control } from "../solver/base.ts";
import { Dataset, isDataset } from "./dataset.ts";

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
  const dataset = isDataset(data) ? data : new Dataset(data, decoder.outputShape, undefined, true);
  checkSamples(dataset, decoder.outputSize, "the decoder's output size");
  if (isReordered(dataset.shape, decoder.outputShape)) {
    const output = words`the decoder's output is ${wanted(showLengths(decoder.outputShape))}`;
    const samples = words`the samples are ${gotten(showLengths(dataset.shape))}`;
    throw invalidOption("data", words`${samples}, ${output}`, "; give data whose axes are in this order");
  }
  return dataset;
}

/**
 * Throws if a data set has no samples, or samples of a size other than `size`.
 *
 * @param sizeName name of the size, for messages
 */
export function checkSamples(dataset: Dataset, size: number, sizeName: string): void {
  if (dataset.size !== size) {
    const [got, expected] = [gotten(`${dataset.size} values`), wanted(`${size} (${sizeName})`)];
    throw invalidOption("data", words`the samples have ${got}, expected ${expected}`);
  }
  if (dataset.count === 0) throw refused("data", "has", "no samples", "at least one");
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
  const rowsOf = (name: string, values: Float32Array, size: number) =>
    rowsOfSamples(attached(name, values), size, indices);
  return {
    decoder,
    loss,
    prior,
    batchSize,
    sampleCount: indices.length,
    targets: dataset.rows(indices),
    weights: weights && rowsOf("weights", weights, decoder.outputSize),
    fixed: decoder.fixedInputs.map(({ name, shape }, i) =>
      rowsOf(escapeText(`fixed.${name}`), fixed[i]!, sizeOf(shape)),
    ),
  };
}

/**
 * Yields all samples of a data set as problems for a backend, a group of samples at a time, so that data stored as bytes are
 * never in memory as float32 as a whole. `first` is the index of the group's first sample.
 */
export function* problems(
  dataset: Dataset,
  settings: ProblemSettings,
): Generator<{ readonly first: number; readonly problem: Problem }> {
  for (const indices of pieces(dataset)) {
    yield { first: indices[0]!, problem: problemOf(dataset, settings, indices) };
  }
}

/**
 * Throws if samples are outside the domain of the loss, or weights are invalid (negative, not finite, or all 0 for a sample), as
 * `checkValues` does.
 *
 * @param takesWeights true if the caller has an option `weights`, which messages then advise. Default true
 */
export async function checkDataset(
  dataset: Dataset,
  settings: ProblemSettings,
  control: Control,
  takesWeights = true,
): Promise<void> {
  for (const { first, problem } of problems(dataset, settings)) {
    if (control.aborted()) return;
    await checkValues(problem, control, { name: "data", before: first, takesWeights });
  }
}
