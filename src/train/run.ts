import type { Adjoint, Encoded } from "../adjoint/base.ts";
import type { Problem, Session, Trainer } from "../backend/backend.ts";
import { throwIfAborted } from "../base/realms.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Control } from "../solver/base.ts";
import { allRows, type DifferentiableObjective, valuesAt } from "../solver/objective.ts";
import { meanOfNumbers } from "../solver/result.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import type { RunState } from "./checkpoint.ts";
import { MiniBatches } from "./mini-batches.ts";
import type { TrainStep } from "./progress.ts";
import { createSampler } from "./sampler.ts";
import { isValidationDue, meanLoss, type ValidationResult } from "./validation.ts";

/** A training run: where it stands, and its next update. */
export class Run {
  /** Images to be processed in all. */
  readonly total: number;
  /** Images processed. */
  images = 0;
  history: TrainStep[] = [];
  validations: ValidationResult[] = [];
  private readonly sampler;
  private readonly batches;

  /** @param working a decoder that nobody else uses, whose packed weights the run changes */
  constructor(
    private readonly options: CheckedTrainOptions,
    private readonly working: Decoder,
    private readonly session: Session,
    readonly trainer: Trainer,
  ) {
    const { batchSize, epochs, replacement, seed } = options;
    const { count } = options.dataset;
    this.total = epochs * count;
    this.sampler = createSampler({ count, batchSize, replacement, seed });
    this.batches = new MiniBatches(working, options);
  }

  /** [samples, d], the codes that are kept, if any are. */
  get codes(): Float32Array | undefined {
    const { codes } = this.batches;
    return codes && Float32Array.from(codes.state().values);
  }

  get hasEnded(): boolean {
    return this.images >= this.total;
  }

  /**
   * One mini-batch: encoded anew, and the parameters updated. If it throws, `state()` is that before it.
   *
   * @returns with the samples whose kept codes begin again
   */
  async update(
    control: Control,
  ): Promise<{ readonly step: TrainStep; readonly restarted: readonly number[] }> {
    const { adjoint, pair, codes, optimizer, schedule, signal } = this.options;
    const { gradientClip = Number.POSITIVE_INFINITY } = this.options;
    const { sampler, batches } = this;
    const before = { sampler: sampler.state(), random: batches.state().random };
    try {
      const factor = schedule.factor(this.images / this.total);
      const learningRate = optimizer.learningRate * factor;
      const indices = sampler.next();
      const { problem, solution } = await batches.encode(indices, this.images, this.session, control);
      throwIfAborted(signal);
      const encoded = { ...pair, solution, control };
      const { losses, dCodes } = await addGradient(this.trainer, adjoint, problem, encoded, codes);
      const loss = meanOfNumbers(losses);
      throwIfAborted(signal);
      const gradientNorm = this.trainer.update({ learningRate, largestNorm: gradientClip * indices.length });
      const restarted = dCodes ? batches.codes!.update(indices, dCodes, factor) : [];
      if (!dCodes) batches.codes?.keep(indices, solution.z);
      this.images += indices.length;
      const step = { images: this.images, loss, gradientNorm };
      this.history.push(step);
      return { step, restarted };
    } catch (error) {
      sampler.restore(before.sampler);
      batches.restore(before.random);
      throw error;
    }
  }

  /** A validation, if it is time for one. */
  async validate(control: Control): Promise<ValidationResult | undefined> {
    const { validation, signal } = this.options;
    if (!validation || !isValidationDue(validation, this.images, this.total, this.validations.at(-1))) {
      return undefined;
    }
    const mean = await meanLoss(this.working, this.session, validation, this.options, control);
    throwIfAborted(signal);
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
    const { images, sampler, random, codes, trainer, history, validation, ...others } = state;
    // A field that is not restored is found by the compiler.
    others satisfies Record<string, never>;
    this.images = images;
    this.sampler.restore(sampler);
    this.batches.restore(random, codes);
    this.trainer.restore(trainer);
    this.history = [...history];
    this.validations = [...validation];
  }
}

/**
 * Adds up the gradient of the samples' summed objectives in the trainer.
 *
 * @returns the losses, and where the codes are updated too, [B, d] the gradients for those
 */
async function addGradient(
  trainer: Trainer,
  adjoint: Adjoint,
  problem: Problem,
  encoded: Encoded,
  codes: "encoded" | "kept",
): Promise<{ readonly losses: Float64Array; readonly dCodes?: Float64Array }> {
  const objective = trainer.objective(problem, adjoint.copies(encoded.solver));
  try {
    if (codes === "encoded") return { losses: await adjoint.addGradient(objective, encoded) };
    return await addGradientAtCodes(objective, encoded.solution.z);
  } finally {
    objective.dispose();
  }
}

/**
 * The same at codes that are kept, z. A sample whose gradient for its code is not finite is left out of the sum, which
 * would not be finite either, and so no update, for as long as the code is there.
 */
async function addGradientAtCodes(
  objective: DifferentiableObjective,
  z: Float64Array,
): Promise<{ readonly losses: Float64Array; readonly dCodes: Float64Array }> {
  const d = objective.latentSize;
  const rows = allRows(objective.sampleCount);
  const { losses } = await valuesAt(objective, rows, z);
  const dCodes = await objective.gradient(rows);
  const finite = rows.filter((row) => dCodes.subarray(row * d, (row + 1) * d).every(Number.isFinite));
  // Where there is none, the sum is to say so: an update by 0 is one, too, for an optimizer with a state.
  await objective.addParameterGradient(finite.length > 0 ? finite : rows);
  return { losses, dCodes };
}
