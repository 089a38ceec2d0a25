import { rowAt, valueRows, Workspace } from "../memory/workspace";

/**
 * Common part of the solvers that accept a step only if it lowers the sample's own loss: samples that come and
 * go, each resident in a row while it is worked on, and the steps z + δt·p that are tried along a direction p. The
 * directions and the lengths are each solver's: amd.ts and lbfgs.ts, by way of solvers.ts. What is called when is in rounds.ts.
 *
 * A staged sample is WAITING until it gets a row, RUNNING in it, and DONE when it has left with a status. The
 * caller fills EMPTY places and collects DONE ones between slices of work.
 */
export const EMPTY: i32 = 0;
export const WAITING: i32 = 1;
export const RUNNING: i32 = 2;
export const DONE: i32 = 3;

/** Statuses that solvers of this folder set, by their numbers in src/solver/status.ts. */
export const CONVERGED: i32 = 0;
export const REACHED_T1: i32 = 1;
export const MAX_STEPS: i32 = 2;
export const STALLED: i32 = 3;
export const NONFINITE: i32 = 4;

/** The solvers, by their numbers in src/kernels/layout.ts. */
export const AMD: i32 = 0;
export const LBFGS: i32 = 1;

/** Value of Sample.trial: the first value, at z0, has not been computed. */
export const FIRST: i32 = -1;
/**
 * Value of Sample.trial: the search failed at z0, which is evaluated once more, for the curvature there, before the sample
 * may end.
 */
export const AT_REST: i32 = -2;

/** Requests of a sample before its next step; src/kernels/layout.ts has the same numbers. */
export const CURVATURE_ALONG_GRADIENT: i32 = 1;
export const SHARED_JACOBIAN_MATRIX: i32 = 2;
export const OWN_MATRIX: i32 = 3;

/**
 * Struct of a staged sample. The caller writes the fields marked as input; the others are set when the sample gets a row.
 */
@unmanaged
export class Sample {
  state: i32; // 0, in
  status: i32; // 4
  acceptedSteps: i32; // 8
  backtracks: i32; // 12
  valueEvaluations: i32; // 16
  gradientEvaluations: i32; // 20
  matrixEvaluations: i32; // 24
  /** Number of backtracks of the step being tried; or FIRST, or AT_REST. */
  trial: i32; // 28
  /** Status with which the sample ends once the gradient at its z is known; or -1. */
  ending: i32; // 32
  /** Request to be answered after `takeGradients`: one of the constants above, or 0. */
  request: i32; // 36
  /** Input. usize[1]: pointer to y, padded float32. */
  target: usize; // 40
  /** Input. Pointer to w, padded float32; 0 without weights. */
  weights: usize; // 44
  /** f64[d]. Input: z0. Output: the accepted z of the lowest loss. */
  z: usize; // 48
  /** Pointer to the memory of the sample's row: f64[d], the direction p; behind it the solver's state. */
  memory: usize; // 52
  /** Input. Pointer to the sample's fixed inputs, one after the other; 0 without any. */
  fixed: usize; // 56
  /** Input. Factor of the sum of element losses: 1/n, 1/Σw or 1. */
  scale: f64; // 64
  /** Input. σ, factor of the decoder's own curvature, a mean over the outputs: 1, n or Σw. */
  curvatureScale: f64; // 72
  t: f64; // 80
  /** AMD alone: s_n, the first length tried in the next step. */
  step: f64; // 88
  /** δt of the step being tried, and of the last one accepted. */
  dt: f64; // 96
  acceptedDt: f64; // 104
  /** pᵀ∇l at z */
  slope: f64; // 112
  /** Objective, loss + prior/N, which steps lower: at z, and at z0. */
  objective: f64; // 120
  initialObjective: f64; // 128
  /** ‖∇l‖² at z; NaN while the gradient there is unknown. */
  gradientNormSquared: f64; // 136
  /** Input. Factor of the prior in the objective, 1/N. */
  priorScale: f64; // 144
  /** Upper estimate of how far the loss could still fall near a converged z; Infinity if the solver estimates none. */
  remainingFall: f64; // 152
  /** The terms of the objective: the loss at z and at z0, and the prior's value at z, in nats times its weight. */
  loss: f64; // 160
  initialLoss: f64; // 168
  prior: f64; // 176
}

/** Options that the solvers share, and the staging area of samples. */
@unmanaged
export class Descent {
  /** AMD or LBFGS */
  solver: i32; // 0
  /** Sample[sampleCount] */
  samples: usize; // 4
  sampleCount: i32; // 8
  /** usize[R]: pointer to the sample in each row; 0 for a free row. */
  residents: usize; // 12
  residentCapacity: i32; // 16
  latentSize: i32; // 20
  /** Place at which the search for the next waiting sample continues. */
  cursor: i32; // 24
  maxSteps: i32; // 28
  /** R memories of rows, `memoryStride` bytes apart. */
  memories: usize; // 32
  memoryStride: usize; // 36
  /** 1 if the loss has second derivatives; 0 for a custom loss without them. */
  hasCurvature: i32; // 40
  /** Counts within `run`: rows that wait for gradients, rows that wait for answers, and answers given. */
  accepted: i32; // 44
  requests: i32; // 48
  answered: i32; // 52
  /** Armijo constant c: a step has to lower the loss by more than c·δt·(-pᵀ∇l). */
  slope: f64; // 56
  tolerance: f64; // 64
}

