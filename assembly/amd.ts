import { gradient, rowAt, rowsOf, value } from "./decoder";
import { Batch, Plan } from "./plan";

/**
 * AMD, the adaptive minimise-distance solver (equations 6 and 7), as one loop over the resident rows. The same
 * solver for any backend is src/solver/amd.ts; the two agree bit for bit.
 *
 * A staged sample is WAITING until it gets a row, RUNNING in it, and DONE when it has left with a status. The
 * caller fills EMPTY places and collects DONE ones between slices of work.
 */
export const EMPTY: i32 = 0;
export const WAITING: i32 = 1;
export const RUNNING: i32 = 2;
export const DONE: i32 = 3;

/** The statuses, in the order of src/result.ts. */
export const CONVERGED: i32 = 0;
export const REACHED_T1: i32 = 1;
export const MAX_STEPS: i32 = 2;
export const STALLED: i32 = 3;
export const NONFINITE: i32 = 4;

/** One staged sample. The caller writes what is marked in; the rest is set when it gets a row. */
@unmanaged
export class Sample {
  state: i32; // 0, in
  status: i32; // 4
  acceptedSteps: i32; // 8
  backtracks: i32; // 12
  valueEvaluations: i32; // 16
  gradientEvaluations: i32; // 20
  /** Backtracks of the step being tried; -1 while the value at z0 is. */
  trial: i32; // 24
  /** usize[1]: y in padded float32, in */
  target: usize; // 28
  /** w in padded float32, or 0, in */
  weights: usize; // 32
  /** f64[d], in: z0; out: the best z */
  z: usize; // 36
  /** f64[window]: the losses of the last accepted steps, a ring */
  history: usize; // 40
  /** 1/n, 1/Σw or 1, in */
  scale: f64; // 48
  t: f64; // 56
  /** s_n, the step tried first */
  step: f64; // 64
  /** δt, the step being tried */
  dt: f64; // 72
  loss: f64; // 80
  initialLoss: f64; // 88
  /** ‖g‖² */
  gradientNormSquared: f64; // 96
}

/** The solver's options and its staging area. */
@unmanaged
export class Amd {
  /** Sample[sampleCount] */
  samples: usize; // 0
  sampleCount: i32; // 4
  /** usize[R]: the sample in each row, or 0 */
  residents: usize; // 8
  residentCapacity: i32; // 12
  latentSize: i32; // 16
  /** Where the search for the next waiting sample goes on. */
  cursor: i32; // 20
  maxSteps: i32; // 24
  maxBacktracks: i32; // 28
  window: i32; // 32
  /** 1 for growFrom "trial" */
  growFromTrial: i32; // 36
  t1: f64; // 40
  stepInit: f64; // 48
  stepMax: f64; // 56
  increaseFactor: f64; // 64
  decreaseFactor: f64; // 72
  slope: f64; // 80
  tolerance: f64; // 88
  /** No convergence before this t: settle · t1 */
  settleTime: f64; // 96
}

/**
 * Works until `maxPasses` row passes (one row once forward or once backward) are spent, or no row is
 * resident; with `refill`, also until a row is free and no sample waits for it, so that the caller can stage
 * more. Returns the row passes spent. One round is never cut.
 */
export function amdRun(amd: Amd, plan: Plan, batch: Batch, maxPasses: i32, refill: bool): i32 {
  let passes: i32 = 0;
  do {
    const count = admit(amd, batch);
    if (count === 0 || (refill && count < amd.residentCapacity)) break;
    prepareTrials(amd, batch, count);
    value(plan, batch, count);
    const accepted = judge(amd, batch, count);
    gradient(plan, batch, accepted);
    startSteps(amd, batch, accepted);
    passes += count + accepted;
  } while (passes < maxPasses);
  return passes;
}

/** Gives free rows to waiting samples; lists the rows in use in batch.rows and returns their number. */
function admit(amd: Amd, batch: Batch): i32 {
  let count: i32 = 0;
  for (let row: i32 = 0; row < amd.residentCapacity; row++) {
    const resident = amd.residents + ((<usize>row) << 2);
    if (!load<usize>(resident)) store<usize>(resident, nextWaiting(amd, batch, row));
    if (load<usize>(resident)) listRow(batch, count++, row);
  }
  return count;
}

