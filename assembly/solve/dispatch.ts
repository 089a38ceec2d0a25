import { Amd, amdAccepted, amdTakeCurvature, amdTakeGradient, amdTried } from "./amd";
import { lbfgsAccepted, lbfgsTakeCurvature, lbfgsTakeGradient, lbfgsTakeMatrix, lbfgsTried } from "./lbfgs";
import { Lbfgs } from "./lbfgs-state";
import { AMD, LBFGS, LineSearch, residentOf, Sample } from "./line-search";

/**
 * Dispatch from rounds.ts to the solvers: each function has a case for each solver, except a function that answers a request
 * which the solver never makes.
 */

/**
 * Returns true if the step just tried, which gave objective `loss`, is accepted. Otherwise sets the next step to try, or ends
 * the sample.
 */
export function tried(search: LineSearch, row: usize, loss: f64): bool {
  switch (search.solver) {
    case AMD:
      return amdTried(changetype<Amd>(search), row, loss);
    case LBFGS:
      return lbfgsTried(changetype<Lbfgs>(search), row, loss);
    default:
      return unreachable();
  }
}

/**
 * Records an accepted step, which lowered the objective by `fall`. Returns the status that the sample ends with, or -1 if it
 * goes on.
 */
export function accepted(search: LineSearch, sample: Sample, fall: f64): i32 {
  switch (search.solver) {
    case AMD:
      return amdAccepted(changetype<Amd>(search), sample);
    case LBFGS:
      return lbfgsAccepted(changetype<Lbfgs>(search), sample, fall);
    default:
      return unreachable();
  }
}

/**
 * Passes the gradient at a sample's z to the solver, which sets the next step or requests an evaluation.
 *
 * @param gradient f32[d]
 */
export function takeGradient(search: LineSearch, row: usize, gradient: usize): void {
  switch (search.solver) {
    case AMD:
      amdTakeGradient(changetype<Amd>(search), residentOf(search, row), gradient);
      break;
    case LBFGS:
      lbfgsTakeGradient(changetype<Lbfgs>(search), row, gradient);
      break;
    default:
      unreachable();
  }
}

/** Passes the curvature gᵀMg/gᵀg along the gradient g, which the row requested, to the solver; M is the Gauss-Newton matrix. */
export function takeCurvature(search: LineSearch, row: usize, curvature: f64): void {
  switch (search.solver) {
    case AMD:
      amdTakeCurvature(changetype<Amd>(search), row, curvature);
      break;
    case LBFGS:
      lbfgsTakeCurvature(changetype<Lbfgs>(search), row, curvature);
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
export function takeMatrix(search: LineSearch, row: usize, matrix: usize, stride: usize): void {
  switch (search.solver) {
    case LBFGS:
      lbfgsTakeMatrix(changetype<Lbfgs>(search), row, matrix, stride);
      break;
    default:
      unreachable();
  }
}
