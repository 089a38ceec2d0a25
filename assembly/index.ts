// The WebAssembly module's exports: scalars and pointers only. A struct is passed as the address of bytes that src/backend/wasm
// wrote, laid out as the classes of memory/ and solve/ declare.
import { Graph } from "./memory/graph";
import { GaussNewton, GRADIENT_TANGENTS, GRADIENTS, ParameterGradient, Workspace } from "./memory/workspace";
import {
  addParameterGradient,
  lossTangents,
  tangentForward,
  tangentsBackward,
} from "./objective/derivatives";
import { curvatureAlong, gaussNewton, jacobianRows, sharedGaussNewton } from "./objective/gauss-newton";
import { backward, decode as decodeRows, gradient, packGraph, value } from "./objective/objective";
import { sumTerms } from "./objective/prior-term";
import { admit, Descent, propose } from "./solve/descent";
import { acceptSteps, run, takeGradients } from "./solve/rounds";
import { takeCurvature, takeMatrix } from "./solve/solvers";
import {
  addPriorCurvature,
  addPriorGradient,
  addPriorHessianProduct,
  Prior,
  priorCurvatureAlong,
  priorValue as valueOfPrior,
} from "./terms/prior";

// Exported for tests, which compare each kernel with a float64 reference.
export { activationBackward, activationForward } from "./ops/activation-functions";
export { packPanels } from "./ops/panels";
export { pointwiseForward } from "./ops/pointwise-functions";
export { multiply } from "./ops/product";
export { sharedFactorInto } from "./solve/lbfgs-preconditioner";
export { lossBackward, lossForward } from "./terms/loss";
export * from "./train/optimizer";

export function pack(graph: usize, parameters: usize, rowAlignment: i32): void {
  packGraph(changetype<Graph>(graph), parameters, rowAlignment);
}

export function decode(graph: usize, workspace: usize, count: i32, toLogits: i32): void {
  decodeRows(changetype<Graph>(graph), changetype<Workspace>(workspace), count, toLogits !== 0);
}

export function objectiveValue(graph: usize, workspace: usize, count: i32): void {
  value(changetype<Graph>(graph), changetype<Workspace>(workspace), count);
}

export function objectiveGradient(graph: usize, workspace: usize, count: i32): void {
  gradient(changetype<Graph>(graph), changetype<Workspace>(workspace), count);
}

/**
 * Computes the prior term and the objective, loss + prior/N with N the divisor of the loss, of `count` rows whose losses the
 * caller computed outside the kernels and wrote to workspace.losses.
 */
export function objectiveSum(workspace: usize, count: i32): void {
  sumTerms(changetype<Workspace>(workspace), count);
}

export function objectiveBackward(graph: usize, workspace: usize, count: i32): void {
  backward(changetype<Graph>(graph), changetype<Workspace>(workspace), count);
}

export function objectiveTangentForward(graph: usize, workspace: usize, count: i32): void {
  tangentForward(changetype<Graph>(graph), changetype<Workspace>(workspace), count);
}

export function objectiveLossTangents(graph: usize, workspace: usize, count: i32): void {
  lossTangents(changetype<Graph>(graph), changetype<Workspace>(workspace), count);
}

export function objectiveTangentBackward(graph: usize, workspace: usize, count: i32): void {
  tangentsBackward(changetype<Graph>(graph), changetype<Workspace>(workspace), count);
}

export function objectiveParameterGradient(graph: usize, workspace: usize, sums: usize, count: i32): void {
  addParameterGradient(
    changetype<Graph>(graph),
    changetype<Workspace>(workspace),
    changetype<ParameterGradient>(sums),
    count,
    GRADIENTS,
  );
}

export function objectiveMixedGradient(graph: usize, workspace: usize, sums: usize, count: i32): void {
  addParameterGradient(
    changetype<Graph>(graph),
    changetype<Workspace>(workspace),
    changetype<ParameterGradient>(sums),
    count,
    GRADIENT_TANGENTS,
  );
}

export function objectiveGaussNewton(graph: usize, workspace: usize, work: usize, row: usize): void {
  gaussNewton(changetype<Graph>(graph), changetype<Workspace>(workspace), changetype<GaussNewton>(work), row);
}

export function objectiveSharedGaussNewton(graph: usize, workspace: usize, work: usize, row: usize): void {
  sharedGaussNewton(
    changetype<Graph>(graph),
    changetype<Workspace>(workspace),
    changetype<GaussNewton>(work),
    row,
  );
}

export function objectiveCurvatureAlong(graph: usize, workspace: usize, work: usize, row: usize): f64 {
  return curvatureAlong(
    changetype<Graph>(graph),
    changetype<Workspace>(workspace),
    changetype<GaussNewton>(work),
    row,
  );
}

/**
 * Writes rows first … first + count - 1 of Jᵀ, the transposed Jacobian of the logits for the latents at row 0, into
 * work.jacobian.
 */
export function objectiveJacobian(graph: usize, workspace: usize, work: usize, first: i32, count: i32): void {
  const room = changetype<GaussNewton>(work);
  jacobianRows(
    changetype<Graph>(graph),
    changetype<Workspace>(workspace),
    room,
    0,
    room.jacobian,
    first,
    count,
  );
}

export function solverRun(
  solver: usize,
  graph: usize,
  workspace: usize,
  work: usize,
  maxPasses: i32,
  refill: i32,
): i32 {
  return run(
    changetype<Descent>(solver),
    changetype<Graph>(graph),
    changetype<Workspace>(workspace),
    changetype<GaussNewton>(work),
    maxPasses,
    refill !== 0,
  );
}

/**
 * Assigns free rows to waiting samples, and writes to each row in use the latent point to be evaluated next. Returns the number
 * of rows in use, listed in workspace.rows.
 */
export function solverPropose(solver: usize, workspace: usize): i32 {
  const count = admit(changetype<Descent>(solver), changetype<Workspace>(workspace), false);
  propose(changetype<Descent>(solver), changetype<Workspace>(workspace), count);
  return count;
}

export function solverAcceptSteps(solver: usize, workspace: usize, count: i32): i32 {
  return acceptSteps(changetype<Descent>(solver), changetype<Workspace>(workspace), count);
}

export function solverTakeGradients(solver: usize, workspace: usize, count: i32): i32 {
  return takeGradients(changetype<Descent>(solver), changetype<Workspace>(workspace), count);
}

export function solverTakeCurvature(solver: usize, row: usize, curvature: f64): void {
  takeCurvature(changetype<Descent>(solver), row, curvature);
}

export function solverTakeMatrix(solver: usize, row: usize, matrix: usize, stride: usize): void {
  takeMatrix(changetype<Descent>(solver), row, matrix, stride);
}

// Functions of a prior alone: for backends that evaluate the decoder elsewhere, and for tests.

export function priorValue(prior: usize, z: usize): f64 {
  return valueOfPrior(changetype<Prior>(prior), z);
}

export function priorGradient(prior: usize, z: usize, scale: f64, gradient: usize): void {
  addPriorGradient(changetype<Prior>(prior), z, scale, gradient);
}

export function priorHessianProduct(prior: usize, z: usize, scale: f64, v: usize, product: usize): void {
  addPriorHessianProduct(changetype<Prior>(prior), z, scale, v, product);
}

export function priorCurvature(prior: usize, z: usize, scale: f64, matrix: usize, stride: usize): void {
  addPriorCurvature(changetype<Prior>(prior), z, scale, matrix, stride);
}

export function priorAlong(prior: usize, z: usize, scale: f64, v: usize): f64 {
  return priorCurvatureAlong(changetype<Prior>(prior), z, scale, v);
}
