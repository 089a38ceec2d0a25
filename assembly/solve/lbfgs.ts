import { dot } from "./cholesky";
import {
  CONVERGED,
  CURVATURE_ALONG_GRADIENT,
  finish,
  finishWithoutStep,
  isLower,
  NONFINITE,
  OWN_MATRIX,
  residentOf,
  Sample,
  SHARED_JACOBIAN_MATRIX,
  STALLED,
} from "./descent";
import { pickDamping, takeFirst, takeUndamped } from "./lbfgs-damping";
import { copyGradient, inverseScale, learnPair, takeLongest, twoLoops } from "./lbfgs-pairs";
import { copyMatrix, gradientOf, Lbfgs, LbfgsState, stateOf } from "./lbfgs-state";

/**
 * L-BFGS for each sample, preconditioned by the decoder: the rule. Where it comes from is in src/solver/lbfgs.ts, what is
 * kept in lbfgs-state.ts, how H is chosen in lbfgs-damping.ts.
 */

/** The curvature is refreshed up to this many steps. */
const LAST_REFRESH: i32 = 8;
/** The share of the loss that float32 evaluations cannot tell from 0: 2⁻²³. */
const NOISE: f64 = 1.0 / 8388608;
const SHORTEST_STEP: f64 = 1e-12;
/** Where nothing but a step shorter than this lowers the loss, by rounding perhaps, the gradient may be wrong. */
const SHORT_STEP: f64 = 1e-3;

/**
 * The first steps go by a curvature that may be far too little for steps that long: where the decoder saturates at z0, say,
 * as one that short steps have trained does. So they are believed only if the loss falls by most of what they promise, half
 * of the slope's, until the curvature has been renewed for the last time. Without it a quarter of the digits ended in minima
 * far away with the paper's decoder, trained on all digits by AMD (0.104 in place of 0.081), and so did decoders with
 * convolutions and batch norm. The demo's decoder takes 2 % more passes by it, and ends where it did.
 */
const EARLY_SHARE: f64 = 0.4;
const EARLY_STEPS: i32 = LAST_REFRESH;

/**
 * Where a first step has to be made shorter, the curvature at z0 says little of how long it should be. If the loss falls by
 * less than half of what the slope promises, the step may go beyond the minimum along it, and half of it is tried: it is
 * taken if it lowers the loss by so much more. Then it lowers it by more than 0.83 of what the slope promises for it (1.04
 * times 0.4 for the whole step), and its own half could gain next to nothing. The paper's decoder, trained on all digits by
 * AMD with another seed, loses 15 nats at z0; without this a tenth of its digits ended in minima far away (0.0855 in place of
 * 0.0837). The demo's decoder takes as many passes as without.
 */
const HALF_GAIN: f64 = 1.04;
/** What is known of that: nothing, that half of the step is being tried, or which of the two it is. */
const UNDECIDED: i32 = 0;
const TRYING_HALF: i32 = 1;
const DECIDED: i32 = 2;

/** A step has been accepted, and has lowered the loss by `fall`. Returns the status that the sample ends with, or -1. */
export function lbfgsAccepted(lbfgs: Lbfgs, sample: Sample, fall: f64): i32 {
  stateOf(lbfgs, sample).fall = fall;
  return -1;
}

/** A step that has been tried came to `loss`. Is it taken? If not, the next one to try is set, or the sample has ended. */
export function lbfgsTried(lbfgs: Lbfgs, row: usize, loss: f64): bool {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  state.spent++;
  const share = sample.acceptedSteps < EARLY_STEPS ? max(lbfgs.slope, EARLY_SHARE) : lbfgs.slope;
  const isEnough = isLower(sample, loss, share);
  const fall = sample.loss - loss;
  if (state.half === TRYING_HALF) {
    state.half = DECIDED;
    if (isEnough && fall > HALF_GAIN * state.longerFall) return true;
    // Once more, for its gradient is taken where the loss has been evaluated last.
    tryNext(sample, 2 * sample.dt);
    return false;
  }
  const isShortenedFirst = sample.acceptedSteps === 0 && sample.trial > 0;
  if (isShortenedFirst && state.half === UNDECIDED && isEnough && fall < 0.5 * sample.dt * -sample.slope) {
    state.half = TRYING_HALF;
    state.longerFall = fall;
    tryNext(sample, 0.5 * sample.dt);
    return false;
  }
  if (!isEnough) reject(lbfgs, row, loss);
  return isEnough;
}

