// Objectives evaluated one call at a time, with solvers in JavaScript, training, and missing values: loaded by load-objectives.ts.

import type { Session } from "../backend.ts";
import { wasmObjective } from "./objective.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";
import type { Team } from "./team.ts";

export { Recording } from "../../solver/recording.ts";
export { collectPart, partOfSolution } from "../../solver/solution-part.ts";
export { dataWarnings, wrongValueError } from "../data-messages.ts";
export { inLossUnits } from "../loss-units.ts";
export { groupsOf, solveSeen, withSeenWeights } from "../missing.ts";
export { ownRows } from "../own-rows.ts";
export { spreadWeights } from "../pixel-weights.ts";
export { solveByObjectives } from "../solve-by-objectives.ts";
export { collectEnds, noEnds, solveFromStarts } from "../starts.ts";
export { checkStarts } from "../starts-option.ts";
export { makeLowRank } from "./randomised-low-rank.ts";
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
