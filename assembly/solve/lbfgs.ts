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
import { copyGradient, inverseScale, learnPair, takeLongest, twoLoops } from "./lbfgs-pairs";
import { pickDamping, retakeFactor, takeFirst, takeUndamped } from "./lbfgs-preconditioner";
import { copyMatrix, gradientOf, Lbfgs, LbfgsState, stateOf } from "./lbfgs-state";

/**
 * L-BFGS for each sample, preconditioned by the decoder: the rule. Its source is in src/solver/lbfgs.ts; the pairs are in
 * lbfgs-pairs.ts, the choice of H in lbfgs-preconditioner.ts, the memory in lbfgs-state.ts.
 *
 *     begin:     l, g at z0;  H = A + τI, A of the decoder's Jacobian;  no pairs
 *     direction: p = -(two loops over the pairs, H⁻¹ between them) g;  promise = -gᵀp/2
 *                θ = tolerance · max(l0 - l, |l|) + 2⁻²³ |l|
 *                promise ≥ θ: search from t = 1
 *                promise < θ, at the first step or after a fall above 100 θ: probe, a search from t so long that float32
 *                  can measure the fall that the slope promises
 *                promise < θ otherwise: look
 *     search:    try l' = l(z + t p)
 *       lengthen   (first step, or a probe) while l - l' ≥ 0.98 of t|gᵀp|, 0.9 from the second trial on, or in a probe: longer, by
 *                  the parabola through l, gᵀp and l', at most 30 times; then back to the longest step that fell so
 *       accept     l' < l - c t|gᵀp|, c = 0.4 for the first eight steps, then `slope`
 *       halve      a first step that was shortened and falls by less than half of t|gᵀp|: try t/2
 *       shorten    otherwise, by the same parabola, within [0.1 t, 0.5 t]; promise · t < θ: look
 *     accepted:  g', keep the pair (s, y);  l - l' < θ: look
 *                after 1, 2, 4, 8 steps: renew W in A = J₀ᵀ W J₀, where that is cheap, and choose λ in H = A + λτI
 *                after max(2d, 64) evaluations: A at the sample's own z, no pairs
 *     look:      1. p = -A⁻¹g without damping and pairs, as long as the newest pairs say A is too large for, if 100 times
 *                2. where 1 promised 5 θ or more and did not keep it: probe along -g
 *                a fall of θ ends the look, and the sample goes on; else it has converged, and
 *                remainingFall = 5 (promise of 1 + (steps + 1) θ)
 */

// Constants of the rule. Each was chosen by passes and end losses over the decoders of `npm run experiment -- converged`
// and `baseline`; docs/experiments.md has what else was tried.

/** 2⁻²³: share of the loss below which float32 evaluations show no difference. */
const NOISE: f64 = 1.0 / 8388608;
/** A's curvature is refreshed up to this many steps. */
const LAST_REFRESH: i32 = 8;
/** A step shorter than this share of p ends a search. */
const SHORTEST_STEP: f64 = 1e-12;
/** Longest step still attributed to rounding. If only shorter steps lower the loss, the gradient is suspect. */
const SHORT_STEP: f64 = 1e-3;
/**
 * Share of the promised fall that the first EARLY_STEPS steps need. Their curvature belongs to z0, where a decoder may
 * saturate: without it a quarter of the digits end in other minima with the paper's decoder (0.104 for 0.081).
 */
const EARLY_SHARE: f64 = 0.4;
const EARLY_STEPS: i32 = LAST_REFRESH;
/**
 * Factor by which half of a shortened first step has to fall further than the whole one. Such a step may lie beyond the
 * minimum along it; without the trial a tenth of the digits end in other minima with one decoder (0.0855 for 0.0837).
 */
const HALF_GAIN: f64 = 1.04;
/**
 * Shares of the promised fall that count as linear, in the first trial of a search and in later ones. In front of a
 * normalisation the Jacobian at z0 is up to 1e8 times too large, and the first step as much too short.
 */
