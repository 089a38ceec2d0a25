import type { Adjoint, Encoded } from "../adjoint/base.ts";
import type { Problem, Session, Trainer } from "../backend/backend.ts";
import { throwIfAborted } from "../brand.ts";
import { createSampler } from "../data/sampler.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Control } from "../solver/base.ts";
import type { RunState } from "./checkpoint.ts";
import { MiniBatches } from "./mini-batches.ts";
import type { CheckedTrainOptions } from "./options.ts";
import type { TrainStep } from "./progress.ts";
import { isValidationDue, meanLoss, type ValidationResult } from "./validation.ts";

/** A session of a backend that trains. */
export type TrainingSession = Session & Required<Pick<Session, "train">>;

/** A training run: where it stands, and its next update. */
export class Run {
  /** Images to be processed in all. */
  readonly total: number;
  /** Images processed. */
  images = 0;
  history: TrainStep[] = [];
  validations: ValidationResult[] = [];
  readonly trainer: Trainer;
  private readonly sampler;
  private readonly batches;

  /** @param working a decoder that nobody else uses, whose packed weights the run changes */
  constructor(
    private readonly options: CheckedTrainOptions,
    private readonly working: Decoder,
    private readonly session: TrainingSession,
  ) {
    const { dataset, settings } = options;
    const { optimizer, batchSize, epochs, sampling } = settings;
    this.total = epochs * dataset.count;
    this.sampler = createSampler({ count: dataset.count, batchSize, ...sampling });
    this.batches = new MiniBatches(working, options);
    this.trainer = session.train(optimizer);
  }

  get hasEnded(): boolean {
    return this.images >= this.total;
  }

  /** One mini-batch: encoded anew, and the parameters updated. If it throws, `state()` is that before it. */
  async update(control: Control): Promise<TrainStep> {
    const { adjoint, pair, settings } = this.options;
    const { optimizer, schedule, gradientClip = Number.POSITIVE_INFINITY, signal } = settings;
    const { sampler, batches } = this;
    const before = { sampler: sampler.state(), random: batches.state().random };
    try {
      const learningRate = optimizer.learningRate * schedule.factor(this.images / this.total);
      const indices = sampler.next();
      const { problem, solution } = await batches.encode(indices, this.session, control);
      throwIfAborted(signal);
      const losses = await addGradient(this.trainer, adjoint, problem, { ...pair, solution, control });
      throwIfAborted(signal);
      const gradientNorm = this.trainer.update({ learningRate, largestNorm: gradientClip * indices.length });
      batches.keep(indices, solution);
      this.images += indices.length;
      const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
      const step = { images: this.images, loss, gradientNorm };
      this.history.push(step);
      return step;
    } catch (error) {
      sampler.restore(before.sampler);
      batches.restore(before.random);
      throw error;
    }
  }

  /** A validation, if it is time for one. */
  async validate(control: Control): Promise<ValidationResult | undefined> {
    const { validation, settings } = this.options;
    if (!validation || !isValidationDue(validation, this.images, this.total, this.validations.at(-1))) {
      return undefined;
    }
    const mean = await meanLoss(this.working, this.session, validation, this.options, control);
    throwIfAborted(settings.signal);
    const result = { images: this.images, loss: mean };
    this.validations.push(result);
    return result;
  }

  state(): RunState {
    return {
      images: this.images,
      sampler: this.sampler.state(),
      ...this.batches.state(),
      trainer: this.trainer.state(),
      history: this.history,
      validation: this.validations,
    };
  }

  /** Continues from the state of a run of the same description: the same updates follow, bit for bit. */
  restore(state: RunState): void {
    this.images = state.images;
    this.sampler.restore(state.sampler);
    this.batches.restore(state.random, state.latents);
    this.trainer.restore(state.trainer);
    this.history = [...state.history];
    this.validations = [...state.validation];
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
