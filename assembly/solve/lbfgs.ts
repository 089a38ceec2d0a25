import { dot } from "./cholesky";
import { copyGradient, inverseScale, learnPair, takeLongest, twoLoops } from "./lbfgs-pairs";
import {
  isShared,
  knowsMatrix,
  pickDamping,
  retakeFactor,
  takeFirst,
  takeUndamped,
} from "./lbfgs-preconditioner";
import { copyMatrix, gradientOf, Lbfgs, LbfgsState, stateOf, takeIdentity } from "./lbfgs-state";
import {
  CONVERGED,
  CURVATURE_ALONG_GRADIENT,
  finish,
  isLower,
  isWithinRounding,
  NONFINITE,
  OWN_MATRIX,
  residentOf,
  Sample,
  SHARED_JACOBIAN_MATRIX,
  STALLED,
} from "./line-search";

/**
 * L-BFGS for each sample, preconditioned by the decoder's Gauss-Newton matrix. test/assembly/solve/lbfgs-rule.test.ts compares
 * this file with its float64 form in test/support/lbfgs-reference.ts. src/solver/lbfgs.ts cites the method's sources;
 * lbfgs-pairs.ts has the pairs, lbfgs-preconditioner.ts the choice of H, lbfgs-state.ts the memory of a sample. A "look" is the
 * check before a sample ends as converged; a "probe" is a trial step of a length that predicts a decrease of a few θ.
 *
 *     begin      l0 = l, g at z0;  no pairs;  A of the decoder's Jacobian J₀ at its start, or of the sample's own if it has
 *                fixed inputs;  λ = 1;  H = A + λτI, τ = tr(A)/d;  without A: H = (gᵀMg/gᵀg) I, else |g| I
 *
 *     direction  γ = sᵀy / yᵀH⁻¹y of the newest pair, else 1;  p = -(two loops over the pairs, γH⁻¹ between them) g
 *                gᵀp ≥ 0: drop the pairs and repeat;  still gᵀp ≥ 0: stalled
 *                e = |l - least l|;  F = max(l0 - l, e);  θ = tolerance · √(F min(F, 16 e)) + NOISE |l|;  promise = -gᵀp/2
 *                promise ≥ θ                                  search from t = 1, lengthening if it is the first step
 *                else first step, or last fall > 100 θ, and no probe from here has failed
 *                                                             probe from t = m = max(8 θ, 2⁻¹⁶ |l|) / |gᵀp|, above 4
 *                else                                         look
 *
 *     search     l' = l(z + t p);  fall = l - l';  linear = t|gᵀp|, the fall if the loss were linear
 *       lengthen   (first step, and probes) fall ≥ 0.98 linear, or 0.9 in a probe and from the second trial on:
 *                  t ← the minimum of the parabola through l, gᵀp and l', at most 30 t
 *                  after a longer trial that is not linear: that one if it is accepted and falls more, else the last linear one
 *                  a probe that is not accepted: t = 1 at the first step, else look
 *       halve      a first step that was shortened, is accepted and falls by less than linear/2: t/2 if that falls 4 % more
 *       accept     fall > c · linear (Armijo), c = `slope`, for the first eight steps at least 0.4
 *       shorten    t ← the minimum of the same parabola within [0.1 t, 0.5 t], 0.1 t if l' is not finite
 *                  promise · t < θ (the promise alone if the rise stays proportional to t): look, unless some l' was not finite
 *                  t < 1e-12: stalled, or nonfinite if no l' was finite; converged within rounding, and in a look
 *
 *     accepted   g at the new z;  store the pair (s, y) if sᵀy > 1e-8 |s||y|
 *                fall ≥ θ: a look ends here;  else look, unless some l' was not finite or t < 1e-3 and l has not left l0
 *                max(2d, 64) losses and gradients since the last own A: A = JᵀWJ at z, λ by the pairs, then no pairs
 *                else k a power of 2, and A not the sample's own: W in A = J₀ᵀWJ₀ anew up to k = 8, if cheap;  λ by the pairs
 *
 *     look       1. H = A without λτI and the pairs, divided by max sᵀAs/sᵀy of the newest five pairs if that is above 100;
 *                   without A, or without its factor: the least curvature of the pairs
 *                2. if 1 promised 5 θ or more, but did not fall by θ: probe along -g from t = m;  a fall of θ restores λτI and
 *                   the pairs
 *                converged, if neither falls by θ:  remainingFall = 5 (last promise but 2's + (k + 1) θ)
 */

