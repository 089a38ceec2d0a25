import { gradient, rowAt, rowsOf, value } from "./decoder";
import {
  admit,
  CONVERGED,
  Descent,
  finish,
  judge,
  listRow,
  MAX_STEPS,
  NONFINITE,
  REACHED_T1,
  residentOf,
  Sample,
} from "./descent";
import { Batch, Plan } from "./plan";

/**
 * AMD, the adaptive minimise-distance solver (equations 6 and 7), as one loop over the resident rows. The same
 * solver for any backend is src/solver/amd.ts; the two agree bit for bit.
 *
 * Of each sample it keeps f64[window]: the losses of the last accepted steps, a ring.
 */
@unmanaged
export class Amd extends Descent {
  window: i32; // 64
  /** 1 for growFrom "trial" */
  growFromTrial: i32; // 68
  t1: f64; // 72
  stepMax: f64; // 80
  slope: f64; // 88
  /** No convergence before this t: settle · t1 */
  settleTime: f64; // 96
}

/**
 * Works until `maxPasses` row passes (one row once forward or once backward) are spent, or there is no row to work
 * on; see `admit`. Returns the row passes spent. One round is never cut.
 */
export function amdRun(amd: Amd, plan: Plan, batch: Batch, maxPasses: i32, refill: bool): i32 {
  let passes: i32 = 0;
  do {
    const count = admit(amd, batch, refill);
    if (count === 0) break;
    prepareTrials(amd, batch, count);
    value(plan, batch, count);
    const accepted = takeSteps(amd, batch, judge(amd, batch, count));
    gradient(plan, batch, accepted);
    startSteps(amd, batch, accepted);
    passes += count + accepted;
  } while (passes < maxPasses);
  return passes;
}

/** The latent of each row in use: z - δt·g, rounded to float32; z0 itself the first time. */
function prepareTrials(amd: Amd, batch: Batch, count: i32): void {
  const latents = rowsOf(batch, 0);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(amd, row);
    const first = sample.trial < 0;
    const offset = row * latents.stride;
    for (let k: usize = 0; k < <usize>amd.latentSize; k++) {
      const z = load<f64>(sample.z + (k << 3));
      // A new row's gradient is still another sample's: it must not be read, not even times 0.
      const moved = first ? z : z - sample.dt * load<f32>(latents.gradients + offset + (k << 2));
      store<f32>(latents.outputs + offset + (k << 2), <f32>moved);
    }
    sample.required = amd.slope * sample.dt * sample.gradientNormSquared;
  }
}

/** Takes the steps of the rows listed. Lists those whose gradient is needed and returns their number. */
function takeSteps(amd: Amd, batch: Batch, count: i32): i32 {
  const latents = rowsOf(batch, 0);
  let goOn: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(amd, row);
    if (sample.trial >= 0) {
      const status = takeStep(
        amd,
        sample,
        latents.gradients + row * latents.stride,
        load<f64>(batch.losses + (row << 3)),
      );
      if (status >= 0) {
        finish(amd, row, status);
        continue;
      }
    }
    listRow(batch, goOn++, row);
  }
  return goOn;
}

/** z ← z - δt·g, t ← t + δt; returns the status that the sample ends with, or -1. */
function takeStep(amd: Amd, sample: Sample, gradients: usize, loss: f64): i32 {
  for (let k: usize = 0; k < <usize>amd.latentSize; k++) {
    const z = sample.z + (k << 3);
    store<f64>(z, load<f64>(z) - sample.dt * load<f32>(gradients + (k << 2)));
  }
  // The last step is cut to end at t1; the sum may miss it by a rounding.
  const last = sample.dt === amd.t1 - sample.t;
  sample.t = last ? amd.t1 : sample.t + sample.dt;
  store<f64>(sample.memory + ((<usize>(sample.acceptedSteps % amd.window)) << 3), loss);
  sample.loss = loss;
  sample.acceptedSteps++;
  const grown = amd.increaseFactor * (amd.growFromTrial ? sample.step : sample.dt);
  sample.step = min(max(grown, amd.stepInit), amd.stepMax);
  if (isFlat(amd, sample)) return CONVERGED;
  if (last) return REACHED_T1;
  return sample.acceptedSteps >= amd.maxSteps ? MAX_STEPS : -1;
}

/**
 * Is the mean of the numerical gradient of the last accepted losses, one-sided at the ends, below the
 * tolerance? It telescopes to (3·(last - first) + (second - last but one)) / (2·window).
 */
function isFlat(amd: Amd, sample: Sample): bool {
  const window = amd.window;
  if (sample.acceptedSteps < window || sample.t < amd.settleTime) return false;
  const first = recentLoss(amd, sample, window - 1);
  const second = recentLoss(amd, sample, window - 2);
  const lastButOne = recentLoss(amd, sample, 1);
  const mean = (3 * (sample.loss - first) + (second - lastButOne)) / (2 * window);
  return abs(mean) < amd.tolerance;
}

/** The accepted loss `back` steps ago; 0 is the last one. */
function recentLoss(amd: Amd, sample: Sample, back: i32): f64 {
  return load<f64>(sample.memory + ((<usize>((sample.acceptedSteps - 1 - back) % amd.window)) << 3));
}

/** Takes up the new gradients: the first trial of the next step, or the end where there is nowhere to go. */
function startSteps(amd: Amd, batch: Batch, count: i32): void {
  const latents = rowsOf(batch, 0);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(amd, row);
    let sum: f64 = 0;
    for (let k: usize = 0; k < <usize>amd.latentSize; k++) {
      const g: f64 = load<f32>(latents.gradients + row * latents.stride + (k << 2));
      sum += g * g;
    }
    sample.gradientEvaluations++;
    sample.gradientNormSquared = sum;
    sample.trial = 0;
    sample.dt = min(sample.step, amd.t1 - sample.t);
    if (!isFinite(sum)) finish(amd, row, NONFINITE);
    else if (sum === 0) finish(amd, row, CONVERGED);
  }
}
