import { Amd, amdAccepted, amdTakeCurvature, amdTakeGradient, amdTried } from "./amd";
import { AMD, Descent, LBFGS, residentOf, Sample } from "./descent";
import { lbfgsAccepted, lbfgsTakeCurvature, lbfgsTakeGradient, lbfgsTakeMatrix, lbfgsTried } from "./lbfgs";
import { Lbfgs } from "./lbfgs-state";

/**
 * Dispatch of a round's findings to the solvers: a case in each of these functions, unless the solver never makes the
 * request.
 */

/** A step that has been tried came to `loss`. Is it taken? If not, the next one to try is set, or the sample has ended. */
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

/** A step has been accepted, and has lowered the loss by `fall`. Returns the status that the sample ends with, or -1. */
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
 * The gradient at a sample's z is known, and the sample does not end there.
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

/** The curvature gᵀMg/gᵀg along its gradient that a row has asked for is known. */
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
 * The matrix that a row has asked for is known.
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
