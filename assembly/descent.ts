import { rowAt } from "./decoder";
import { Batch } from "./plan";

/**
 * What the solvers that take a step only if it lowers the sample's own loss have in common: samples that come and
 * go, each resident in a row while it is worked on, and the verdict on the steps tried. How a step is made is in
 * amd.ts and implicit-amd.ts. The same for any backend is src/solver/descent.ts.
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
  matrixEvaluations: i32; // 24
  /** Backtracks of the step being tried; -1 while the value at z0 is. */
  trial: i32; // 28
  /** usize[1]: y in padded float32, in */
  target: usize; // 32
  /** w in padded float32, or 0, in */
  weights: usize; // 36
  /** f64[d], in: z0; out: the best z */
  z: usize; // 40
  /** f64[…], in: what the solver keeps of it, see there */
  memory: usize; // 44
  /** Implicit AMD: the accepted steps that the matrix at hand has made, or a constant of implicit-amd.ts. */
  matrixAge: i32; // 48
  /** 1/n, 1/Σw or 1, in */
  scale: f64; // 56
  t: f64; // 64
  /** AMD: s_n, the step tried first */
  step: f64; // 72
  /** δt, the step being tried */
  dt: f64; // 80
  /** How much it must lower the loss: by more than this. */
  required: f64; // 88
  loss: f64; // 96
  initialLoss: f64; // 104
  /** ‖g‖² */
  gradientNormSquared: f64; // 112
}

/** The options that the solvers share, and their staging area. */
@unmanaged
export class Descent {
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
  stepInit: f64; // 32
  increaseFactor: f64; // 40
  decreaseFactor: f64; // 48
  tolerance: f64; // 56
}

/**
 * Gives free rows to waiting samples; lists the rows in use in batch.rows and returns their number. It is 0 where
 * there is no more to do, and with `refill` also where a row is free and no sample waits for it, so that the
 * caller can stage more.
 */
export function admit(descent: Descent, batch: Batch, refill: bool): i32 {
  let count: i32 = 0;
  for (let row: i32 = 0; row < descent.residentCapacity; row++) {
    const resident = descent.residents + ((<usize>row) << 2);
    if (!load<usize>(resident)) store<usize>(resident, nextWaiting(descent, batch, row));
    if (load<usize>(resident)) listRow(batch, count++, row);
  }
  return refill && count < descent.residentCapacity ? 0 : count;
}

function nextWaiting(descent: Descent, batch: Batch, row: usize): usize {
  for (let i: i32 = 0; i < descent.sampleCount; i++) {
    const sample = changetype<Sample>(descent.samples + <usize>descent.cursor * offsetof<Sample>());
    descent.cursor = (descent.cursor + 1) % descent.sampleCount;
    if (sample.state !== WAITING) continue;
    sample.state = RUNNING;
    sample.acceptedSteps = 0;
    sample.backtracks = 0;
    sample.valueEvaluations = 0;
    sample.gradientEvaluations = 0;
    sample.matrixEvaluations = 0;
    sample.trial = -1;
    sample.matrixAge = 0;
    sample.t = 0;
    sample.step = descent.stepInit;
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

/**
 * Shrinks the step of each row that has not lowered its loss enough. Lists the others, whose step is to be taken or
 * whose first value this was, in batch.rows and returns their number.
 */
export function judge(descent: Descent, batch: Batch, count: i32): i32 {
  let passed: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(descent, row);
    const loss = load<f64>(batch.losses + (row << 3));
    sample.valueEvaluations++;
    if (sample.trial < 0) {
      sample.loss = loss;
      sample.initialLoss = loss;
      if (!isFinite(loss)) finish(descent, row, NONFINITE);
      else if (descent.maxSteps === 0) finish(descent, row, MAX_STEPS);
      else listRow(batch, passed++, row);
    } else if (isFinite(loss) && loss < sample.loss - sample.required) {
      listRow(batch, passed++, row);
    } else {
      shrink(descent, row);
    }
  }
  return passed;
}

/** A shorter step, or the end of a sample for which none is short enough. */
export function shrink(descent: Descent, row: usize): void {
  const sample = residentOf(descent, row);
  if (sample.trial === descent.maxBacktracks) {
    finish(descent, row, STALLED);
    return;
  }
  sample.trial++;
  sample.backtracks++;
  sample.dt *= descent.decreaseFactor;
}

/** A sample ends and leaves its row. */
export function finish(descent: Descent, row: usize, status: i32): void {
  const sample = residentOf(descent, row);
  sample.status = status;
  sample.state = DONE;
  store<usize>(descent.residents + (row << 2), 0);
}

export function listRow(batch: Batch, index: i32, row: usize): void {
  store<i32>(batch.rows + ((<usize>index) << 2), <i32>row);
}

export function residentOf(descent: Descent, row: usize): Sample {
  return changetype<Sample>(load<usize>(descent.residents + (row << 2)));
}
