import type { DifferentiableObjective } from "../../../objective.ts";
import type { Optimizer } from "../../../optimizer.ts";
import { isCustom } from "../../../terms/losses.ts";
import type { Trainer } from "../../backend.ts";
import type { CompiledKernels } from "../instance.ts";
import type { PackedDecoder } from "../packed.ts";
import { wasmTrainer } from "../trainer.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { CUSTOM_LOSS } from "./jobs.ts";
import type { TrainerStep } from "./messages.ts";
import type { WorkerGroup } from "./pool.ts";

/**
 * A trainer whose every step the workers that hold its decoder take as well, so that their weights stay those of this
 * thread, bit for bit, and need not be sent: the samples and where their flows have come to are small, the weights are
 * not. A worker that comes later, or has missed steps, is brought up by the trainer's state.
 */
export function lockStepTrainer(
  trainer: Trainer,
  optimizer: Optimizer,
  handle: DecoderHandle,
  workers: WorkerGroup,
): Trainer {
  /** Is a gradient being added up? It is no part of `trainer.state()`. */
  let isAtUpdate = false;

  handle.training = {
    steps: 0,
    catchUp() {
      if (isAtUpdate) return undefined;
      return [
        { kind: "begin", optimizer },
        { kind: "restore", state: trainer.state() },
      ];
    },
  };

  function tell(makeStep: () => TrainerStep): void {
    workers.tell(handle, makeStep);
  }

  return {
    ...trainer,
    objective(problem, copies) {
      const { loss, sampleCount, targets, weights, batchSize } = problem;
      if (isCustom(loss)) {
        handle.alone ??= CUSTOM_LOSS;
        return trainer.objective(problem, copies);
      }
      isAtUpdate = true;
      const { name, reduction } = loss;
      tell(() => ({
        kind: "objective",
        problem: {
          ...{ loss: { name, reduction }, sampleCount, batchSize },
          ...{ targets: targets.slice(), weights: weights?.slice() },
        },
        copies,
      }));
      return lockStepObjective(trainer.objective(problem, copies), tell);
    },
    update(settings) {
      tell(() => ({ kind: "update", settings }));
      isAtUpdate = false;
      return trainer.update(settings);
    },
    restore(state) {
      tell(() => ({ kind: "restore", state }));
      trainer.restore(state);
    },
    dispose() {
      handle.alone ??= "its training has ended";
      trainer.dispose();
    },
  };
}

/** An objective of which the workers have one as well. */
function lockStepObjective(
  objective: DifferentiableObjective,
  tell: (makeStep: () => TrainerStep) => void,
): DifferentiableObjective {
  return {
    ...objective,
    value(rows, z) {
      tell(() => ({ kind: "value", rows, z }));
      return objective.value(rows, z);
    },
    gradient(rows) {
      tell(() => ({ kind: "gradient", rows }));
      return objective.gradient(rows);
    },
    addParameterGradient(rows) {
      tell(() => ({ kind: "addParameterGradient", rows }));
      return objective.addParameterGradient(rows);
    },
    tangent(rows, v) {
      tell(() => ({ kind: "tangent", rows, v }));
      return objective.tangent(rows, v);
    },
    addMixedGradient(rows) {
      tell(() => ({ kind: "addMixedGradient", rows }));
      return objective.addMixedGradient(rows);
    },
    takeParameterSums() {
      tell(() => ({ kind: "takeParameterSums" }));
      return objective.takeParameterSums();
    },
    dispose() {
      tell(() => ({ kind: "disposeObjective" }));
      objective.dispose();
    },
  };
}

/** A worker's trainer, which takes the steps of the main thread's. */
export class WorkerTraining {
  private trainer: Trainer | undefined;
  private objective: DifferentiableObjective | undefined;

  constructor(
    private readonly packed: PackedDecoder,
    private readonly compiled: CompiledKernels,
  ) {}

  /** Steps have to be asked for in turn; each works before it first waits, so that they are also taken in turn. */
  async follow(step: TrainerStep): Promise<void> {
    const take = TAKE[step.kind] as (training: WorkerTraining, step: TrainerStep) => unknown;
    await take(this, step);
  }

  begin(optimizer: Optimizer): void {
    this.trainer?.dispose();
    this.trainer = wasmTrainer(this.packed, optimizer, this.compiled);
  }

  get own(): Trainer {
    return this.trainer!;
  }

  bind({ problem, copies }: Extract<TrainerStep, { kind: "objective" }>): void {
    this.objective = this.own.objective({ ...problem, decoder: this.packed.decoder }, copies);
  }

  get bound(): DifferentiableObjective {
    return this.objective!;
  }
}

const TAKE: {
  readonly [Kind in TrainerStep["kind"]]: (
    training: WorkerTraining,
    step: Extract<TrainerStep, { readonly kind: Kind }>,
  ) => unknown;
} = {
  begin: (training, { optimizer }) => training.begin(optimizer),
  restore: (training, { state }) => training.own.restore(state),
  objective: (training, step) => training.bind(step),
  value: (training, { rows, z }) => training.bound.value(rows, z),
  gradient: (training, { rows }) => training.bound.gradient(rows),
  addParameterGradient: (training, { rows }) => training.bound.addParameterGradient(rows),
  tangent: (training, { rows, v }) => training.bound.tangent(rows, v),
  addMixedGradient: (training, { rows }) => training.bound.addMixedGradient(rows),
  takeParameterSums: (training) => training.bound.takeParameterSums(),
  disposeObjective: (training) => training.bound.dispose(),
  update: (training, { settings }) => training.own.update(settings),
};
