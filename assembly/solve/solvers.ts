import { Amd, amdAccepted, amdTakeCurvature, amdTakeGradient, amdTried } from "./amd";
import { AMD, Descent, LBFGS, residentOf, Sample } from "./descent";
import { lbfgsAccepted, lbfgsTakeCurvature, lbfgsTakeGradient, lbfgsTakeMatrix, lbfgsTried } from "./lbfgs";
import { Lbfgs } from "./lbfgs-state";

/**
 * Dispatch of a round's findings to the solvers: a case in each of these functions, unless the solver never makes the
 * request.
 */

/**
 * Returns true if the step tried, which came to `loss`, is accepted. Otherwise sets the next one to try, or ends the sample.
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

/** Records an accepted step, which lowered the loss by `fall`. Returns the status that the sample ends with, or -1. */
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
 * Takes the gradient at a sample's z, if the sample does not end there.
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

/** Takes the curvature gᵀMg/gᵀg along the gradient that a row requested. */
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
 * Takes the matrix that a row requested.
 *
 * @param matrix f32[d][…], rows `stride` bytes apart, of which the lower triangle and the diagonal are read
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
