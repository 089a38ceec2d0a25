import type { DifferentiableObjective } from "../../../solver/objective.ts";
import type { Trainer } from "../../backend.ts";
import type { Optimizer } from "../../optimizer.ts";
import type { PackedDecoder } from "../packed.ts";
import { wasmTrainer } from "../trainer.ts";
import type { TrainerStep } from "./messages.ts";

/** Trainer of a worker, which repeats the steps of the main thread's trainer. */
export class WorkerTraining {
  private trainer: Trainer | undefined;
  private objective: DifferentiableObjective | undefined;

  constructor(private readonly packed: PackedDecoder) {}

  /** Takes a step. Steps must be requested in order; each starts its work synchronously, so they also run in order. */
  async take(step: TrainerStep): Promise<void> {
    const takeStep = TAKE[step.kind] as (training: WorkerTraining, step: TrainerStep) => unknown;
    await takeStep(this, step);
  }

  begin(optimizer: Optimizer): void {
    this.trainer?.dispose();
    this.trainer = wasmTrainer(this.packed, optimizer);
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
  call: (training, { method, args }) =>
    (training.bound[method] as (...args: readonly unknown[]) => unknown)(...args),
  update: (training, { settings }) => training.own.update(settings),
};
