// Objectives evaluated one call at a time, with solvers in JavaScript, and training: loaded by load-objectives.ts.

import type { Control } from "../../solver/base.ts";
import type { Session, Task } from "../backend.ts";
import type { Feed } from "../feed.ts";
import { solveAround } from "../solve-around.ts";
import { wasmObjective } from "./objective.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";
import type { Run } from "./run.ts";
import { type Team, teamOfOne } from "./team.ts";

export { makeLowRank } from "./low-rank.ts";
export { wasmTrainer } from "./trainer.ts";

/** Returns the part of a session that makes objectives of a packed decoder, whose passes a team of threads divides. */
export function objectivesOf(
  packed: PackedDecoder,
  team?: Team,
): Pick<Session, "objectiveSize" | "objective"> {
  return {
    objectiveSize: (problem) => objectiveSize(packed, problem),
    objective: async (problem, first, count) => wasmObjective(packed, problem, first, count, team),
  };
}

/** Solves the samples that `feed` returns by objectives that call kernels by `run`; see `solveAround`. */
export function solveByObjectives(
  packed: PackedDecoder,
  task: Task,
  control: Control,
  feed: Feed,
  run: Run,
): Promise<void> {
  return solveAround(objectivesOf(packed, teamOfOne(run)), task, control, feed);
}
