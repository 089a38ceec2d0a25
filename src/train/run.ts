import type { Adjoint, Encoded } from "../adjoint/base.ts";
import { solve } from "../api/check-data.ts";
import type { Problem, Session, Trainer } from "../backend/backend.ts";
import { inLossUnits } from "../backend/loss-units.ts";
import { isUnseen } from "../backend/missing.ts";
import { within } from "../base/calling.ts";
import { throwIfAborted } from "../base/realms.ts";
import { rowsOfSamples } from "../base/rows.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { startsOf } from "../decoder/start.ts";
import type { Control } from "../solver/base.ts";
import { orderOf } from "../solver/flow.ts";
import { allRows, type DifferentiableObjective, valuesAt } from "../solver/objective.ts";
import { meanOfNumbers } from "../solver/result.ts";
import { Solution } from "../solver/solution.ts";
import { componentsOf } from "../terms/prior-components.ts";
import { bankOf, samplesForBank } from "./bank.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import type { RunState } from "./checkpoint-format.ts";
import { MiniBatches } from "./mini-batches.ts";
import type { TrainStep } from "./progress.ts";
import { createSampler } from "./sampler.ts";
import { problemOf } from "./samples.ts";
import { isValidationDue, meanLoss, type ValidationResult } from "./validation.ts";

/** A training run: its state, and the functions that make its next update and validation. */
export class Run {
  /** Number of images (training samples) to process in all epochs. */
  readonly total: number;
  /** Number of images (training samples) processed so far. */
  images = 0;
  /** Loss and gradient norm of each update so far. */
  history: TrainStep[] = [];
  /** Results of the validations so far. */
  validations: ValidationResult[] = [];
  private readonly sampler;
  private readonly batches;

  /** @param working the run's own copy of the decoder, since training changes the weights packed for a decoder */
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

  /** Codes stored for each sample, [samples, latentSize], as a copy; undefined if none are stored. */
  get codes(): Float32Array | undefined {
    const { codes } = this.batches;
    return codes && Float32Array.from(codes.state().values);
  }

  /** True once the images of all epochs have been processed. */
  get hasEnded(): boolean {
    return this.images >= this.total;
  }

  /**
   * Encodes a mini-batch and updates the parameters. If it throws, `state()` returns the state before the call.
   *
   * @returns figures of the update, and the samples whose stored codes were reset
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
      const { hasMissing } = this.options;
      const loss = meanOfNumbers(
        losses.map((each, i) => (hasMissing && isUnseen(problem, i) ? Number.NaN : each)),
      );
      throwIfAborted(signal);
      const largestNorm = gradientClip * indices.length;
      const gradientNorm = await this.trainer.update({ learningRate, largestNorm });
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

  /** Computes the validation loss and stores the result, if a validation is due; else returns undefined. */
  async validate(control: Control): Promise<ValidationResult | undefined> {
    const { validation, signal } = this.options;
    if (!validation || !isValidationDue(validation, this.images, this.total, this.validations.at(-1))) {
      return undefined;
    }
    const mean = await within("validation", () =>
      meanLoss(this.working, this.session, validation, this.options, control),
    );
    throwIfAborted(signal);
    const result = { images: this.images, loss: mean };
    this.validations.push(result);
    return result;
  }

  /**
   * Returns the starts of the trained decoder, means of clusters of codes of training samples: those stored, or else the ends of
   * flows with the current parameters. Does not change the state.
   *
   * @param missing number of missing values of each sample; undefined if there are none
   */
  async starts(missing: Uint32Array | undefined, control: Control): Promise<Float32Array | undefined> {
    const { dataset, loss, prior, weights, fixed, pair, seed } = this.options;
    const { working, session } = this;
    const d = working.latentSize;
    const samples = samplesForBank(dataset);
    const stored = this.codes;
    if (stored) return bankOf(rowsOfSamples(stored, d, samples), d, seed);
    const settings = { decoder: working, loss, prior: prior && componentsOf(prior, d), weights, fixed };
    const problem = inLossUnits(problemOf(dataset, settings, samples));
    const z0 = working.start && startsOf(working.start, working, 0, samples.length);
    const solution = new Solution(samples.length, d, z0, { order: orderOf(pair.flow) });
    const unseen = missing && samples.map((sample) => missing[sample]!);
    await solve(session, problem, unseen, pair, solution, control);
    return bankOf(new Float32Array(solution.z), d, seed);
  }

  /** Returns the state between two updates, from which `restore` continues with the same updates. */
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

  /** Sets the state from a run with the same description; the same updates follow, bit for bit. */
  restore(state: RunState): void {
    const { images, sampler, random, codes, trainer, history, validation, ...others } = state;
    // The compiler reports a field that is not restored.
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
 * Adds the gradient of a mini-batch's summed objectives to the trainer's parameter sums.
 *
 * @returns the losses, [batch size], and with `codes: "kept"` the gradients with respect to the codes, [batch size, latentSize]
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
 * Adds the gradient of the summed objectives at the stored codes z, [batch size, latentSize], to the parameter sums, and
 * returns the losses and the gradients with respect to the codes. Samples whose gradient with respect to their code is not
 * finite are left out of the sum, which would otherwise not be finite either, unless this applies to all samples.
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
  // If no sample is finite, all are added: a non-finite sum skips the update; a sum of 0 would change the optimizer's state.
  await objective.addParameterGradient(finite.length > 0 ? finite : rows);
  return { losses, dCodes };
}
