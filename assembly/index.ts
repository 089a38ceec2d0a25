// The module's exports: scalars and pointers. Structs are handed over as pointers to what src/backend/wasm
// has written in the layout of plan.ts, descent.ts, amd.ts and lbfgs-state.ts.
import { backward, decoderForward, gradient, packDecoder, value } from "./decoder";
import { admit, Descent, propose } from "./descent";
import { curvatureAlong, gaussNewton, jacobianRows, sharedGaussNewton } from "./gauss-newton";
import { addMixedGradient, addParameterGradient } from "./parameter-gradient";
import { Batch, GaussNewton, ParameterGradient, Plan } from "./plan";
import { giveCurvature, giveMatrix, judge, run, turn } from "./solve";
import { lossTangents, tangentBackward, tangentForward } from "./tangent";

// For tests, which hold each kernel against a float64 reference.
export { activationBackward, activationForward } from "./activation";
export { multiply } from "./gemm";
export { sharedFactorInto } from "./lbfgs-damping";
export { lossBackward, lossForward } from "./loss";
export { adam, rmsprop, scale, sgd, sumOfSquares } from "./optimizer";
export { packPanels } from "./panels";

export function pack(plan: usize, parameters: usize, rowAlignment: i32): void {
  packDecoder(changetype<Plan>(plan), parameters, rowAlignment);
}

export function decode(plan: usize, batch: usize, count: i32, toLogits: i32): void {
  decoderForward(changetype<Plan>(plan), changetype<Batch>(batch), count, toLogits !== 0);
}

export function objectiveValue(plan: usize, batch: usize, count: i32): void {
  value(changetype<Plan>(plan), changetype<Batch>(batch), count);
}

export function objectiveGradient(plan: usize, batch: usize, count: i32): void {
  gradient(changetype<Plan>(plan), changetype<Batch>(batch), count);
}

export function objectiveBackward(plan: usize, batch: usize, count: i32): void {
  backward(changetype<Plan>(plan), changetype<Batch>(batch), count);
}

export function objectiveTangentForward(plan: usize, batch: usize, count: i32): void {
  tangentForward(changetype<Plan>(plan), changetype<Batch>(batch), count);
}

export function objectiveLossTangents(plan: usize, batch: usize, count: i32): void {
  lossTangents(changetype<Plan>(plan), changetype<Batch>(batch), count);
}

export function objectiveTangentBackward(plan: usize, batch: usize, count: i32): void {
  tangentBackward(changetype<Plan>(plan), changetype<Batch>(batch), count);
}

export function objectiveParameterGradient(plan: usize, batch: usize, sums: usize, count: i32): void {
  addParameterGradient(
    changetype<Plan>(plan),
    changetype<Batch>(batch),
    changetype<ParameterGradient>(sums),
    count,
  );
}

export function objectiveMixedGradient(plan: usize, batch: usize, sums: usize, count: i32): void {
  addMixedGradient(
    changetype<Plan>(plan),
    changetype<Batch>(batch),
    changetype<ParameterGradient>(sums),
    count,
  );
}

export function objectiveGaussNewton(plan: usize, batch: usize, work: usize, row: usize): void {
  gaussNewton(changetype<Plan>(plan), changetype<Batch>(batch), changetype<GaussNewton>(work), row);
}

export function objectiveSharedGaussNewton(plan: usize, batch: usize, work: usize, row: usize): void {
  sharedGaussNewton(changetype<Plan>(plan), changetype<Batch>(batch), changetype<GaussNewton>(work), row);
}

export function objectiveCurvatureAlong(plan: usize, batch: usize, work: usize, row: usize): f64 {
  return curvatureAlong(changetype<Plan>(plan), changetype<Batch>(batch), changetype<GaussNewton>(work), row);
}

/** The rows of the Jacobian of row 0, into work.jacobian. */
export function objectiveJacobian(plan: usize, batch: usize, work: usize, first: i32, count: i32): void {
  const room = changetype<GaussNewton>(work);
  jacobianRows(changetype<Plan>(plan), changetype<Batch>(batch), room, 0, room.jacobian, first, count);
}

export function solverRun(
  solver: usize,
  plan: usize,
  batch: usize,
  work: usize,
  maxPasses: i32,
  refill: i32,
): i32 {
  return run(
    changetype<Descent>(solver),
    changetype<Plan>(plan),
    changetype<Batch>(batch),
    changetype<GaussNewton>(work),
    maxPasses,
    refill !== 0,
  );
}

/** Gives rows to samples that wait, and lists the rows in use with the points where they are to be evaluated. */
export function solverPropose(solver: usize, batch: usize): i32 {
  const count = admit(changetype<Descent>(solver), changetype<Batch>(batch), false);
  propose(changetype<Descent>(solver), changetype<Batch>(batch), count);
  return count;
}

export function solverJudge(solver: usize, batch: usize, count: i32): i32 {
  return judge(changetype<Descent>(solver), changetype<Batch>(batch), count);
}

export function solverTurn(solver: usize, batch: usize, count: i32): i32 {
  return turn(changetype<Descent>(solver), changetype<Batch>(batch), count);
}

export function solverGiveCurvature(solver: usize, row: usize, curvature: f64): void {
  giveCurvature(changetype<Descent>(solver), row, curvature);
}

export function solverGiveMatrix(solver: usize, row: usize, matrix: usize, stride: usize): void {
  giveMatrix(changetype<Descent>(solver), row, matrix, stride);
}