// Constants of the algorithm, chosen by passes and final losses in `npm run experiment -- converged` and `baseline`.

/** Relative rounding error of a loss evaluated in float32: 2⁻²³. */
const NOISE: f64 = 1.0 / 8388608;
/**
 * Multiple of the loss's excess over its floor below which the decrease so far counts as near its end: θ is then the
 * smaller, the closer the loss is to its floor, so that data which the decoder reaches exactly are met exactly.
 */
const NEAR_FLOOR: f64 = 16;
/** Minimum rise of the loss that is distinguished from rounding, in multiples of NOISE times the loss. */
const SHOWN_RISE: f64 = 16;
/**
 * Minimum number of evaluations between two Gauss-Newton matrices made at the sample's own z: enough for the L-BFGS pairs to
 * show whether the damping λ fits.
 */
const LEAST_BETWEEN_OWN: i32 = 64;
/**
 * Length of a step, as a fraction of the direction p, below which the line search ends. If p is as long as z, such a step is
 * near float64's rounding.
 */
const SHORTEST_STEP: f64 = 1e-12;
/**
 * Length of a step, as a fraction of the direction p, below which a decrease of the loss is attributed to rounding: if only
 * shorter steps lower the loss, the gradient is suspect.
 */
const SHORT_STEP: f64 = 1e-3;
/**
 * Minimum length of a shortened step in a line search, as a fraction of the step before: below it, the parabola that predicts
 * the best length is not trusted.
 */
const LEAST_SHARE: f64 = 0.1;
/**
 * Maximum length of a shortened step in a line search, as a fraction of the step before: above it, the parabola that predicts
 * the best length is not trusted.
 */
const MOST_SHARE: f64 = 0.5;
/**
 * Fraction of the previous trial's rise/(δt·|slope|), with `rise` the loss at the trial less the loss at z, above which the
 * rise counts as proportional to δt. A trial is at most half as long as the one before, so that on a parabola the fraction is
 * below 0.5.
 */
const PROPORTIONAL: f64 = 0.75;
/**
 * Minimum Armijo constant in the first EARLY_STEPS steps of a sample, if the option `slope` is smaller. With `slope` alone
 * many samples end in minima of a higher loss: site/results/experiments.md has figures.
 */
const EARLY_SHARE: f64 = 0.4;
/** Number of first steps of a sample for which the Armijo constant is at least EARLY_SHARE. */
const EARLY_STEPS: i32 = 8;
/**
 * Minimum ratio of the loss's decrease at δt/2 to its decrease at δt for which δt/2 is taken. Without halving more
 * samples end in minima of a higher loss: site/results/experiments.md has figures.
 */
const HALF_GAIN: f64 = 1.04;
/**
 * Minimum decrease of the loss that counts as linear in the first trial, as a fraction of the linear prediction δt·|slope|. In
 * front of a normalisation (such as RMSNorm) the decoder's Jacobian at its start latent is up to 1e8 times too large, and the
 * first step too short by the same factor.
 */
const LINEAR_SHARE: f64 = 0.98;
/**
 * Minimum decrease of the loss that counts as linear in a probe (a trial step at the end of a solve), and from the second trial
 * of a line search on, as a fraction of the linear prediction δt·|slope|.
 */
const LINEAR_SHARE_ONCE_LONGER: f64 = 0.9;
/**
 * Maximum growth factor of the step length δt from one trial of the line search to the next: a smaller one takes more trials,
 * a larger one may leave the basin.
 */
const LONGEST_GROWTH: f64 = 30;
/**
 * Decrease that the slope predicts for a probe, a trial step at the end of a solve, in multiples of θ, the smallest decrease
 * that counts as progress.
 */
const PROBE_THRESHOLDS: f64 = 8;
/**
 * Minimum decrease that the slope predicts for a probe, a trial step at the end of a solve, as a fraction of the loss: 128
 * times float32's relative rounding error.
 */
const PROBE_SHARE: f64 = 1.0 / 65536;
/**
 * Decrease by the last step, in multiples of θ, the smallest decrease that counts as progress, above which a predicted decrease
 * below θ is tested by a probe (a trial step): progress that ends so abruptly suggests a Gauss-Newton matrix of the wrong
 * scale.
 */
