import { Graph } from "../memory/graph";
import { GaussNewton, rowAt, valueRows, Workspace } from "../memory/workspace";
import { curvatureAlong, gaussNewton, sharedGaussNewton } from "../objective/gauss-newton";
import { gradient, value } from "../objective/objective";
import {
  accept,
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
 * Round of a solver over the rows in use:
 *
 *     propose → losses → acceptSteps → gradients → takeGradients → answers to requests
 *
 * `run` evaluates with the kernels. src/solver/descend.ts calls the phases around evaluations made elsewhere: it reads the
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
  descent: Descent,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  maxPasses: i32,
  refill: bool,
): i32 {
  let passes: i32 = 0;
  do {
    if (descent.requests > 0) {
      passes += answer(descent, graph, workspace, work, rowAt(workspace.rows, descent.answered++));
      if (descent.answered === descent.requests) descent.requests = 0;
    } else if (descent.accepted > 0) {
      gradient(graph, workspace, descent.accepted);
      passes += descent.accepted;
      descent.requests = takeGradients(descent, workspace, descent.accepted);
      descent.answered = 0;
      descent.accepted = 0;
    } else {
      const count = propose(descent, workspace, refill);
      if (count === 0) break;
      value(graph, workspace, count);
      descent.accepted = acceptSteps(descent, workspace, count);
      passes += count;
    }
  } while (passes < maxPasses);
  return passes;
}

/**
 * Accepts the tried steps that lower the objective by enough and shortens the others. Lists the rows that need a gradient in
 * workspace.rows; returns their number.
 */
export function acceptSteps(descent: Descent, workspace: Workspace, count: i32): i32 {
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

/**
 * Passes each listed row's new gradient to the solver, or ends its sample. Lists the rows that request an evaluation before
 * their next step in workspace.rows; returns their number.
 */
export function takeGradients(descent: Descent, workspace: Workspace, count: i32): i32 {
  const latents = valueRows(workspace, 0);
  let requests: i32 = 0;
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
    sample.request = 0;
    if (sample.ending >= 0) finish(descent, row, sample.ending);
    else if (!isFinite(sum)) finish(descent, row, NONFINITE);
    else if (sum === 0) finish(descent, row, CONVERGED);
    else takeGradient(descent, row, gradient);
    if (sample.request !== 0) listRow(workspace, requests++, row);
  }
  return requests;
}

/**
 * Computes the matrix or curvature that a row requested, at the point evaluated last, and passes it to the solver; returns the
 * row passes spent.
 */
function answer(descent: Descent, graph: Graph, workspace: Workspace, work: GaussNewton, row: usize): i32 {
  const request = residentOf(descent, row).request;
  if (request === CURVATURE_ALONG_GRADIENT) {
    takeCurvature(descent, row, curvatureAlong(graph, workspace, work, row));
    return 1;
  }
  if (request === OWN_MATRIX) {
    gaussNewton(graph, workspace, work, row);
    takeMatrix(descent, row, work.matrix, work.matrixStride);
    return descent.latentSize;
  }
  if (request === SHARED_JACOBIAN_MATRIX) {
    sharedGaussNewton(graph, workspace, work, row);
    takeMatrix(descent, row, work.matrix, work.matrixStride);
    return 1;
  }
  return unreachable();
}