function nextWaiting(amd: Amd, batch: Batch, row: usize): usize {
  for (let i: i32 = 0; i < amd.sampleCount; i++) {
    const sample = changetype<Sample>(amd.samples + <usize>amd.cursor * offsetof<Sample>());
    amd.cursor = (amd.cursor + 1) % amd.sampleCount;
    if (sample.state !== WAITING) continue;
    sample.state = RUNNING;
    sample.acceptedSteps = 0;
    sample.backtracks = 0;
    sample.valueEvaluations = 0;
    sample.gradientEvaluations = 0;
    sample.trial = -1;
    sample.t = 0;
    sample.step = amd.stepInit;
    sample.dt = 0;
    // An abort may collect it before its first evaluation.
    sample.loss = NaN;
    sample.initialLoss = NaN;
    store<usize>(batch.targets + (row << 2), sample.target);
    store<usize>(batch.weights + (row << 2), sample.weights);
    store<f64>(batch.scales + (row << 3), sample.scale);
    return changetype<usize>(sample);
  }
  return 0;
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
  }
}

/**
 * Accepts or shrinks each row's step; samples that end leave their rows. Lists the rows whose gradient is
 * needed in batch.rows and returns their number.
 */
function judge(amd: Amd, batch: Batch, count: i32): i32 {
  const latents = rowsOf(batch, 0);
  let accepted: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(amd, row);
    const loss = load<f64>(batch.losses + (row << 3));
    sample.valueEvaluations++;
    let goesOn = false;
    if (sample.trial < 0) {
      sample.loss = loss;
      sample.initialLoss = loss;
      if (!isFinite(loss)) finish(sample, NONFINITE);
      else if (amd.maxSteps === 0) finish(sample, MAX_STEPS);
      else goesOn = true;
    } else if (loss < sample.loss - amd.slope * sample.dt * sample.gradientNormSquared) {
      accept(amd, sample, latents.gradients + row * latents.stride, loss);
      goesOn = sample.state === RUNNING;
    } else if (sample.trial === amd.maxBacktracks) {
      finish(sample, STALLED);
    } else {
      sample.trial++;
      sample.backtracks++;
      sample.dt *= amd.decreaseFactor;
    }
    if (goesOn) listRow(batch, accepted++, <i32>row);
    if (sample.state === DONE) store<usize>(amd.residents + (row << 2), 0);
  }
  return accepted;
}

/** z ← z - δt·g, t ← t + δt, and the statuses that an accepted step can end with. */
function accept(amd: Amd, sample: Sample, gradients: usize, loss: f64): void {
  for (let k: usize = 0; k < <usize>amd.latentSize; k++) {
    const z = sample.z + (k << 3);
    store<f64>(z, load<f64>(z) - sample.dt * load<f32>(gradients + (k << 2)));
  }
  // The last step is cut to end at t1; the sum may miss it by a rounding.
  const last = sample.dt === amd.t1 - sample.t;
  sample.t = last ? amd.t1 : sample.t + sample.dt;
  store<f64>(sample.history + ((<usize>(sample.acceptedSteps % amd.window)) << 3), loss);
  sample.loss = loss;
  sample.acceptedSteps++;
  const grown = amd.increaseFactor * (amd.growFromTrial ? sample.step : sample.dt);
  sample.step = min(max(grown, amd.stepInit), amd.stepMax);
  if (isFlat(amd, sample)) finish(sample, CONVERGED);
  else if (last) finish(sample, REACHED_T1);
  else if (sample.acceptedSteps >= amd.maxSteps) finish(sample, MAX_STEPS);
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
  return load<f64>(sample.history + ((<usize>((sample.acceptedSteps - 1 - back) % amd.window)) << 3));
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
    if (!isFinite(sum)) finish(sample, NONFINITE);
    else if (sum === 0) finish(sample, CONVERGED);
    if (sample.state === DONE) store<usize>(amd.residents + (row << 2), 0);
  }
}

function finish(sample: Sample, status: i32): void {
  sample.status = status;
  sample.state = DONE;
}

function listRow(batch: Batch, index: i32, row: i32): void {
  store<i32>(batch.rows + ((<usize>index) << 2), row);
}

function residentOf(amd: Amd, row: usize): Sample {
  return changetype<Sample>(load<usize>(amd.residents + (row << 2)));
}
