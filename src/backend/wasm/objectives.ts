// Objectives evaluated one call at a time, with solvers in JavaScript, and training: loaded by load-objectives.ts.

import type { Control } from "../../solver/base.ts";
import type { Task } from "../backend.ts";
import type { Feed, SampleRange } from "../feed.ts";
import { solveAround } from "../solve-around.ts";
import { wasmObjective } from "./objective.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";

export { wasmObjective } from "./objective.ts";
export { wasmTrainer } from "./trainer.ts";

/** Solves the samples that `feed` returns by a solver in JavaScript, which evaluates objectives of the packed decoder. */
export function solveByObjectives<Range extends SampleRange>(
  packed: PackedDecoder,
  task: Task<Range>,
  control: Control,
  feed: Feed<Range>,
): Promise<void> {
  const objectives: Parameters<typeof solveAround>[0] = {
    objectiveSize: (problem) => objectiveSize(packed, problem),
    objective: async (problem, first, count) => wasmObjective(packed, problem, first, count),
  };
  return solveAround(objectives, task, control, feed);
}
