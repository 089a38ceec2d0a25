import type { Backend, PreparedBackend, Problem, Trainer } from "./backend/base.ts";
import { wasm } from "./backend/wasm/wasm.ts";
import { checkNumber, checkOptions, checkSignal, invalid, show } from "./check.ts";
import { makeControl } from "./control.ts";
import type { Augmentation } from "./data/augment.ts";
import { createDataset, Dataset } from "./data/dataset.ts";
import { createSampler } from "./data/sampler.ts";
import { checkDecoder, type Decoder } from "./decoder/decoder.ts";
import { loadDecoder } from "./decoder/load.ts";
import { checkLoss, type StandardLoss } from "./loss.ts";
import { type Optimiser, rmsprop } from "./optimiser.ts";
import { checkValues } from "./problem.ts";
import { createRandom } from "./random.ts";
import { constant, type Schedule } from "./schedule.ts";
import { type CheckedPair, checkFlowAndSolver, type FlowAndSolver, solveAll } from "./solve.ts";
import { type Control, Solution } from "./solver/base.ts";

/** One update of a training run. */
export interface TrainStep {
  /** Images processed up to and with this mini-batch. */
  readonly images: number;
  /** The mini-batch's mean loss at the latents found, before its update. */
  readonly loss: number;
  /** The norm of the gradient of the mini-batch's summed loss. */
  readonly gradientNorm: number;
}

/** How far a training run has come. */
export interface TrainProgress extends TrainStep {
  /** Images to be processed in all. */
  readonly total: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** Options of `train`. */
export type TrainOptions = FlowAndSolver & {
  /** Default: the decoder's own; where it has none, it must be given. */
  loss?: StandardLoss;
  /** How parameters follow from their gradients. Default `rmsprop()`, the paper's. */
  optimiser?: Optimiser;
  /** How the learning rate changes over the run. Default `constant()`. */
  schedule?: Schedule;
  /** Samples in a mini-batch. Default 5, the paper's. */
  batchSize?: number;
  /** Passes over the data. Default 1. */
  epochs?: number;
  /** Mini-batches drawn with replacement instead of from a new permutation each epoch. Default false. */
  replacement?: boolean;
  /** Of the mini-batches and the augmentation. Default 0. */
  seed?: number;
  /** Each sample's flow starts where its last one ended, instead of at 0. Default false. */
  warmStart?: boolean;
  /** Changes the samples of a mini-batch at random, `shift({ pixels: 2 })` say. Default none. */
  augment?: Augmentation;
  /** The largest norm of a mini-batch's mean gradient, which is shortened to it. Default none. */
  gradientClip?: number;
  /** Where the work is done. Default `wasm()`. */
  backend?: Backend;
  /** Ends the run early: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each mini-batch. */
  onProgress?: (progress: TrainProgress) => void;
};

/** What `train` returns. */
export interface TrainResult {
  /** A new decoder; the one given is not changed. */
  readonly decoder: Decoder;
  /** Every update, in order. */
  readonly history: readonly TrainStep[];
}

const OPTIONS = [
  ...["loss", "flow", "solver", "optimiser", "schedule", "batchSize", "epochs", "replacement", "seed"],
  ...["warmStart", "augment", "gradientClip", "backend", "signal", "onProgress"],
];
/** The stream of the seed's random numbers that the augmentation takes; the sampler has its own. */
const AUGMENTATION_STREAM = 2;

/**
 * Trains a decoder without an encoder: each mini-batch is encoded anew with the decoder as it is (equation 2),
 * and the parameters follow the gradient of its summed loss with z held fixed, the approximate adjoint of
 * equation 8, which is exact where the flow has come to rest.
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
  const { dataset, loss, pair, settings } = checkArguments(decoder, data, options);
  const { optimiser, schedule, batchSize, epochs, gradientClip, backend, signal, onProgress } = settings;
  const control = makeControl(signal);
  signal?.throwIfAborted();
  await checkDataset(decoder, dataset, loss, control);

  // A copy of its own: the trainer changes the weights that are packed for it.
  const working = await loadDecoder(decoder.toSafetensors(), { loss });
  const sampler = createSampler({ count: dataset.count, batchSize, ...settings.sampling });
  const batches = new MiniBatches(working, dataset, loss, settings);
  const total = epochs * dataset.count;
  const history: TrainStep[] = [];
  let trainer: Trainer | undefined;
  try {
    const prepared = await backend.prepare(working);
    trainer = prepared.trainer(optimiser, Math.min(batchSize, dataset.count));
    const start = performance.now();
    for (let images = 0; images < total; ) {
      const learningRate = optimiser.learningRate * schedule.factor(images / total);
      const indices = sampler.next();
      const { problem, z } = await batches.encode(indices, prepared, pair, control);
      signal?.throwIfAborted();
      const { losses, gradientNorm } = await trainer.update(problem, z, { learningRate, gradientClip });
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
    const trained = await loadDecoder(decoder.toSafetensors(), { loss });
    trained.parameters.set(trainer.parameters());
    return { decoder: trained, history };
  } finally {
    trainer?.dispose();
    working.dispose();
  }
}

/** The mini-batches of a run, each drawn, changed at random and encoded. */
class MiniBatches {
  private readonly random;
  /** Where each sample's last flow ended, for warm starts. */
  private readonly latents: Float64Array | undefined;

