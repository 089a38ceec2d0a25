import type { DifferentiableObjective } from "../../../objective.ts";
import type { Trainer } from "../../backend.ts";
import type { CompiledKernels } from "../instance.ts";
import type { PackedDecoder } from "../packed.ts";
import { wasmTrainer } from "../trainer.ts";
import type { TrainerStep } from "./messages.ts";

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
    if (step.kind === "begin") {
      this.trainer = wasmTrainer(this.packed, step.optimizer, this.compiled);
    } else if (step.kind === "restore") {
      this.trainer!.restore(step.state);
    } else if (step.kind === "objective") {
      const problem = { ...step.problem, decoder: this.packed.decoder };
      this.objective = this.trainer!.objective(problem, step.copies);
    } else if (step.kind === "step") {
      const method = this.objective![step.name] as (...args: unknown[]) => unknown;
      await method(...step.args);
    } else {
      this.trainer!.update(step.settings);
    }
  }
}
