import { Amd, amdAccepted, amdTakeCurvature, amdTakeGradient, amdTried } from "./amd";
import { AMD, Descent, LBFGS, residentOf, Sample } from "./descent";
import { lbfgsAccepted, lbfgsTakeCurvature, lbfgsTakeGradient, lbfgsTakeMatrix, lbfgsTried } from "./lbfgs";
import { Lbfgs } from "./lbfgs-state";

/**
 * Dispatch from rounds.ts to the solvers: each function has a case for each solver, except a function that answers a request
 * which the solver never makes.
 */

/**
 * Returns true if the step just tried, which gave objective `loss`, is accepted. Otherwise sets the next step to try, or ends
 * the sample.
 */
export function tried(descent: Descent, row: usize, loss: f64): bool {
  switch (descent.solver) {
    case AMD:
      return amdTried(changetype<Amd>(descent), row, loss);
    case LBFGS:
      return lbfgsTried(changetype<Lbfgs>(descent), row, loss);
    default:
      return unreachable();
  }
}

/**
 * Records an accepted step, which lowered the objective by `fall`. Returns the status that the sample ends with, or -1 if it
 * goes on.
 */
export function accepted(descent: Descent, sample: Sample, fall: f64): i32 {
  switch (descent.solver) {
    case AMD:
      return amdAccepted(changetype<Amd>(descent), sample);
    case LBFGS:
      return lbfgsAccepted(changetype<Lbfgs>(descent), sample, fall);
    default:
      return unreachable();
  }
}

/**
 * Passes the gradient at a sample's z to the solver, which sets the next step or requests an evaluation.
 *
 * @param gradient f32[d]
 */
export function takeGradient(descent: Descent, row: usize, gradient: usize): void {
  switch (descent.solver) {
    case AMD:
      amdTakeGradient(changetype<Amd>(descent), residentOf(descent, row), gradient);
      break;
    case LBFGS:
      lbfgsTakeGradient(changetype<Lbfgs>(descent), row, gradient);
      break;
    default:
      unreachable();
  }
}

/** Passes the curvature gᵀMg/gᵀg along the gradient g, which the row requested, to the solver; M is the Gauss-Newton matrix. */
export function takeCurvature(descent: Descent, row: usize, curvature: f64): void {
  switch (descent.solver) {
    case AMD:
      amdTakeCurvature(changetype<Amd>(descent), row, curvature);
      break;
    case LBFGS:
      lbfgsTakeCurvature(changetype<Lbfgs>(descent), row, curvature);
      break;
    default:
      unreachable();
  }
}

/**
 * Passes the Gauss-Newton matrix that a row requested to the solver.
 *
 * @param matrix f32[d][…], rows `stride` bytes apart; only the lower triangle and the diagonal are read
 */
export function takeMatrix(descent: Descent, row: usize, matrix: usize, stride: usize): void {
  switch (descent.solver) {
    case LBFGS:
      lbfgsTakeMatrix(changetype<Lbfgs>(descent), row, matrix, stride);
      break;
    default:
      unreachable();
  }
}