  constructor(
    private readonly decoder: Decoder,
    private readonly dataset: Dataset,
    private readonly loss: StandardLoss,
    private readonly settings: ReturnType<typeof checkSettings>,
  ) {
    this.random = createRandom(settings.sampling.seed, AUGMENTATION_STREAM);
    this.latents = settings.warmStart ? new Float64Array(dataset.count * decoder.latentSize) : undefined;
  }

  /** Follows the flows of the chosen samples; returns them with the latents found. */
  async encode(
    indices: Uint32Array,
    prepared: PreparedBackend,
    pair: CheckedPair,
    control: Control,
  ): Promise<{ problem: Problem; z: Float64Array }> {
    const { decoder, dataset, loss, latents } = this;
    const d = decoder.latentSize;
    const targets = dataset.rows(indices);
    this.settings.augment?.apply(targets, decoder.outputShape, this.random);
    const problem: Problem = {
      ...{ decoder, loss, targets, weights: undefined, batchSize: undefined },
      sampleCount: indices.length,
    };
    const solution = new Solution(indices.length, d, undefined, { order: pair.flow.order });
    if (latents) {
      indices.forEach((sample, i) => {
        solution.z.set(latents.subarray(sample * d, (sample + 1) * d), i * d);
      });
    }
    await solveAll(prepared, problem, pair, solution, control);
    indices.forEach((sample, i) => {
      latents?.set(solution.z.subarray(i * d, (i + 1) * d), sample * d);
    });
    return { problem, z: solution.z };
  }
}

function checkArguments(decoder: Decoder, data: Dataset | Float32Array, options: TrainOptions) {
  checkDecoder("train", decoder);
  checkOptions("train", options, OPTIONS);
  const loss = checkLoss("train", options.loss, decoder);
  const pair = checkFlowAndSolver("train", options);
  const dataset = asDataset("train", data, decoder);
  return { dataset, loss, pair, settings: checkSettings(options, decoder) };
}

function checkSettings(options: TrainOptions, decoder: Decoder) {
  const {
    optimiser = rmsprop(),
    schedule = constant(),
    batchSize = 5,
    epochs = 1,
    backend = wasm(),
  } = options;
  const {
    seed = 0,
    replacement = false,
    warmStart = false,
    augment,
    gradientClip,
    signal,
    onProgress,
  } = options;
  checkNumber("train", "batchSize", batchSize, { min: 1, integer: true });
  checkNumber("train", "epochs", epochs, { min: 1, integer: true });
  checkNumber("train", "seed", seed, { min: 0, integer: true });
  if (gradientClip !== undefined) checkNumber("train", "gradientClip", gradientClip, { above: 0 });
  for (const [name, value] of Object.entries({ replacement, warmStart })) {
    if (typeof value !== "boolean") throw invalid(`train: ${name} is ${show(value)}, expected true or false`);
  }
  if (typeof optimiser?.stateVectors !== "number") {
    throw invalid(`train: optimiser is ${show(optimiser)}, expected rmsprop(), adam() or sgd()`);
  }
  if (typeof schedule?.factor !== "function") {
    throw invalid(`train: schedule is ${show(schedule)}, expected constant(), linear() or cosine()`);
  }
  if (typeof backend?.prepare !== "function") {
    throw invalid(`train: backend is ${show(backend)}, expected a backend such as wasm()`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalid(`train: onProgress is ${show(onProgress)}, expected a function`);
  }
  checkSignal("train", signal);
  augment?.check(decoder.outputShape);
  const sampling = { seed, replacement };
  return {
    ...{ optimiser, schedule, batchSize, epochs, backend, sampling, warmStart, augment },
    ...{ gradientClip, signal, onProgress },
  };
}

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

async function checkDataset(
  decoder: Decoder,
  dataset: Dataset,
  loss: StandardLoss,
  control: Control,
): Promise<void> {
  for (const indices of pieces(dataset.count)) {
    const targets = dataset.rows(indices);
    const problem: Problem = {
      ...{ decoder, loss, targets, weights: undefined, batchSize: undefined },
      sampleCount: indices.length,
    };
    await checkValues("train", problem, control);
  }
}