const LINEAR_SHARE: f64 = 0.98;
const LINEAR_SHARE_ONCE_LONGER: f64 = 0.9;
/** Largest factor between two lengths; a smaller one takes more trials, a larger one leaves the neighbourhood at once. */
const LONGEST_GROWTH: f64 = 30;
/** A probe's slope promises this many thresholds and this share of the loss, 128 times what float32 shows. */
const PROBE_THRESHOLDS: f64 = 8;
const PROBE_SHARE: f64 = 1.0 / 65536;
/** A fall of this many thresholds right before a promise below one is abrupt: A may have its scale from elsewhere. */
const ABRUPT_THRESHOLDS: f64 = 100;
/** Promise, in thresholds, from which a look in vain leads to a probe along -g. From 1 on the digits take 0.2 % more passes. */
const GRADIENT_LOOK_THRESHOLDS: f64 = 5;
/** Factor of `remainingFall`, with which it holds for 99 % of the samples of the experiment. */
const REMAINING_FACTOR: f64 = 5;

/** Phases of a line search. */
const BACKTRACKING: i32 = 0;
const LENGTHENING: i32 = 1;
const PROBING: i32 = 2;
const HALVING: i32 = 3;
const RETURNING: i32 = 4;

/** Phases of the look at the end. */
const NO_LOOK: i32 = 0;
const UNDAMPED: i32 = 1;
const ALONG_GRADIENT: i32 = 2;

// State: what is known after each evaluation.

