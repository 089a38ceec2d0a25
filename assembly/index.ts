// The module's exports: scalars and pointers. Structs are handed over as pointers to what src/backend/wasm
// has written in the layout of plan.ts, descent.ts, amd.ts and implicit-amd.ts.
import { Amd, amdRun } from "./amd";
import { backward, decoderForward, gradient, packDecoder, value } from "./decoder";
import { gaussNewton } from "./gauss-newton";
import { ImplicitAmd, implicitAmdRun } from "./implicit-amd";
import { addMixedGradient, addParameterGradient } from "./parameter-gradient";
import { Batch, GaussNewton, ParameterGradient, Plan } from "./plan";
import { lossTangents, tangentBackward, tangentForward } from "./tangent";

// For tests, which hold each kernel against a float64 reference.
export { activationBackward, activationForward } from "./activation";
export { multiply } from "./gemm";
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

export function solveAmd(amd: usize, plan: usize, batch: usize, maxPasses: i32, refill: i32): i32 {
  return amdRun(
    changetype<Amd>(amd),
    changetype<Plan>(plan),
    changetype<Batch>(batch),
    maxPasses,
    refill !== 0,
  );
}

export function solveImplicitAmd(solver: usize, plan: usize, batch: usize, maxPasses: i32, refill: i32): i32 {
  return implicitAmdRun(
    changetype<ImplicitAmd>(solver),
    changetype<Plan>(plan),
    changetype<Batch>(batch),
    maxPasses,
    refill !== 0,
  );
}