const ABRUPT_THRESHOLDS: f64 = 100;
/**
 * Decrease predicted by the final check without damping, in multiples of θ, the smallest decrease that counts as progress, from
 * which the check along the gradient follows. A smaller one adds passes and does not lower the losses.
 */
const GRADIENT_LOOK_THRESHOLDS: f64 = 5;
/**
 * Safety factor of `remainingFall`, the estimate of how much further the loss could decrease: with it the estimate holds for 99
 * % of the samples of `npm run experiment -- converged`.
 */
const REMAINING_FACTOR: f64 = 5;

/** Phases of a line search, the values of LbfgsState.phase. */
const BACKTRACKING: i32 = 0;
const LENGTHENING: i32 = 1;
const PROBING: i32 = 2;
const HALVING: i32 = 3;
const RETURNING: i32 = 4;

/**
 * Stages of the final check before convergence, the values of LbfgsState.look: no check, the preconditioner H without damping,
 * along the gradient.
 */
const NO_LOOK: i32 = 0;
const UNDAMPED: i32 = 1;
const ALONG_GRADIENT: i32 = 2;

// State: what each evaluation adds to it.

/**
 * Receives the gradient at z0, f32[d]: resets the sample's state, and requests the matrix or curvature that the first
 * direction needs, if any.
 */
function begin(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, gradient: usize): void {
  const d = lbfgs.latentSize;
  copyGradient(gradient, gradientOf(lbfgs, sample), d);
  state.pairs = 0;
  state.newest = -1;
  state.spent = 0;
  state.isOwn = 0;
  state.hasMatrix = 0;
  state.look = NO_LOOK;
  takeIdentity(state, 1 / sqrt(sample.gradientNormSquared));
  if (lbfgs.firstMatrix !== 0) {
    sample.request = lbfgs.firstMatrix;
  } else if (isShared(lbfgs)) {
    takeFirst(lbfgs, sample, state);
  } else if (lbfgs.hasCurvature) {
    sample.request = CURVATURE_ALONG_GRADIENT;
  }
}

/**
 * Receives the gradient at the sample's z, f32[d]; sets the next direction, or requests the matrix that the direction needs.
 */
export function lbfgsTakeGradient(lbfgs: Lbfgs, row: usize, gradient: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (sample.acceptedSteps === 0) {
    begin(lbfgs, sample, state, gradient);
  } else {
    state.spent++;
    learnPair(lbfgs, sample, state, gradient);
    // No pair was stored: the accepted length scales H⁻¹ instead.
    if (state.pairs === 0 && sample.acceptedDt > 1) state.inverseScale *= sample.acceptedDt;
    const isShort = !hasFallen(sample) && sample.acceptedDt < SHORT_STEP;
    if (!(state.fall < state.threshold)) {
      endLook(lbfgs, sample, state);
    } else if (!state.foundNonfinite && !isShort) {
      look(lbfgs, row);
      return;
    }
    const steps = sample.acceptedSteps;
    if (lbfgs.makesOwn && state.spent >= max(2 * lbfgs.latentSize, LEAST_BETWEEN_OWN)) {
      sample.request = OWN_MATRIX;
    } else if (!state.isOwn && (steps & (steps - 1)) === 0) {
      if (steps <= lbfgs.lastRefresh) sample.request = SHARED_JACOBIAN_MATRIX;
      else pickDamping(lbfgs, sample, state);
    }
  }
  if (sample.request === 0) setDirection(lbfgs, row);
}

/**
 * Receives the curvature gᵀMg/gᵀg along the gradient g at z0, with M the Gauss-Newton matrix: the first step becomes the
 * Cauchy step, the best one along -g.
 */
export function lbfgsTakeCurvature(lbfgs: Lbfgs, row: usize, curvature: f64): void {
  const sample = residentOf(lbfgs, row);
  sample.valueEvaluations++;
  if (curvature > 0 && isFinite(curvature)) stateOf(lbfgs, sample).inverseScale = 1 / curvature;
  setDirection(lbfgs, row);
}

/**
 * Receives the Gauss-Newton matrix that the row requested, f32[d][…] with rows `stride` bytes apart: J₀ᵀWJ₀ with the Jacobian
 * J₀ at the decoder's start latent, or JᵀWJ with J at the sample's own z; W is the loss's curvature. Sets the preconditioner H
 * and the next direction.
 */
