import type { Control } from "../solver/base.ts";
import { isLineSearch, takesMatrices } from "../solver/line-search.ts";
import { solveObjective } from "../solver/solve-objective.ts";
import { rowsWithRoom } from "../solver/solver-memory.ts";
import type { Session, Task } from "./backend.ts";
import type { Feed } from "./feed.ts";

/**
 * Solves the samples that `feed` returns, for any solver and loss, by evaluating a backend's objectives: takes as many
 * samples at a time as fit into memory, makes an objective of them and runs the solver on it, until `feed` has none left or the
 * call is aborted.
 */
export async function solveByObjectives(
  objectives: Pick<Session, "objectiveSize" | "objective">,
  { problem, pair, solution }: Task,
  control: Control,
  feed: Feed,
): Promise<void> {
  const { flow, solver } = pair;
  const room = isLineSearch(solver)
    ? rowsWithRoom(solver, problem.decoder.latentSize, takesMatrices(solver))
    : Number.POSITIVE_INFINITY;
  const size = Math.min(objectives.objectiveSize(problem), room);
  while (!control.aborted()) {
    const range = feed.take(size);
    if (!range) return;
    const { first, count } = range;
    const objective = await objectives.objective(problem, first, count);
    try {
      await solveObjective(solver, { objective, flow, solution, first, control });
    } finally {
      objective.dispose();
    }
    feed.end(count);
    // Samples that ended after the solver's last pause are reported at this one.
    await control.pause();
  }
}
