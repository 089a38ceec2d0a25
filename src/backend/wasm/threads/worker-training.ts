import type { DifferentiableObjective } from "../../../solver/objective.ts";
import type { Trainer } from "../../backend.ts";
import type { PackedDecoder } from "../packed.ts";
import { wasmTrainer } from "../trainer.ts";
import type { TrainerStep } from "./messages.ts";

/** Worker's trainer, which repeats the steps of the main thread's trainer. */
export class WorkerTraining {
  /** Trainer of the decoder, whose weights are packed for the kernels; undefined until a "begin" step. */
  trainer!: Trainer;
  /** Objective of the current mini-batch. */
  objective!: DifferentiableObjective;

  constructor(readonly packed: PackedDecoder) {}

  /**
   * Repeats a step of the main thread's trainer. Steps must be requested in order; each starts its work synchronously, so they
   * also run in order.
   */
  async take(step: TrainerStep): Promise<void> {
    const takeStep = TAKE[step.kind] as (training: WorkerTraining, step: TrainerStep) => unknown;
    await takeStep(this, step);
  }
}

const TAKE: {
  readonly [Kind in TrainerStep["kind"]]: (
    training: WorkerTraining,
    step: Extract<TrainerStep, { readonly kind: Kind }>,
  ) => unknown;
} = {
  begin(training, { optimizer }) {
    training.trainer?.dispose();
    training.trainer = wasmTrainer(training.packed, optimizer);
  },
  restore: ({ trainer }, { state }) => trainer.restore(state),
  objective(training, { problem, copies }) {
    const { trainer, packed } = training;
    training.objective = trainer.objective({ ...problem, decoder: packed.decoder }, copies);
  },
  call: ({ objective }, { method, args }) =>
    (objective[method] as (...args: readonly unknown[]) => unknown)(...args),
  update: ({ trainer }, { settings }) => trainer.update(settings),
};
