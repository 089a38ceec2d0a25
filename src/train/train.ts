import type { Adjoint, Encoded } from "../adjoint/base.ts";
import type { Problem, Trainer } from "../backend/base.ts";
import { makeControl } from "../control.ts";
import type { Dataset } from "../data/dataset.ts";
import { createSampler } from "../data/sampler.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { loadDecoder } from "../decoder/load.ts";
import { MiniBatches } from "./mini-batches.ts";
import { checkArguments, type TrainOptions, type TrainResult, type TrainStep } from "./options.ts";
import { checkDataset } from "./samples.ts";

/**
 * Trains a decoder without an encoder: each mini-batch is encoded anew with the decoder as it is (equation 2),
 * and the parameters follow the gradient of its summed loss, which the adjoint finds; by default with z held fixed
 * (equation 8), which is exact where the flow has come to rest.
 *
 * The same seed, machine and build give the same weights, bit for bit.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array of count × outputSize
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or
 *   value; `disposed` when the decoder is
 */
export async function train(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainOptions = {},
): Promise<TrainResult> {
  const { dataset, loss, pair, adjoint, settings } = checkArguments(decoder, data, options);
  const { optimiser, schedule, batchSize, epochs, gradientClip, backend, signal, onProgress } = settings;
  const control = makeControl(signal);
  signal?.throwIfAborted();
  const file = decoder.toSafetensors();
  await checkDataset(decoder, dataset, loss, control);

  // A copy of its own: the trainer changes the weights that are packed for it.
  const copy = () => loadDecoder(file, loss.name === "custom" ? {} : { loss });
  const working = await copy();
  const sampler = createSampler({ count: dataset.count, batchSize, ...settings.sampling });
  const batches = new MiniBatches(working, dataset, loss, adjoint, settings);
  const total = epochs * dataset.count;
  const history: TrainStep[] = [];
  let trainer: Trainer | undefined;
  try {
    const prepared = await backend.prepare(working);
    trainer = prepared.trainer(optimiser);
    const start = performance.now();
    for (let images = 0; images < total; ) {
      const learningRate = optimiser.learningRate * schedule.factor(images / total);
      const indices = sampler.next();
      const { problem, solution } = await batches.encode(indices, prepared, pair, control);
      signal?.throwIfAborted();
      const losses = await addGradient(trainer, adjoint, problem, { ...pair, solution, control });
      signal?.throwIfAborted();
      const largestNorm = (gradientClip ?? Number.POSITIVE_INFINITY) * indices.length;
      const gradientNorm = trainer.update({ learningRate, largestNorm });
      images += indices.length;
      const step = {
        images,
        loss: losses.reduce((sum, value) => sum + value, 0) / losses.length,
        gradientNorm,
      };
      history.push(step);
      const imagesPerSecond = (images * 1000) / (performance.now() - start);
      onProgress?.({ ...step, total, imagesPerSecond, secondsLeft: (total - images) / imagesPerSecond });
      await control.pause();
    }
    const trained = await copy();
    trained.parameters.set(trainer.parameters());
    return { decoder: trained, history };
  } finally {
    trainer?.dispose();
    working.dispose();
  }
}

/** Adds up the gradient of the samples' summed loss in the trainer; returns their losses. */
async function addGradient(
  trainer: Trainer,
  adjoint: Adjoint,
  problem: Problem,
  encoded: Encoded,
): Promise<Float64Array> {
  const objective = trainer.objective(problem, adjoint.copies(encoded.solver));
  try {
    return await adjoint.addGradient(objective, encoded);
  } finally {
    objective.dispose();
  }
}
