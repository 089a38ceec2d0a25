import type { DifferentiableObjective } from "../../../solver/objective.ts";
import type { Trainer } from "../../backend.ts";
import type { Optimizer } from "../../optimizer.ts";
import type { PackedDecoder } from "../packed.ts";
import { wasmTrainer } from "../trainer.ts";
import type { TrainerStep } from "./messages.ts";

/** A worker's trainer, which takes the steps of the main thread's. */
export class WorkerTraining {
  private trainer: Trainer | undefined;
  private objective: DifferentiableObjective | undefined;

  constructor(private readonly packed: PackedDecoder) {}

  /** Steps have to be asked for in turn; each works before it first waits, so that they are also taken in turn. */
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
  value: (training, { rows, z }) => training.bound.value(rows, z),
  gradient: (training, { rows }) => training.bound.gradient(rows),
  addParameterGradient: (training, { rows }) => training.bound.addParameterGradient(rows),
  tangent: (training, { rows, v }) => training.bound.tangent(rows, v),
  addMixedGradient: (training, { rows }) => training.bound.addMixedGradient(rows),
  takeParameterSums: (training) => training.bound.takeParameterSums(),
  disposeObjective: (training) => training.bound.dispose(),
  update: (training, { settings }) => training.own.update(settings),
};
