import { Graph } from "../memory/graph";
import { GaussNewton, rowAt, valueRows, Workspace } from "../memory/workspace";
import { curvatureAlong, gaussNewton, sharedGaussNewton } from "../objective/gauss-newton";
import { gradient, value } from "../objective/objective";
import {
  accept,
  admit,
  CONVERGED,
  CURVATURE_ALONG_GRADIENT,
  Descent,
  FIRST,
  finish,
  listRow,
  MAX_STEPS,
  NONFINITE,
  OWN_MATRIX,
  propose,
  residentOf,
  SHARED_JACOBIAN_MATRIX,
  takeValue,
} from "./descent";
import { accepted, takeCurvature, takeGradient, takeMatrix, tried } from "./solvers";

/**
 * A round of a solver, over the rows in use:
 *
 *     admit → propose → losses → judge → gradients → turn → what samples ask for
 *
 * `run` goes round by itself, with the kernels' own losses and gradients. Whoever evaluates elsewhere calls the phases
 * around its evaluations: it takes the points from the latents of the latents' rows, and writes objectives and their terms to
 * workspace.objectives, losses and priors, and gradients to the gradients of the latents' rows.
 */

/**
 * Works until `maxPasses` row passes (one row once forward or once backward) are spent, or there is no row to work
 * on; see `admit`. Returns the row passes spent. It may end after any pass over the rows, and after any matrix.
 *
 * @param work where curvatures are computed
 */
export function run(
  descent: Descent,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  maxPasses: i32,
  refill: bool,
): i32 {
  let passes: i32 = 0;
  do {
    if (descent.due > 0) {
      passes += serve(descent, graph, workspace, work, rowAt(workspace.rows, descent.served++));
      if (descent.served === descent.due) descent.due = 0;
    } else if (descent.judged > 0) {
      gradient(graph, workspace, descent.judged);
      passes += descent.judged;
      descent.due = turn(descent, workspace, descent.judged);
      descent.served = 0;
      descent.judged = 0;
    } else {
      const count = admit(descent, workspace, refill);
      if (count === 0) break;
      propose(descent, workspace, count);
      value(graph, workspace, count);
      descent.judged = judge(descent, workspace, count);
      passes += count;
    }
  } while (passes < maxPasses);
  return passes;
}

/**
 * Takes the steps that lower the loss by enough, and makes the others shorter. Lists the rows whose gradient is needed
 * and returns their number.
 */
export function judge(descent: Descent, workspace: Workspace, count: i32): i32 {
  let goOn: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sample = residentOf(descent, row);
    const objective = load<f64>(workspace.objectives + (row << 3));
    sample.valueEvaluations++;
    if (sample.trial === FIRST) {
      takeValue(sample, workspace, row);
      sample.initialObjective = sample.objective;
      sample.initialLoss = sample.loss;
      if (!isFinite(<f32>objective)) {
        finish(descent, row, NONFINITE);
        continue;
      }
      if (descent.maxSteps === 0) sample.ending = MAX_STEPS;
    } else if (sample.trial >= 0) {
      if (!tried(descent, row, objective)) continue;
      const before = sample.objective;
      accept(descent, workspace, row);
      sample.ending = accepted(descent, sample, before - objective);
      if (sample.ending < 0 && sample.acceptedSteps >= descent.maxSteps) sample.ending = MAX_STEPS;
    }
    listRow(workspace, goOn++, row);
  }
  return goOn;
}

/** Takes up the new gradients. Lists the rows that ask for something before their next step; returns their number. */
export function turn(descent: Descent, workspace: Workspace, count: i32): i32 {
  const latents = valueRows(workspace, 0);
  let due: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sample = residentOf(descent, row);
    const gradient = latents.gradients + row * latents.stride;
    let sum: f64 = 0;
    for (let k: usize = 0; k < <usize>descent.latentSize; k++) {
      const g: f64 = load<f32>(gradient + (k << 2));
      sum += g * g;
    }
    sample.gradientEvaluations++;
    sample.gradientNormSquared = sum;
    sample.due = 0;
    if (sample.ending >= 0) finish(descent, row, sample.ending);
    else if (!isFinite(sum)) finish(descent, row, NONFINITE);
    else if (sum === 0) finish(descent, row, CONVERGED);
    else takeGradient(descent, row, gradient);
    if (sample.due !== 0) listRow(workspace, due++, row);
  }
  return due;
}

/** Computes what a row asks for where the row has been evaluated last; returns the row passes that it took. */
function serve(descent: Descent, graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): i32 {
  const due = residentOf(descent, row).due;
  if (due === CURVATURE_ALONG_GRADIENT) {
    takeCurvature(descent, row, curvatureAlong(graph, workspace, work, row));
    return 1;
  }
  if (due === OWN_MATRIX) {
    gaussNewton(graph, workspace, work, row);
    takeMatrix(descent, row, work.matrix, work.matrixStride);
    return descent.latentSize;
  }
  if (due === SHARED_JACOBIAN_MATRIX) {
    sharedGaussNewton(graph, workspace, work, row);
    takeMatrix(descent, row, work.matrix, work.matrixStride);
    return 1;
  }
  return unreachable();
}