function tryNext(sample: Sample, dt: f64): void {
  sample.dt = dt;
  sample.trial++;
  sample.backtracks++;
}

/** A step has not lowered the loss by enough: the minimum of the parabola through what is known, within bounds. */
function reject(lbfgs: Lbfgs, row: usize, loss: f64): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const dt = sample.dt;
  let next = 0.1 * dt;
  if (!isFinite(<f32>loss)) {
    state.foundNonfinite = 1;
  } else {
    state.foundFinite = 1;
    const rise = loss - sample.loss;
    const minimum = (-sample.slope * dt * dt) / (2 * (rise - dt * sample.slope));
    next = max(next, min(minimum, 0.5 * dt));
    // Where a step is too long for the parabola, what the loss rises by is half as much of δt·|slope| for half the step.
    // Along a gradient of the wrong sign it is as much of it, however short. What float32 may be off by says nothing.
    if (rise > 16 * NOISE * abs(sample.loss)) {
      const share = rise / (-dt * sample.slope);
      state.contrary = share > 0.75 * state.riseShare ? state.contrary + 1 : 0;
      state.riseShare = share;
    }
  }
  // By this the loss would fall at the minimum of a parabola that is reached at δt. A step that had to be made short
  // for the loss to be finite is at no such minimum; and along a gradient of the wrong sign a step that is short enough
  // promises as little: there it is the whole one that has to.
  const whole = -0.5 * sample.slope;
  const promised = state.contrary > 1 && !hasFallen(sample) ? whole : next * whole;
  if (promised < state.threshold && (state.isSettling || !state.foundNonfinite)) {
    settle(lbfgs, row);
  } else if (next < SHORTEST_STEP) {
    if (state.isSettling) finish(lbfgs, row, CONVERGED);
    else if (state.foundFinite) finishWithoutStep(lbfgs, row, whole);
    else finish(lbfgs, row, NONFINITE);
  } else {
    tryNext(sample, next);
  }
}

/** Is the loss below the one at z0 by more than float32 evaluations may be off? */
function hasFallen(sample: Sample): bool {
  return sample.initialLoss - sample.loss > NOISE * abs(sample.initialLoss);
}

/** The gradient at z is known: what it says of the curvature, and the next direction or what that takes. */
export function lbfgsTakeGradient(lbfgs: Lbfgs, row: usize, gradient: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (sample.acceptedSteps === 0) {
    begin(lbfgs, sample, state, gradient);
  } else {
    state.spent++;
    learnPair(lbfgs, sample, state, gradient);
    const isShort = !hasFallen(sample) && sample.acceptedDt < SHORT_STEP;
    if (!(state.fall < state.threshold)) {
      state.isSettling = 0;
    } else if (!state.foundNonfinite && !isShort) {
      settle(lbfgs, row);
      return;
    }
    const steps = sample.acceptedSteps;
    if (lbfgs.rescues && state.spent >= max(2 * lbfgs.latentSize, 64)) {
      sample.due = OWN_MATRIX;
    } else if (!state.isOwn && (steps & (steps - 1)) === 0) {
      const isDue = lbfgs.refreshes ? steps <= LAST_REFRESH : lbfgs.refreshesOnce && steps === 1;
      if (isDue) sample.due = SHARED_JACOBIAN_MATRIX;
      else pickDamping(lbfgs, sample, state);
    }
  }
  if (sample.due === 0) setDirection(lbfgs, row);
}