/** Takes the first gradient, of z0. */
function begin(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, gradient: usize): void {
  const d = lbfgs.latentSize;
  copyGradient(gradient, gradientOf(lbfgs, sample), d);
  state.pairs = 0;
  state.newest = -1;
  state.spent = 0;
  state.isOwn = 0;
  state.hasMatrix = 0;
  state.look = NO_LOOK;
  state.wasProbed = 0;
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

/** Takes the gradient at z; sets the next direction, or requests the matrix that the direction needs. */
export function lbfgsTakeGradient(lbfgs: Lbfgs, row: usize, gradient: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (sample.acceptedSteps === 0) {
    begin(lbfgs, sample, state, gradient);
  } else {
    state.spent++;
    learnPair(lbfgs, sample, state, gradient);
    // The curvature along a long step was refused as a pair; the length is known all the same.
    if (state.pairs === 0 && sample.acceptedDt > 1) state.inverseScale *= sample.acceptedDt;
    const isShort = !hasFallen(sample) && sample.acceptedDt < SHORT_STEP;
    if (!(state.fall < state.threshold)) {
      endLook(lbfgs, sample, state);
    } else if (!state.foundNonfinite && !isShort) {
      look(lbfgs, row);
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

/** Takes the curvature along the gradient at z0: the first step becomes Cauchy's, the best one along the gradient. */
export function lbfgsTakeCurvature(lbfgs: Lbfgs, row: usize, curvature: f64): void {
  const sample = residentOf(lbfgs, row);
  sample.valueEvaluations++;
  if (curvature > 0 && isFinite(curvature)) stateOf(lbfgs, sample).inverseScale = 1 / curvature;
  setDirection(lbfgs, row);
}

/** Takes the matrix requested: J₀ᵀWJ₀ with the decoder's Jacobian, or JᵀWJ at the sample's own z. */
export function lbfgsTakeMatrix(lbfgs: Lbfgs, row: usize, matrix: usize, stride: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const mean = copyMatrix(lbfgs, sample, matrix, stride);
  state.hasMatrix = 1;
  const isOwn = sample.due === OWN_MATRIX;
  if (isOwn || sample.acceptedSteps === 0) state.damping = mean;
  // Only pairs tell which damping fits.
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

/** Notes an accepted step that lowered the loss by `fall`. Returns the status the sample ends with, or -1. */
export function lbfgsAccepted(lbfgs: Lbfgs, sample: Sample, fall: f64): i32 {
  const state = stateOf(lbfgs, sample);
  state.fall = fall;
  state.wasProbed = 0;
  return -1;
}

/** True if the loss is below the one at z0 by more than float32 evaluations may be off. */
function hasFallen(sample: Sample): bool {
  return sample.initialLoss - sample.loss > NOISE * abs(sample.initialLoss);
}

// Direction.

/** Sets p and begins its search; or looks, or ends the sample. */
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
  const promise = -0.5 * sample.slope;
  const isAlongGradient = state.look === ALONG_GRADIENT;
  if (!isAlongGradient) state.promise = promise;
  const isFirst = sample.acceptedSteps === 0;
  const isLittle = promise < state.threshold;
  const mayProbe = isFirst || (state.fall > ABRUPT_THRESHOLDS * state.threshold && !state.wasProbed);
  if (isLittle && !mayProbe && !isAlongGradient) {
    look(lbfgs, row);
    return;
  }
  state.foundFinite = 0;
  state.foundNonfinite = 0;
  state.contrary = 0;
  state.riseShare = Infinity;
  state.bestDt = 0;
  sample.dt = 1;
  sample.trial = 0;
  if (isLittle || isAlongGradient) {
    const measurable =
      max(PROBE_THRESHOLDS * state.threshold, PROBE_SHARE * abs(sample.loss)) / -sample.slope;
    sample.dt = isAlongGradient ? measurable : max(1, measurable);
    state.search = PROBING;
  } else {
    state.search = isFirst ? LENGTHENING : BACKTRACKING;
  }
}

// Search.

/**
 * Judges the step tried, which came to `loss`: true accepts it. Otherwise the next length is set, or the search has ended.
 */
export function lbfgsTried(lbfgs: Lbfgs, row: usize, loss: f64): bool {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  state.spent++;
  const share = sample.acceptedSteps < EARLY_STEPS ? max(lbfgs.slope, EARLY_SHARE) : lbfgs.slope;
  const isEnough = isLower(sample, loss, share);
  const fall = sample.loss - loss;
  const search = state.search;
  if (search === HALVING) {
    if (isEnough && fall > HALF_GAIN * state.bestFall) return true;
    returnToBest(sample, state);
    return false;
  }
  if (search === LENGTHENING || search === PROBING) {
    const promised = sample.dt * -sample.slope;
    const isFirstTrial = search === LENGTHENING && state.bestDt === 0;
    const linear = max(share, isFirstTrial ? LINEAR_SHARE : LINEAR_SHARE_ONCE_LONGER);
    if (isFinite(<f32>loss) && fall >= linear * promised) {
      keepBest(sample, state, fall);
      tryNext(sample, sample.dt * min(LONGEST_GROWTH, 0.5 / max(1 - fall / promised, 1e-3)));
      return false;
    }
    if (state.bestDt > 0) {
      if (isEnough && fall > state.bestFall) return true;
      returnToBest(sample, state);
      return false;
    }
    state.search = BACKTRACKING;
    if (search === PROBING && !isEnough) {
      endProbe(lbfgs, row);
      return false;
    }
  }
  if (!isEnough) {
    shorten(lbfgs, row, loss);
    return false;
  }
  const isShortenedFirst = search === BACKTRACKING && sample.acceptedSteps === 0 && sample.trial > 0;
  if (isShortenedFirst && fall < 0.5 * sample.dt * -sample.slope) {
    keepBest(sample, state, fall);
    state.search = HALVING;
    tryNext(sample, 0.5 * sample.dt);
    return false;
  }
  return true;
}

function keepBest(sample: Sample, state: LbfgsState, fall: f64): void {
  state.bestDt = sample.dt;
  state.bestFall = fall;
}

/** Evaluates the best step once more: its gradient is taken where the loss was evaluated last. */
function returnToBest(sample: Sample, state: LbfgsState): void {
  state.search = RETURNING;
  tryNext(sample, state.bestDt);
}

function tryNext(sample: Sample, dt: f64): void {
  sample.dt = dt;
  sample.trial++;
  sample.backtracks++;
}

/** Ends a probe that did not fall: the promise was right. A first step is then searched from its usual length. */
function endProbe(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (sample.acceptedSteps === 0 && state.look === NO_LOOK) {
    tryNext(sample, 1);
    sample.trial = 0;
  } else {
    state.wasProbed = 1;
    look(lbfgs, row);
  }
}

/** Sets a shorter step, to the minimum of the parabola through what is known; or looks, or ends the sample. */
function shorten(lbfgs: Lbfgs, row: usize, loss: f64): void {
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
    // Beyond a parabola's minimum, half the step halves rise/(δt|slope|). Along a gradient of the wrong sign the quotient
    // stays, however short the step. A rise within rounding tells neither.
    if (rise > 16 * NOISE * abs(sample.loss)) {
      const share = rise / (-dt * sample.slope);
      state.contrary = share > 0.75 * state.riseShare ? state.contrary + 1 : 0;
      state.riseShare = share;
    }
  }
  // `next * whole` is the fall at the minimum of a parabola reached at δt. It says nothing of a step that was shortened until
  // the loss was finite; nor along a gradient of the wrong sign, where the whole step has to promise little.
  const whole = -0.5 * sample.slope;
  const promised = state.contrary > 1 && !hasFallen(sample) ? whole : next * whole;
  if (promised < state.threshold && (state.look !== NO_LOOK || !state.foundNonfinite)) {
    look(lbfgs, row);
  } else if (next >= SHORTEST_STEP) {
    tryNext(sample, next);
  } else if (state.look !== NO_LOOK) {
    converge(lbfgs, row);
  } else if (state.foundFinite) {
    finishWithoutStep(lbfgs, row, whole);
    if (sample.status === CONVERGED) converge(lbfgs, row);
  } else {
    finish(lbfgs, row, NONFINITE);
  }
}

// Look at the end.

/**
 * Looks whether the sample is at rest, where its next step promises little or its last one fell by little. λτ hides
 * directions of far less curvature than A's steepest, so A is asked without it; and where A promised in vain, which it does
 * in kinked and saturated decoders, the gradient itself is asked.
 */
function look(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (state.look === NO_LOOK) {
    const hasMatrix = state.hasMatrix !== 0 || lbfgs.factors !== 0;
    if (hasMatrix ? takeUndamped(lbfgs, sample, state) : takeLongest(lbfgs, sample, state)) {
      state.look = UNDAMPED;
      state.keptPairs = state.pairs;
      state.pairs = 0;
      setDirection(lbfgs, row);
      return;
    }
  } else if (state.look === UNDAMPED && !(state.promise < GRADIENT_LOOK_THRESHOLDS * state.threshold)) {
    state.look = ALONG_GRADIENT;
    state.pairs = 0;
    state.factor = 0;
    state.inverseScale = 1 / sqrt(sample.gradientNormSquared);
    setDirection(lbfgs, row);
    return;
  }
  converge(lbfgs, row);
}

/** Goes on after a fall of at least the threshold. A look along the gradient gives the pairs and H back. */
function endLook(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  if (state.look === ALONG_GRADIENT) {
    state.pairs = min(state.pairs + state.keptPairs, lbfgs.pairs);
    retakeFactor(lbfgs, sample, state);
  }
  state.look = NO_LOOK;
}

/** Ends the sample as converged, with its remaining fall: falls that decay no faster than 1/steps add up to steps · θ. */
function converge(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  sample.remainingFall = REMAINING_FACTOR * (state.promise + (sample.acceptedSteps + 1) * state.threshold);
  finish(lbfgs, row, CONVERGED);
}