export function lbfgsTakeMatrix(lbfgs: Lbfgs, row: usize, matrix: usize, stride: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const mean = copyMatrix(lbfgs, sample, matrix, stride);
  state.hasMatrix = 1;
  const isOwn = sample.request === OWN_MATRIX;
  if (isOwn || sample.acceptedSteps === 0) state.damping = mean;
  // Only pairs show which damping fits.
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

/** Records an accepted step that lowered the objective by `fall`, and advances t. Returns -1: the sample goes on. */
export function lbfgsAccepted(lbfgs: Lbfgs, sample: Sample, fall: f64): i32 {
  const state = stateOf(lbfgs, sample);
  state.fall = fall;
  state.wasProbed = 0;
  // A step lengthened to 1e19 counts as one step; otherwise later steps would vanish in the rounding of t.
  sample.t += min(sample.dt, 1);
  return -1;
}

/** Returns true if the loss has decreased since z0 by more than the rounding of float32 evaluations. */
function hasFallen(sample: Sample): bool {
  return sample.initialObjective - sample.objective > NOISE * abs(sample.initialObjective);
}

// Directions.

/**
 * Sets the direction p and starts its line search; starts the final check if p predicts too small a decrease; ends the sample
 * as STALLED if p is no search direction.
 */
function setDirection(lbfgs: Lbfgs, row: usize): void {
  const d = lbfgs.latentSize;
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const p = sample.memory;
  const gradient = gradientOf(lbfgs, sample);
  const scale = inverseScale(lbfgs, sample, state);
  sample.request = 0;
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
  state.threshold = thresholdOf(lbfgs, sample);
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
    sample.dt = max(PROBE_THRESHOLDS * state.threshold, PROBE_SHARE * abs(sample.objective)) / -sample.slope;
    state.phase = PROBING;
  } else {
    state.phase = isFirst ? LENGTHENING : BACKTRACKING;
  }
}

/**
 * Returns θ, the smallest decrease of the loss that counts as progress: `tolerance` times the decrease so far, or times its
 * geometric mean with NEAR_FLOOR times the excess over the floor if that is smaller; plus the rounding of float32
 * evaluations.
 */
function thresholdOf(lbfgs: Lbfgs, sample: Sample): f64 {
  const excess = abs(sample.objective - sample.lossFloor);
  const fallen = max(sample.initialObjective - sample.objective, excess);
  return lbfgs.tolerance * sqrt(fallen * min(fallen, NEAR_FLOOR * excess)) + NOISE * abs(sample.objective);
}

// Line search.

/**
 * Returns true if the step just tried, which gave `loss`, is accepted. Otherwise sets the next step length, starts the final
 * check, or ends the sample.
 */
export function lbfgsTried(lbfgs: Lbfgs, row: usize, loss: f64): bool {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  state.spent++;
  const share = sample.acceptedSteps < EARLY_STEPS ? max(lbfgs.slope, EARLY_SHARE) : lbfgs.slope;
  const isEnough = isLower(sample, loss, share);
  const fall = sample.objective - loss;
  const phase = state.phase;
  if (phase === HALVING) {
    if (isEnough && fall > HALF_GAIN * state.bestFall) return true;
    returnToBest(sample, state);
    return false;
  }
  if (phase === LENGTHENING || phase === PROBING) {
    const promised = sample.dt * -sample.slope;
    const isFirstTrial = phase === LENGTHENING && state.bestDt === 0;
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
    state.phase = BACKTRACKING;
    if (phase === PROBING && !isEnough) {
      endProbe(lbfgs, row);
      return false;
    }
  }
  if (!isEnough) {
    shorten(lbfgs, row, loss);
    return false;
  }
  const isShortenedFirst = phase === BACKTRACKING && sample.acceptedSteps === 0 && sample.trial > 0;
  if (isShortenedFirst && fall < 0.5 * sample.dt * -sample.slope) {
    keepBest(sample, state, fall);
    state.phase = HALVING;
    tryNext(sample, 0.5 * sample.dt);
    return false;
  }
  return true;
}

function keepBest(sample: Sample, state: LbfgsState, fall: f64): void {
  state.bestDt = sample.dt;
  state.bestFall = fall;
}

/** Evaluates the best step once more, since gradients are computed at the point evaluated last. */
function returnToBest(sample: Sample, state: LbfgsState): void {
  state.phase = RETURNING;
  tryNext(sample, state.bestDt);
}

function tryNext(sample: Sample, dt: f64): void {
  sample.dt = dt;
  sample.trial++;
  sample.backtracks++;
}

