import { Graph } from "../memory/graph";
import { GaussNewton, rowAt, valueRows, Workspace } from "../memory/workspace";
import { curvatureAlong, gaussNewton, sharedGaussNewton } from "../objective/gauss-newton";
import { gradient, value } from "../objective/objective";
import { accepted, takeCurvature, takeGradient, takeMatrix, tried } from "./dispatch";
import {
  accept,
  CONVERGED,
  CURVATURE_ALONG_GRADIENT,
  FIRST,
  finish,
  LineSearch,
  listRow,
  MAX_STEPS,
  NONFINITE,
  OWN_MATRIX,
  propose,
  residentOf,
  SHARED_JACOBIAN_MATRIX,
  takeValue,
} from "./line-search";

/**
 * Round of a solver over the rows in use:
 *
 *     propose → losses → acceptSteps → gradients → takeGradients → answers to requests
 *
 * `run` evaluates with the kernels. src/solver/minimise.ts calls the phases around evaluations made elsewhere: it reads the
 * points from the latents' rows, and writes workspace.objectives, losses and priors, and the latents' gradients.
 */

/**
 * Solves until `maxPasses` row passes (one row once forward or once backward) are spent, or `propose` lists no row. Returns the
 * row passes spent, which may exceed `maxPasses`; the next call continues where this one stopped.
 *
 * @param work memory for Gauss-Newton matrices and curvatures
 * @param refill true to return when a row is free and no sample waits, so that the caller can stage more samples
 */
export function run(
  search: LineSearch,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  maxPasses: i32,
  refill: bool,
): i32 {
  let passes: i32 = 0;
  do {
    if (search.requests > 0) {
      passes += answer(search, graph, workspace, work, rowAt(workspace.rows, search.answered++));
      if (search.answered === search.requests) search.requests = 0;
    } else if (search.accepted > 0) {
      gradient(graph, workspace, search.accepted);
      passes += search.accepted;
      search.requests = takeGradients(search, workspace, search.accepted);
      search.answered = 0;
      search.accepted = 0;
    } else {
      const count = propose(search, workspace, refill);
      if (count === 0) break;
      value(graph, workspace, count);
      search.accepted = acceptSteps(search, workspace, count);
      passes += count;
    }
  } while (passes < maxPasses);
  return passes;
}

/**
 * Accepts the tried steps that lower the objective by enough and shortens the others. Lists the rows that need a gradient in
 * workspace.rows; returns their number.
 */
export function acceptSteps(search: LineSearch, workspace: Workspace, count: i32): i32 {
  let goOn: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sample = residentOf(search, row);
    const objective = load<f64>(workspace.objectives + (row << 3));
    sample.valueEvaluations++;
    if (sample.trial === FIRST) {
      takeValue(sample, workspace, row);
      sample.initialObjective = sample.objective;
      sample.initialLoss = sample.loss;
      if (!isFinite(<f32>objective)) {
        finish(search, row, NONFINITE);
        continue;
      }
      if (search.maxSteps === 0) sample.ending = MAX_STEPS;
    } else if (sample.trial >= 0) {
      if (!tried(search, row, objective)) continue;
      const before = sample.objective;
      accept(search, workspace, row);
      sample.ending = accepted(search, sample, before - objective);
      if (sample.ending < 0 && sample.acceptedSteps >= search.maxSteps) sample.ending = MAX_STEPS;
    }
    listRow(workspace, goOn++, row);
  }
  return goOn;
}

/**
 * Passes each listed row's new gradient to the solver, or ends its sample. Lists the rows that request an evaluation before
 * their next step in workspace.rows; returns their number.
 */
export function takeGradients(search: LineSearch, workspace: Workspace, count: i32): i32 {
  const latents = valueRows(workspace, 0);
  let requests: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sample = residentOf(search, row);
    const gradient = latents.gradients + row * latents.stride;
    let sum: f64 = 0;
    for (let k: usize = 0; k < <usize>search.latentSize; k++) {
      const g: f64 = load<f32>(gradient + (k << 2));
      sum += g * g;
    }
    sample.gradientEvaluations++;
    sample.gradientNormSquared = sum;
    sample.request = 0;
    if (sample.ending >= 0) finish(search, row, sample.ending);
    else if (!isFinite(sum)) finish(search, row, NONFINITE);
    else if (sum === 0) finish(search, row, CONVERGED);
    else takeGradient(search, row, gradient);
    if (sample.request !== 0) listRow(workspace, requests++, row);
  }
  return requests;
}

/**
 * Computes the matrix or curvature that a row requested, at the point evaluated last, and passes it to the solver; returns the
 * row passes spent.
 */
function answer(search: LineSearch, graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): i32 {
  const request = residentOf(search, row).request;
  if (request === CURVATURE_ALONG_GRADIENT) {
    takeCurvature(search, row, curvatureAlong(graph, workspace, work, row));
    return 1;
  }
  if (request === OWN_MATRIX) {
    gaussNewton(graph, workspace, work, row);
    takeMatrix(search, row, work.matrix, work.matrixStride);
    return search.latentSize;
  }
  if (request === SHARED_JACOBIAN_MATRIX) {
    sharedGaussNewton(graph, workspace, work, row);
    takeMatrix(search, row, work.matrix, work.matrixStride);
    return 1;
  }
  return unreachable();
}
