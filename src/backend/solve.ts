import type { Control } from "../solver/base.ts";
import { isDescentSolver, takesMatrices } from "../solver/descent.ts";
import { follow } from "../solver/follow.ts";
import type { Solution } from "../solver/solution.ts";
import { rowsWithRoom } from "../solver/solver-block.ts";
import { isCustom } from "../terms/losses.ts";
import type { CheckedPair, Engine, Problem, SampleSet, Session, Task } from "./backend.ts";
import { allSamples, type Feed } from "./feed.ts";

/**
 * Follows the flows of all samples of a problem: the one door between those who want samples solved and the backends.
 * Here it is decided whether a fused solver does it or one around objectives; the session's threads do it.
 */
export async function solve(
  session: Session,
  problem: Problem,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
): Promise<void> {
  if (problem.sampleCount === 0 || control.aborted()) return;
  // A fused solver keeps no points on its way; a custom loss runs in JavaScript between the passes.
  const isFused =
    session.fused !== undefined &&
    isDescentSolver(pair.solver) &&
    !solution.recording &&
    !isCustom(problem.loss);
  const task: Task = { problem, pair, isFused };
  if (session.share) await session.share(task, solution, control);
  else await solveOn(session, task, control, samplesOf(problem, solution, allSamples(problem.sampleCount)));
}

/** What one thread does of a task: the samples that the feed gives it. */
export async function solveOn(
  engine: Engine,
  { problem, pair, isFused }: Task,
  control: Control,
  feed: Feed<SampleSet>,
): Promise<void> {
  const { flow, solver } = pair;
  const { latentSize } = problem.decoder;
  const isDescent = isDescentSolver(solver);
  if (isFused && isDescent) return engine.fused!(problem, solver, control, feed);
  const room = isDescent ? rowsWithRoom(solver, latentSize, takesMatrices(solver)) : Infinity;
  const size = Math.min(engine.objectiveSize(problem), room);
  while (!control.aborted()) {
    const samples = feed.take(size);
    if (!samples) return;
    const { solution, first, count } = samples;
    const objective = engine.objective(samples.problem, first, count);
    try {
      await follow(solver, objective, flow, solution, first, control);
    } finally {
      objective.dispose();
    }
    // Samples that have ended since the solver's last pause are reported by one more.
    await control.pause();
  }
}

/** Samples of one problem, in the ranges of `feed`. */
export function samplesOf(problem: Problem, solution: Solution, feed: Feed): Feed<SampleSet> {
  return {
    get hasMore() {
      return feed.hasMore;
    },
    take(most) {
      const range = feed.take(most);
      return range && { ...range, problem, solution };
    },
  };
}