/**
 * Ends a probe (a trial step where the loss hardly decreases any more) that was not accepted, which confirms that little
 * decrease is left. If it was tried as the sample's first step, a line search from length 1 follows; else the final check goes
 * on.
 */
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

/**
 * Shortens the step to the minimum of the parabola through the loss and slope at z and the loss at the trial; or starts the
 * final check, or ends the sample, if the step has become too short.
 */
function shorten(lbfgs: Lbfgs, row: usize, loss: f64): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const dt = sample.dt;
  let next = LEAST_SHARE * dt;
  if (!isFinite(<f32>loss)) {
    state.foundNonfinite = 1;
  } else {
    state.foundFinite = 1;
    const rise = loss - sample.objective;
    const minimum = (-sample.slope * dt * dt) / (2 * (rise - dt * sample.slope));
    next = max(next, min(minimum, MOST_SHARE * dt));
    // On a parabola, half the step at least halves rise/(δt|slope|). With a gradient of the wrong sign, the ratio is constant.
    if (rise > SHOWN_RISE * NOISE * abs(sample.objective)) {
      const share = rise / (-dt * sample.slope);
      state.contrary = share > PROPORTIONAL * state.riseShare ? state.contrary + 1 : 0;
      state.riseShare = share;
    }
  }
  // `next * whole` is the decrease at the minimum of a parabola reached at δt. It does not apply to a step that was shortened
  // until the loss was finite, nor to a gradient of the wrong sign, for which the whole step has to promise little.
  const whole = -0.5 * sample.slope;
  const promised = state.contrary > 1 && !hasFallen(sample) ? whole : next * whole;
  if (promised < state.threshold && (state.look !== NO_LOOK || !state.foundNonfinite)) {
    look(lbfgs, row);
  } else if (next >= SHORTEST_STEP) {
    tryNext(sample, next);
  } else if (state.look === NO_LOOK && !state.foundFinite) {
    finish(lbfgs, row, NONFINITE);
  } else if (state.look !== NO_LOOK || isWithinRounding(sample, whole)) {
    converge(lbfgs, row);
  } else {
    finish(lbfgs, row, STALLED);
  }
}

// Final check before convergence, called look.

/**
 * Starts the next stage of the final check, or ends the sample as converged after the last one. The first stage drops the
 * damping λτ, which hides directions of far less curvature than the steepest of the Gauss-Newton matrix A. The second stage
 * searches along the gradient, since the loss of kinked and saturated decoders may decrease where A predicts no decrease.
 */
function look(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (state.look === NO_LOOK) {
    // A has no Cholesky factor if the curvature of a custom loss is 0 or negative.
    if (
      (knowsMatrix(lbfgs, state) && takeUndamped(lbfgs, sample, state)) ||
      takeLongest(lbfgs, sample, state)
    ) {
      state.look = UNDAMPED;
      state.keptPairs = state.pairs;
      state.pairs = 0;
      setDirection(lbfgs, row);
      return;
    }
  } else if (state.look === UNDAMPED && !(state.promise < GRADIENT_LOOK_THRESHOLDS * state.threshold)) {
    state.look = ALONG_GRADIENT;
    // Includes the pairs stored during the first stage.
    state.keptPairs = min(state.keptPairs + state.pairs, lbfgs.pairs);
    state.pairs = 0;
    takeIdentity(state, 1 / sqrt(sample.gradientNormSquared));
    setDirection(lbfgs, row);
    return;
  }
  converge(lbfgs, row);
}

/**
 * Ends the final check after the loss decreased by at least θ, the smallest decrease that counts as progress, so that solving
 * goes on. After the stage along the gradient, the L-BFGS pairs and the preconditioner H are restored.
 */
function endLook(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  if (state.look === ALONG_GRADIENT) {
    state.pairs = min(state.pairs + state.keptPairs, lbfgs.pairs);
    retakeFactor(lbfgs, sample, state);
  }
  state.look = NO_LOOK;
}

/**
 * Ends the sample as converged, and estimates its remaining decrease: if the distance of the loss from its minimum falls at
 * least as fast as 1/steps, this distance is at most steps · θ, θ the smallest decrease that counts as progress.
 */
function converge(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  sample.remainingFall = REMAINING_FACTOR * (state.promise + (sample.acceptedSteps + 1) * state.threshold);
  finish(lbfgs, row, CONVERGED);
}