/** Least fall that float32 can show, as a share of the loss, or of its fall since z0 if that is more. */
const LEAST_FALL: f64 = 1.0 / 1048576;

/**
 * Gives free rows to waiting samples; lists the rows in use in workspace.rows and returns their number. Returns 0 if no work
 * is left, and with `refill` also if a row is free and no sample waits, so that the caller can stage more.
 */
export function admit(descent: Descent, workspace: Workspace, refill: bool): i32 {
  let count: i32 = 0;
  for (let row: i32 = 0; row < descent.residentCapacity; row++) {
    const resident = descent.residents + ((<usize>row) << 2);
    if (!load<usize>(resident)) store<usize>(resident, nextWaiting(descent, workspace, row));
    if (load<usize>(resident)) listRow(workspace, count++, row);
  }
  return refill && count < descent.residentCapacity ? 0 : count;
}

function nextWaiting(descent: Descent, workspace: Workspace, row: usize): usize {
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
    sample.trial = FIRST;
    sample.ending = -1;
    sample.request = 0;
    sample.memory = descent.memories + row * descent.memoryStride;
    sample.t = 0;
    sample.dt = 0;
    // An abort may collect it before its first evaluation.
    sample.objective = NaN;
    sample.initialObjective = NaN;
    sample.loss = NaN;
    sample.initialLoss = NaN;
    sample.prior = NaN;
    sample.gradientNormSquared = NaN;
    sample.remainingFall = Infinity;
    store<usize>(workspace.targets + (row << 2), sample.target);
    store<usize>(workspace.weights + (row << 2), sample.weights);
    store<usize>(workspace.fixed + (row << 2), sample.fixed);
    store<f64>(workspace.scales + (row << 3), sample.scale);
    store<f64>(workspace.priorScales + (row << 3), sample.priorScale);
    return changetype<usize>(sample);
  }
  return 0;
}

/** Writes the point of each listed row into its latent, as float32: z + δt·p, or z if no step is being tried. */
export function propose(descent: Descent, workspace: Workspace, count: i32): void {
  const latents = valueRows(workspace, 0);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sample = residentOf(descent, row);
    const latent = latents.values + row * latents.stride;
    for (let k: usize = 0; k < <usize>descent.latentSize; k++) {
      const z = load<f64>(sample.z + (k << 3));
      // Before the first step the row's direction is another sample's: it must not be read, not even times 0.
      const moved = sample.trial < 0 ? z : z + sample.dt * load<f64>(sample.memory + (k << 3));
      store<f32>(latent + (k << 2), <f32>moved);
    }
  }
}

/**
 * True if the step being tried comes to an objective that is finite in float32 and lower than before by more than `share` of
 * the fall that the slope promises.
 */
export function isLower(sample: Sample, objective: f64, share: f64): bool {
  return isFinite(<f32>objective) && objective < sample.objective - share * sample.dt * -sample.slope;
}

/**
 * Accepts the step tried: z ← z + δt·p, with the objective and its terms from the last evaluation. The solver adds δt to t.
 */
export function accept(descent: Descent, workspace: Workspace, row: usize): void {
  const sample = residentOf(descent, row);
  for (let k: usize = 0; k < (<usize>descent.latentSize) << 3; k += 8) {
    store<f64>(sample.z + k, load<f64>(sample.z + k) + sample.dt * load<f64>(sample.memory + k));
  }
  sample.acceptedDt = sample.dt;
  takeValue(sample, workspace, row);
  // Until the gradient here is known; an abort may come before.
  sample.gradientNormSquared = NaN;
  sample.acceptedSteps++;
}

/** Takes the objective and its terms from the last evaluation of a sample's row. */
export function takeValue(sample: Sample, workspace: Workspace, row: usize): void {
  sample.objective = load<f64>(workspace.objectives + (row << 3));
  sample.loss = load<f64>(workspace.losses + (row << 3));
  sample.prior = load<f64>(workspace.priors + (row << 3));
}

/** True if the fall expected is too small for float32 to show: a search that finds no lower loss then means rest. */
export function isWithinRounding(sample: Sample, expectedFall: f64): bool {
  return expectedFall < LEAST_FALL * max(abs(sample.objective), sample.initialObjective - sample.objective);
}

/** Ends a sample for which no step lowers the loss: CONVERGED if the fall expected is within rounding, else STALLED. */
export function finishWithoutStep(descent: Descent, row: usize, expectedFall: f64): void {
  finish(descent, row, isWithinRounding(residentOf(descent, row), expectedFall) ? CONVERGED : STALLED);
}

/** Ends a sample with a status, and frees its row. */
export function finish(descent: Descent, row: usize, status: i32): void {
  const sample = residentOf(descent, row);
  sample.status = status;
  sample.state = DONE;
  store<usize>(descent.residents + (row << 2), 0);
}

export function listRow(workspace: Workspace, index: i32, row: usize): void {
  store<i32>(workspace.rows + ((<usize>index) << 2), <i32>row);
}

export function residentOf(descent: Descent, row: usize): Sample {
  return changetype<Sample>(load<usize>(descent.residents + (row << 2)));
}
