import {
  AT_REST,
  CONVERGED,
  CURVATURE_ALONG_GRADIENT,
  finish,
  finishWithoutStep,
  isLower,
  LineSearch,
  REACHED_T1,
  residentOf,
  Sample,
  STALLED,
} from "./line-search";

/**
 * AMD, the adaptive minimise-distance solver (equations 6 and 7 of the paper): gradient search, p = -∇l, with a step length
 * of its own for each sample.
 *
 * Memory of a sample's row: p, f64[d], then f64[window], a ring buffer of the losses after the last accepted steps.
 */
@unmanaged
export class Amd extends LineSearch {
  maxBacktracks: i32; // 72
  window: i32; // 76
  /**
   * 1 if the next trial step grows from the last step's first trial length (option growFrom "trial"), 0 if from its accepted
   * length.
   */
  growFromTrial: i32; // 80
  t1: f64; // 88
  stepInit: f64; // 96
  stepMax: f64; // 104
  increaseFactor: f64; // 112
  decreaseFactor: f64; // 120
  /** Time before which a sample is not tested for convergence: the product of the options `settle` and `t1`. */
  settleTime: f64; // 128
}

/**
 * Rounding tolerance at the end time t1, as a fraction of a step: the step that ends at t1 may exceed the planned trial step by
 * this fraction.
 */
const LAST_STEP_SLACK: f64 = 1.0 / 1048576;

/**
 * Records an accepted step and sets the length of the next trial step. Returns the status that the sample ends with, or -1 if
 * it goes on.
 */
export function amdAccepted(amd: Amd, sample: Sample): i32 {
  sample.t += sample.dt;
  // The last step is cut to end at t1; the sum may miss t1 by a rounding error.
  const last = sample.t >= amd.t1 - LAST_STEP_SLACK * sample.dt;
  if (last) sample.t = amd.t1;
  store<f64>(
    lossesOf(amd, sample) + ((<usize>((sample.acceptedSteps - 1) % amd.window)) << 3),
    sample.objective,
  );
  const grown = amd.increaseFactor * (amd.growFromTrial ? sample.step : sample.dt);
  sample.step = min(max(grown, amd.stepInit), amd.stepMax);
  if (isFlat(amd, sample)) return CONVERGED;
  return last ? REACHED_T1 : -1;
}

/**
 * Returns true if the step just tried, which gave `loss`, is accepted. Otherwise shortens the step; after `maxBacktracks`
 * shortenings ends the sample, or, at z0, requests the curvature there first.
 */
export function amdTried(amd: Amd, row: usize, loss: f64): bool {
  const sample = residentOf(amd, row);
  if (isLower(sample, loss, amd.slope)) return true;
  if (sample.trial < amd.maxBacktracks) {
    sample.trial++;
    sample.backtracks++;
    sample.dt *= amd.decreaseFactor;
  } else if (sample.acceptedSteps > 0) {
    finishWithoutStep(amd, row, sample.acceptedDt * sample.gradientNormSquared);
  } else if (amd.hasCurvature) {
    sample.trial = AT_REST;
  } else {
    finish(amd, row, STALLED);
  }
  return false;
}

/**
 * Receives the gradient at the sample's z, f32[d]: starts the first trial of the next step, or, after a failed search at z0,
 * requests the curvature that decides whether z0 is at rest.
 */
export function amdTakeGradient(amd: Amd, sample: Sample, gradient: usize): void {
  if (sample.trial === AT_REST) {
    sample.request = CURVATURE_ALONG_GRADIENT;
    return;
  }
  for (let k: usize = 0; k < <usize>amd.latentSize; k++) {
    store<f64>(sample.memory + (k << 3), -load<f32>(gradient + (k << 2)));
  }
  sample.slope = -sample.gradientNormSquared;
  if (sample.acceptedSteps === 0) sample.step = amd.stepInit;
  sample.trial = 0;
  const left = amd.t1 - sample.t;
  sample.dt = sample.step < left * (1 - LAST_STEP_SLACK) ? sample.step : left;
}

/**
 * Receives the curvature gᵀMg/gᵀg along the gradient g at z0, with M the Gauss-Newton matrix; it was requested because no
 * step from z0 has lowered the loss. Ends the sample: CONVERGED if ½‖g‖⁴/gᵀMg, the decrease by the best step along the
 * gradient, is within float32's rounding of the loss, else STALLED.
 */
export function amdTakeCurvature(amd: Amd, row: usize, curvature: f64): void {
  const sample = residentOf(amd, row);
  sample.valueEvaluations++;
  finishWithoutStep(amd, row, (0.5 * sample.gradientNormSquared) / curvature);
}

/**
 * Returns true if the sample has converged: the numerical gradient of the last `window` accepted losses, one-sided at the ends,
 * has a mean of absolute value below the tolerance. The mean telescopes to (3·(last - first) + (second - last but one)) /
 * (2·window).
 */
function isFlat(amd: Amd, sample: Sample): bool {
  const window = amd.window;
  if (sample.acceptedSteps < window || sample.t < amd.settleTime) return false;
  const first = recentLoss(amd, sample, window - 1);
  const second = recentLoss(amd, sample, window - 2);
  const lastButOne = recentLoss(amd, sample, 1);
  const mean = (3 * (sample.objective - first) + (second - lastButOne)) / (2 * window);
  return abs(mean) < amd.tolerance;
}

/** Returns the objective accepted `back` steps ago, 0 to window - 1; 0 is the last one. */
function recentLoss(amd: Amd, sample: Sample, back: i32): f64 {
  return load<f64>(lossesOf(amd, sample) + ((<usize>((sample.acceptedSteps - 1 - back) % amd.window)) << 3));
}

function lossesOf(amd: Amd, sample: Sample): usize {
  return sample.memory + ((<usize>amd.latentSize) << 3);
}
