import type { Problem } from "../backend/base.ts";
import { invalid } from "../check.ts";
import { createDataset, Dataset } from "../data/dataset.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Loss } from "../loss.ts";
import { checkValues } from "../problem.ts";
import type { Control } from "../solver/base.ts";

/** Samples as a data set of the decoder's output size, at least one. */
export function asDataset(where: string, data: Dataset | Float32Array, decoder: Decoder): Dataset {
  const dataset = data instanceof Dataset ? data : createDataset(data, { shape: [...decoder.outputShape] });
  if (dataset.size !== decoder.outputSize) {
    throw invalid(
      `${where}: the samples have ${dataset.size} values, expected ${decoder.outputSize} (the decoder's output size)`,
    );
  }
  if (dataset.count === 0) throw invalid(`${where}: there are no samples`);
  return dataset;
}

/** Samples read at once where all are gone through: a few megabytes. */
export const SAMPLES_AT_ONCE = 1000;

/** The indices of all samples, in pieces. */
export function* pieces(count: number): Generator<Uint32Array> {
  for (let first = 0; first < count; first += SAMPLES_AT_ONCE) {
    yield Uint32Array.from({ length: Math.min(SAMPLES_AT_ONCE, count - first) }, (_, i) => first + i);
  }
}

/** Refuses samples that the loss cannot take, see `checkValues`. */
export async function checkDataset(
  where: string,
  decoder: Decoder,
  dataset: Dataset,
  loss: Loss,
  control: Control,
): Promise<void> {
  for (const indices of pieces(dataset.count)) {
    const targets = dataset.rows(indices);
    const problem: Problem = {
      ...{ decoder, loss, targets, weights: undefined, batchSize: undefined },
      sampleCount: indices.length,
    };
    await checkValues(where, problem, control);
  }
}
