import type { Control } from "../../solver/base.ts";
import type { Task } from "../backend.ts";
import type { Feed, SampleRange } from "../feed.ts";
import { solveAround } from "../solve-around.ts";
import { isFused, solveFused } from "./fused.ts";
import { objectiveSize, wasmObjective } from "./objective.ts";
import type { PackedDecoder } from "./packed.ts";

/** Chooses how a thread solves a task: fused with the kernels, or around objectives. */
export function solverOn<Range extends SampleRange>(
  packed: PackedDecoder,
  task: Task<Range>,
  isRecorded: boolean,
): (control: Control, feed: Feed<Range>) => Promise<void> {
  // Bound and not wrapped: what is returned is no further step on the way of a call.
  if (isFused(task.problem, task.pair.solver, isRecorded)) {
    return (solveFused<Range>).bind(undefined, packed, task);
  }
  return (solveAround<Range>).bind(undefined, wasmObjectives(packed), task);
}

/** Objectives bound to a packed decoder, for `solveAround`. */
export function wasmObjectives(packed: PackedDecoder): Parameters<typeof solveAround>[0] {
  return {
    objectiveSize: (problem) => objectiveSize(packed, problem),
    objective: (problem, first, count) => wasmObjective(packed, problem, first, count),
  };
}
