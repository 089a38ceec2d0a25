import { cutFixed } from "../../../decoder/fixed.ts";
import type { DifferentiableObjective } from "../../../solver/objective.ts";
import { isCustom } from "../../../terms/losses.ts";
import type { Trainer } from "../../backend.ts";
import type { Optimizer } from "../../optimizer.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { WHY_NOT_CUSTOM_LOSS } from "./jobs.ts";
import { OBJECTIVE_METHODS, type TrainerStep } from "./messages.ts";
import type { WorkerGroup } from "./worker-group.ts";

/**
 * Makes a trainer that also sends its steps to the workers that hold its decoder, which repeat them. The workers' weights
 * thus stay equal to this thread's, bit for bit, without being sent: samples and codes are small, weights are not. A worker
 * that starts later, or has missed steps, receives the trainer's state.
 *
 * @param workers returns the group of workers; undefined while there is none
 */
export function lockStepTrainer(
  trainer: Trainer,
  optimizer: Optimizer,
  handle: DecoderHandle,
  workers: () => WorkerGroup | undefined,
): Trainer {
  /** True while a gradient is being accumulated, which `trainer.state()` does not include. */
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

  /**
   * Posts a step to the workers.
   *
   * @param makeStep called for each worker, since a mini-batch's buffers are transferred
   */
  function post(makeStep: () => TrainerStep): void {
    workers()?.postStep(handle, makeStep);
    if (handle.training) handle.training.steps++;
  }

  return {
    ...trainer,
    objective(problem, copies) {
      const { decoder, loss, targets, weights, fixed, ...shared } = problem;
      if (isCustom(loss)) {
        handle.whyAlone ??= WHY_NOT_CUSTOM_LOSS;
        return trainer.objective(problem, copies);
      }
      isAtUpdate = true;
      const { name, reduction } = loss;
      post(() => ({
        kind: "objective",
        problem: {
          ...shared,
          loss: { name, reduction },
          targets: targets.slice(),
          weights: weights?.slice(),
          fixed: cutFixed(decoder, fixed, 0, problem.sampleCount).map((values) => values.slice()),
        },
        copies,
      }));
      return lockStepObjective(trainer.objective(problem, copies), post);
    },
    update(settings) {
      post(() => ({ kind: "update", settings }));
      isAtUpdate = false;
      return trainer.update(settings);
    },
    restore(state) {
      post(() => ({ kind: "restore", state }));
      trainer.restore(state);
    },
    dispose() {
      handle.whyAlone ??= "its training has ended";
      handle.training = undefined;
      trainer.dispose();
    },
  };
}

/** Makes an objective whose calls are also posted to the workers. */
function lockStepObjective(
  objective: DifferentiableObjective,
  post: (makeStep: () => TrainerStep) => void,
): DifferentiableObjective {
  const methods = OBJECTIVE_METHODS.map((method) => {
    const call = (...args: never[]) => {
      post(() => ({ kind: "call", method, args }) as TrainerStep);
      return (objective[method] as (...args: never[]) => unknown)(...args);
    };
    return [method, call];
  });
  return { ...objective, ...Object.fromEntries(methods) };
}
