// The module's exports: scalars and pointers. Structs are handed over as pointers to what src/backend/wasm
// has written in the layout of memory/ and of the solvers' structs in solve/.
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

// For tests, which hold each kernel against a float64 reference.
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

/** Adds the prior's share to losses that were computed outside, and writes the rows' objectives. */
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

/** Writes rows first … first + count - 1 of Jᵀ, the transposed Jacobian of row 0, into work.jacobian. */
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

/** Gives free rows to waiting samples; lists the rows in use and writes the points at which to evaluate them. */
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

// A prior by itself: for backends that evaluate elsewhere, and for tests.

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
