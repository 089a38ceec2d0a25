import { checkTargets, checkValues } from "../api/check-data.ts";
import type { Problem } from "../backend/backend.ts";
import { invalid, refused } from "../base/check.ts";
import { checkFloat32 } from "../base/float32.ts";
import { attached } from "../base/realms.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { cutFixed, type FixedValues } from "../decoder/fixed.ts";
import { showLengths } from "../files/array.ts";
import { isReordered } from "../graph/kind.ts";
import type { Control } from "../solver/base.ts";
import type { Loss } from "../terms/losses.ts";
import type { PriorComponents } from "../terms/prior-components.ts";
import { createDataset, type Dataset, isDataset } from "./dataset.ts";

/** Samples as a data set of the decoder's output size, their axes in its order, at least one. */
export function asDataset(where: string, data: Dataset | Float32Array, decoder: Decoder): Dataset {
  if (!isDataset(data)) {
    checkFloat32(where, "data", data, "a Dataset or a Float32Array");
    checkTargets(where, data, decoder);
  }
  const dataset = isDataset(data) ? data : createDataset(data, { shape: decoder.outputShape });
  checkSamples(where, dataset, decoder.outputSize, "the decoder's output size");
  if (isReordered(dataset.shape, decoder.outputShape)) {
    throw invalid(
      `${where}: the samples are ${showLengths(dataset.shape)}, the decoder's output is ${showLengths(decoder.outputShape)}; ` +
        "give data whose axes are in this order",
    );
  }
  return dataset;
}

/** That there are samples, of `size` values each: `sizeName` says whose size that is. */
export function checkSamples(where: string, dataset: Dataset, size: number, sizeName: string): void {
  if (dataset.size !== size)
    throw invalid(`${where}: the samples have ${dataset.size} values, expected ${size} (${sizeName})`);
  if (dataset.count === 0) throw refused(where, "data", "has", "no samples", "at least one");
}

/** At most so many samples, and values, are read at once where all are gone through: 4 MB, or a single sample. */
const SAMPLES_AT_ONCE = 1000;
const VALUES_AT_ONCE = 2 ** 20;

/** The indices of all samples, in pieces. */
export function* pieces({ count, size }: Dataset): Generator<Uint32Array> {
  const atOnce = Math.max(1, Math.min(SAMPLES_AT_ONCE, Math.floor(VALUES_AT_ONCE / size)));
  for (let first = 0; first < count; first += atOnce) {
    yield Uint32Array.from({ length: Math.min(atOnce, count - first) }, (_, i) => first + i);
  }
}

/** Data for each of a data set's samples, its loss, and how they are worked on. */
export interface ProblemSettings {
  readonly decoder: Decoder;
  readonly loss: Loss;
  readonly prior?: PriorComponents | undefined;
  /** n values for all samples, or count × n. */
  readonly weights?: Float32Array | undefined;
  readonly fixed?: FixedValues;
  readonly batchSize?: number | undefined;
}

/** All samples of a data set as problems, piece by piece: bytes never are float32 all at once. */
export function* problems(
  dataset: Dataset,
  { decoder, loss, prior, weights, fixed = [], batchSize }: ProblemSettings,
): Generator<{ readonly first: number; readonly problem: Problem }> {
  const n = dataset.size;
  for (const indices of pieces(dataset)) {
    const first = indices[0]!;
    const end = first + indices.length;
    if (weights) attached("weights", weights);
    const own = weights && weights.length > n ? weights.subarray(first * n, end * n) : weights;
    const targets = dataset.rows(indices);
    yield {
      first,
      problem: {
        ...{ decoder, loss, prior, targets, weights: own, batchSize, sampleCount: indices.length },
        fixed: cutFixed(decoder, fixed, first, end),
      },
    };
  }
}

/** Refuses samples that the loss cannot take, and weights that are none, see `checkValues`. */
export async function checkDataset(
  where: string,
  dataset: Dataset,
  settings: ProblemSettings,
  control: Control,
  takesWeights = true,
): Promise<void> {
  for (const { first, problem } of problems(dataset, settings)) {
    if (control.aborted()) return;
    await checkValues(where, problem, control, { before: first, takesWeights });
  }
}
