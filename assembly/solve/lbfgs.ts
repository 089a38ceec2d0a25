import { dot } from "./cholesky";
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
} from "./descent";
import { copyGradient, inverseScale, learnPair, takeLongest, twoLoops } from "./lbfgs-pairs";
import { pickDamping, retakeFactor, takeFirst, takeUndamped } from "./lbfgs-preconditioner";
import { copyMatrix, gradientOf, Lbfgs, LbfgsState, stateOf } from "./lbfgs-state";

/**
 * L-BFGS for each sample, preconditioned by the decoder: the rule, which test/assembly/solve/lbfgs-rule.test.ts holds to its float64 form in
 * test/support/lbfgs-reference.ts. Its source is in src/solver/lbfgs.ts; lbfgs-pairs.ts has the pairs, lbfgs-preconditioner.ts
 * the choice of H, lbfgs-state.ts the memory of a sample.
 *
 *     begin      l0 = l, g at z0;  no pairs;  A of the decoder's Jacobian J₀ at its start, or of the sample's own where it has
 *                fixed inputs;  λ = 1;  H = A + λτI, τ = tr(A)/d;  without A: H = (gᵀMg/gᵀg) I, else |g| I
 *
 *     direction  γ = sᵀy / yᵀH⁻¹y of the newest pair, else 1;  p = -(two loops over the pairs, γH⁻¹ between them) g
 *                gᵀp ≥ 0: drop the pairs, once more;  still so: stalled
 *                promise = -gᵀp/2;  θ = tolerance · max(l0 - l, |l|) + NOISE |l|
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
 *       shorten    t ← the minimum of the same parabola within [0.1 t, 0.5 t], 0.1 t where l' is not finite
 *                  promise · t < θ (the promise alone where the rise stays proportional to t): look, unless some l' was not finite
 *                  t < 1e-12: stalled, or nonfinite if no l' was finite; converged within rounding, and in a look
 *
 *     accepted   g at the new z;  keep the pair (s, y) if sᵀy > 1e-8 |s||y|
 *                fall ≥ θ: a look ends here;  else look, unless some l' was not finite or t < 1e-3 and l has not left l0
 *                max(2d, 64) losses and gradients since the last own A: A = JᵀWJ at z, λ by the pairs, then no pairs
 *                else k a power of 2, and A not the sample's own: W in A = J₀ᵀWJ₀ anew up to k = 8, where cheap;  λ by the pairs
 *
 *     look       1. H = A without λτI and the pairs, divided by max sᵀAs/sᵀy of the newest five pairs if that is above 100;
 *                   without A, or without its factor: the least curvature of the pairs
 *                2. if 1 promised 5 θ or more, but did not fall by θ: probe along -g from t = m;  a fall of θ gives λτI and
 *                   the pairs back
 *                converged, where neither falls by θ:  remainingFall = 5 (last promise but 2's + (k + 1) θ)
 */

// Constants of the rule, chosen by passes and end losses in `npm run experiment -- converged` and `baseline`.

/** Relative rounding error of a loss evaluated in float32: 2⁻²³. */
const NOISE: f64 = 1.0 / 8388608;
/** Least rise of the loss that is told from rounding, in multiples of NOISE times the loss. */
const SHOWN_RISE: f64 = 16;
/** Fewest evaluations between two matrices A made at the sample's own z: by then the pairs show whether λ fits. */
const LEAST_BETWEEN_OWN: i32 = 64;
/**
 * Shortest step, as a share of p: a shorter one ends the search. If p is as long as z, it is near the rounding of float64.
 */
const SHORTEST_STEP: f64 = 1e-12;
/** Longest step still attributed to rounding. If only shorter steps lower the loss, the gradient is suspect. */
const SHORT_STEP: f64 = 1e-3;
/** Bounds of a shortened step, as shares of the step before: the parabola is not trusted beyond them. */
const LEAST_SHARE: f64 = 0.1;
const MOST_SHARE: f64 = 0.5;
/** Share of the last rise/(δt|slope|) above which the rise counts as proportional to δt: halving a parabola's gives 0.5. */
const PROPORTIONAL: f64 = 0.75;
/**
 * Armijo constant of the first EARLY_STEPS steps, where `slope` is smaller. Their A is from the decoder's start, where units
 * may saturate. With `slope` alone a quarter of the digits end in other minima with the paper's decoder (loss 0.104, not
 * 0.081).
 */