/** The first gradient: there are no pairs yet. */
function begin(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, gradient: usize): void {
  const d = lbfgs.latentSize;
  copyGradient(gradient, gradientOf(lbfgs, sample), d);
  state.pairs = 0;
  state.newest = -1;
  state.spent = 0;
  state.isOwn = 0;
  state.hasMatrix = 0;
  state.isSettling = 0;
  state.fall = Infinity;
  state.factor = 0;
  state.inverseScale = 1 / sqrt(sample.gradientNormSquared);
  if (lbfgs.ownFirst) {
    sample.due = OWN_MATRIX;
  } else if (lbfgs.refreshesFirst) {
    sample.due = SHARED_JACOBIAN_MATRIX;
  } else if (lbfgs.factors) {
    takeFirst(lbfgs, sample, state);
  } else if (lbfgs.hasCurvature) {
    sample.due = CURVATURE_ALONG_GRADIENT;
  }
}

/** The curvature along the gradient is known at z0: the first step is the best one along it, Cauchy's. */
export function lbfgsTakeCurvature(lbfgs: Lbfgs, row: usize, curvature: f64): void {
  const sample = residentOf(lbfgs, row);
  sample.valueEvaluations++;
  if (curvature > 0 && isFinite(curvature)) stateOf(lbfgs, sample).inverseScale = 1 / curvature;
  setDirection(lbfgs, row);
}

/** The matrix that the sample has asked for: of the decoder's Jacobian, or at its own z. */
export function lbfgsTakeMatrix(lbfgs: Lbfgs, row: usize, matrix: usize, stride: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const mean = copyMatrix(lbfgs, sample, matrix, stride);
  state.hasMatrix = 1;
  const isOwn = sample.due === OWN_MATRIX;
  if (isOwn || sample.acceptedSteps === 0) state.damping = mean;
  // Without pairs nothing says which damping fits.
  const isFirst = sample.acceptedSteps === 0 || (isOwn && state.pairs === 0);
  if (isFirst) takeFirst(lbfgs, sample, state);
  else pickDamping(lbfgs, sample, state);
  if (isOwn) {
    sample.matrixEvaluations++;
    state.isOwn = 1;
    state.pairs = 0;
    state.spent = 0;
  }
  setDirection(lbfgs, row);
}

/** p = -(two loops over the pairs, H⁻¹ between them) of the gradient; or the sample ends. */
function setDirection(lbfgs: Lbfgs, row: usize): void {
  const d = lbfgs.latentSize;
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const p = sample.memory;
  const gradient = gradientOf(lbfgs, sample);
  const scale = inverseScale(lbfgs, sample, state);
  sample.due = 0;
  twoLoops(lbfgs, sample, state, scale);
  sample.slope = dot(gradient, p, d);
  if (!(sample.slope < 0)) {
    state.pairs = 0;
    twoLoops(lbfgs, sample, state, scale);
    sample.slope = dot(gradient, p, d);
    if (!(sample.slope < 0)) {
      finish(lbfgs, row, STALLED);
      return;
    }
  }
  state.threshold =
    lbfgs.tolerance * max(sample.initialLoss - sample.loss, abs(sample.loss)) + NOISE * abs(sample.loss);
  if (sample.acceptedSteps > 0 && -0.5 * sample.slope < state.threshold) {
    settle(lbfgs, row);
    return;
  }
  state.foundFinite = 0;
  state.foundNonfinite = 0;
  state.contrary = 0;
  state.riseShare = Infinity;
  state.half = UNDECIDED;
  sample.dt = 1;
  sample.trial = 0;
}

/**
 * Little can be expected of the next step, or the last one has lowered the loss by little. λτ may hide directions of far
 * less curvature than A's steepest: the end is believed only if A without it, and without the pairs, promises no more, or
 * has promised in vain.
 */
function settle(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const hasMatrix = state.hasMatrix !== 0 || lbfgs.factors !== 0;
  if (
    state.isSettling ||
    !(hasMatrix ? takeUndamped(lbfgs, sample, state) : takeLongest(lbfgs, sample, state))
  ) {
    finish(lbfgs, row, CONVERGED);
    return;
  }
  state.isSettling = 1;
  state.pairs = 0;
  setDirection(lbfgs, row);
}
