import type { DifferentiableObjective } from "../../../objective.ts";
import type { Optimizer } from "../../../optimizer.ts";
import { isCustom } from "../../../terms/losses.ts";
import type { Trainer } from "../../backend.ts";
import { OBJECTIVE_STEPS, type TrainerStep } from "./messages.ts";
import type { Pool } from "./pool.ts";
import { CUSTOM_LOSS } from "./shared-work.ts";

/**
 * A trainer whose every step the workers of a pool take as well, so that their weights stay those of this thread,
 * bit for bit, and need not be sent: the samples and where their flows have come to are small, the weights are not.
 */
export function sharedTrainer(trainer: Trainer, optimizer: Optimizer, pool: Pool): Trainer {
  /** Is a gradient being added up? It is no part of `trainer.state()`. */
  let isAtUpdate = false;

  pool.follow(() => {
    if (isAtUpdate) return [];
    return [
      { kind: "begin", optimizer },
      { kind: "restore", state: trainer.state() },
    ];
  });

  const tell = (step: TrainerStep) => pool.tell(step);

  return {
    ...trainer,
    objective(problem, copies) {
      const { loss, sampleCount, targets, weights, batchSize } = problem;
      if (isCustom(loss)) {
        pool.close(CUSTOM_LOSS);
        return trainer.objective(problem, copies);
      }
      isAtUpdate = true;
      const { name, reduction } = loss;
      tell({
        kind: "objective",
        // Copies: of a part of an array the whole would be sent.
        problem: {
          ...{ loss: { name, reduction }, sampleCount, batchSize },
          ...{ targets: targets.slice(), weights: weights?.slice() },
        },
        copies,
      });
      return mirrored(trainer.objective(problem, copies), tell);
    },
    update(settings) {
      tell({ kind: "update", settings });
      isAtUpdate = false;
      return trainer.update(settings);
    },
    restore(state) {
      tell({ kind: "restore", state });
      trainer.restore(state);
    },
    dispose() {
      pool.close("its training has ended");
      trainer.dispose();
    },
  };
}

/** An objective of which the workers have one as well. */
function mirrored(
  objective: DifferentiableObjective,
  tell: (step: TrainerStep) => void,
): DifferentiableObjective {
  const steps = OBJECTIVE_STEPS.map((name) => {
    const method = objective[name] as (...args: unknown[]) => unknown;
    const both = (...args: [rows?: Int32Array, values?: Float64Array]) => {
      tell({ kind: "step", name, args });
      return method(...args);
    };
    return [name, both];
  });
  return { ...objective, ...Object.fromEntries(steps) };
}