const EARLY_SHARE: f64 = 0.4;
const EARLY_STEPS: i32 = 8;
/**
 * Least ratio of the fall at δt/2 to the fall at δt for which δt/2 is taken. Without halving a tenth of the digits end in
 * other minima with one decoder (loss 0.0855, not 0.0837).
 */
const HALF_GAIN: f64 = 1.04;
/**
 * Least fall, as a share of the linear one, that counts as linear: in the first trial, and in later ones. In front of a
 * normalisation J₀ is up to 1e8 times too large, and the first step as much too short.
 */
const LINEAR_SHARE: f64 = 0.98;
const LINEAR_SHARE_ONCE_LONGER: f64 = 0.9;
/** Largest growth of δt between trials: a smaller one takes more trials, a larger one may leave the basin. */
const LONGEST_GROWTH: f64 = 30;
/** Fall that the slope promises for a probe (a trial step at the end of a solve), in multiples of the threshold θ. */
const PROBE_THRESHOLDS: f64 = 8;
/** Least fall of a probe as a share of the loss: 128 times what float32 rounds away. */
const PROBE_SHARE: f64 = 1.0 / 65536;
/**
 * Fall of the last step, in multiples of θ, above which a promise below θ is probed: falls that end so abruptly show an A of
 * the wrong scale.
 */
const ABRUPT_THRESHOLDS: f64 = 100;
/**
 * Fall promised by the first look, in multiples of θ, from which the look along the gradient follows. With 1, the digits
 * take 0.2 % more passes and end no lower.
 */
const GRADIENT_LOOK_THRESHOLDS: f64 = 5;
/**
 * Safety factor of `remainingFall`: with it the estimate holds for 99 % of the samples of `npm run experiment -- converged`.
 */
const REMAINING_FACTOR: f64 = 5;

/** Phases of a line search. */
const BACKTRACKING: i32 = 0;
const LENGTHENING: i32 = 1;
const PROBING: i32 = 2;
const HALVING: i32 = 3;
const RETURNING: i32 = 4;

/** Phases of the look at the end: none, H without damping, along the gradient. */
const NO_LOOK: i32 = 0;
const UNDAMPED: i32 = 1;
const ALONG_GRADIENT: i32 = 2;

// State: what is known after each evaluation.

/** Takes the gradient at z0, and sets the first direction or requests what it needs. */
function begin(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, gradient: usize): void {
  const d = lbfgs.latentSize;
  copyGradient(gradient, gradientOf(lbfgs, sample), d);
  state.pairs = 0;
  state.newest = -1;
  state.spent = 0;
  state.isOwn = 0;
  state.hasMatrix = 0;
  state.look = NO_LOOK;
  state.factor = 0;
  state.inverseScale = 1 / sqrt(sample.gradientNormSquared);
  if (lbfgs.firstMatrix !== 0) {
    sample.request = lbfgs.firstMatrix;
  } else if (lbfgs.factors) {
    takeFirst(lbfgs, sample, state);
  } else if (lbfgs.hasCurvature) {
    sample.request = CURVATURE_ALONG_GRADIENT;
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
    // No pair was kept: the accepted length scales H⁻¹ instead.
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

/** Takes the curvature along the gradient at z0: the first step becomes the Cauchy step, the best one along -g. */
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
  const isOwn = sample.request === OWN_MATRIX;
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

/** Records an accepted step that lowered the loss by `fall`. Returns the status the sample ends with, or -1. */
export function lbfgsAccepted(lbfgs: Lbfgs, sample: Sample, fall: f64): i32 {
  const state = stateOf(lbfgs, sample);
  state.fall = fall;
  state.wasProbed = 0;
  // A step lengthened to 1e19 is one step, beside which later ones must not vanish from t.
  sample.t += min(sample.dt, 1);
  return -1;
}

/** True if the loss has fallen since z0 by more than the rounding of float32 evaluations. */
function hasFallen(sample: Sample): bool {
  return sample.initialObjective - sample.objective > NOISE * abs(sample.initialObjective);
}

// Direction.

/** Sets p and starts its line search; starts the look if p promises too little; ends the sample if p does not descend. */
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
  state.threshold =
    lbfgs.tolerance * max(sample.initialObjective - sample.objective, abs(sample.objective)) +
    NOISE * abs(sample.objective);
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
    state.search = PROBING;
  } else {
    state.search = isFirst ? LENGTHENING : BACKTRACKING;
  }
}

