import type { Control, Solution } from "../solver/base.ts";
import { isDescentSolver } from "../solver/descent.ts";
import { rowsWithRoom } from "../solver/solver-block.ts";
import type { CheckedPair, PreparedBackend, Problem } from "./base.ts";
import { allSamples, type SampleFeed } from "./feed.ts";

/**
 * Follows the flows of all samples of a problem: by the backend's own means where it has such, and else objective by
 * objective.
 */
export async function solveAll(
  prepared: PreparedBackend,
  problem: Problem,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
): Promise<void> {
  if (problem.sampleCount === 0 || control.aborted()) return;
  if (prepared.solve) return prepared.solve(problem, pair, solution, control);
  await solveByObjectives(prepared, problem, pair, solution, control);
}

/**
 * The general path: on any backend, with any solver.
 *
 * @param feed the samples; default all of the problem's
 */
export async function solveByObjectives(
  backend: Pick<PreparedBackend, "objectiveSize" | "objective">,
  problem: Problem,
  { flow, solver }: CheckedPair,
  solution: Solution,
  control: Control,
  feed: SampleFeed = allSamples(problem.sampleCount),
): Promise<void> {
  const { latentSize } = problem.decoder;
  const room = isDescentSolver(solver) ? rowsWithRoom(solver, latentSize, solver.name === "lbfgs") : Infinity;
  const size = Math.min(backend.objectiveSize(problem), room);
  while (!control.aborted()) {
    const range = feed.take(size);
    if (!range) return;
    const objective = backend.objective(problem, range.first, range.count);
    try {
      await solver.solve(objective, flow, solution, range.first, control);
    } finally {
      objective.dispose();
    }
  }
}