// Search.

/**
 * Returns true if the step tried, which came to `loss`, is accepted. Otherwise the next length is set, or the search has
 * ended.
 */
export function lbfgsTried(lbfgs: Lbfgs, row: usize, loss: f64): bool {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  state.spent++;
  const share = sample.acceptedSteps < EARLY_STEPS ? max(lbfgs.slope, EARLY_SHARE) : lbfgs.slope;
  const isEnough = isLower(sample, loss, share);
  const fall = sample.objective - loss;
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

/** Evaluates the best step once more, since gradients are taken at the point evaluated last. */
function returnToBest(sample: Sample, state: LbfgsState): void {
  state.search = RETURNING;
  tryNext(sample, state.bestDt);
}

function tryNext(sample: Sample, dt: f64): void {
  sample.dt = dt;
  sample.trial++;
  sample.backtracks++;
}

/** Ends a probe that did not fall, which confirms the small promise. A first step is then searched from length 1. */
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

/** Shortens the step to the minimum of the parabola through the known values; else starts the look, or ends the sample. */
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
    // On a parabola, half the step halves rise/(δt|slope|). If the gradient has the wrong sign, it stays constant.
    if (rise > SHOWN_RISE * NOISE * abs(sample.objective)) {
      const share = rise / (-dt * sample.slope);
      state.contrary = share > PROPORTIONAL * state.riseShare ? state.contrary + 1 : 0;
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
  } else if (state.look === NO_LOOK && !state.foundFinite) {
    finish(lbfgs, row, NONFINITE);
  } else if (state.look !== NO_LOOK || isWithinRounding(sample, whole)) {
    converge(lbfgs, row);
  } else {
    finish(lbfgs, row, STALLED);
  }
}

// Look at the end.

/**
 * Starts the next stage of the look, or ends the sample after the last one. The first drops the damping λτ, which hides
 * directions of far less curvature than A's steepest. The second goes along the gradient, since kinked and saturated
 * decoders may fall where A promises nothing.
 */
function look(lbfgs: Lbfgs, row: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (state.look === NO_LOOK) {
    const hasMatrix = state.hasMatrix !== 0 || lbfgs.factors !== 0;
    // A has no factor where the curvature of a custom loss is 0 or negative.
    if ((hasMatrix && takeUndamped(lbfgs, sample, state)) || takeLongest(lbfgs, sample, state)) {
      state.look = UNDAMPED;
      state.keptPairs = state.pairs;
      state.pairs = 0;
      setDirection(lbfgs, row);
      return;
    }
  } else if (state.look === UNDAMPED && !(state.promise < GRADIENT_LOOK_THRESHOLDS * state.threshold)) {
    state.look = ALONG_GRADIENT;
    // With what the first look has learnt.
    state.keptPairs = min(state.keptPairs + state.pairs, lbfgs.pairs);
    state.pairs = 0;
    state.factor = 0;
    state.inverseScale = 1 / sqrt(sample.gradientNormSquared);
    setDirection(lbfgs, row);
    return;
  }
  converge(lbfgs, row);
}

/** Ends the look after a fall of at least θ, and goes on. After a look along the gradient, pairs and H are restored. */
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
