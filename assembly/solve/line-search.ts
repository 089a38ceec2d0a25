import { rowAt, valueRows, Workspace } from "../memory/workspace";

// Common part of the solvers that accept a step only if it lowers the sample's own loss. It assigns samples to rows while they
// are solved, and evaluates the steps z + δt·p along a direction p. Directions and step lengths are each solver's: amd.ts and
// lbfgs.ts, called through solvers.ts. rounds.ts has the order of the calls.
//
// States of a sample, the values of Sample.state, as in src/kernels/layout.ts: EMPTY → WAITING → RUNNING → DONE. Between slices
// of work the caller fills EMPTY places and collects DONE samples.

/** State of a place in WASM memory that holds no sample at present. */
export const EMPTY: i32 = 0;
/** State of a sample whose data are in WASM memory and which has not yet been given a row. */
export const WAITING: i32 = 1;
/** State of a sample that is being solved in one of the resident rows. */
export const RUNNING: i32 = 2;
/** State of a sample that has ended with a status and left its row; the caller has yet to collect it. */
export const DONE: i32 = 3;

// Codes of the statuses that the solvers of this folder give finished samples: indices in STATUSES of src/solver/status.ts.

/**
 * Status code of a sample that has converged: its gradient is 0, no step lowers its loss by more than the solver's threshold or
 * float32's rounding, or its loss has stopped decreasing.
 */
export const CONVERGED: i32 = 0;
/** Status code of a sample whose flow was followed up to the end time t1. */
export const REACHED_T1: i32 = 1;
/** Status code of a sample that ended at the limit of accepted steps, LineSearch.maxSteps. */
export const MAX_STEPS: i32 = 2;
/** Status code of a sample for which no step lowers the loss though its slope predicts a decrease above float32's rounding. */
export const STALLED: i32 = 3;
/** Status code of a sample whose loss or gradient is not finite. */
export const NONFINITE: i32 = 4;

// Codes of the solvers, as in src/kernels/layout.ts.

/** Value of LineSearch.solver for the adaptive minimise-distance solver, amd.ts. */
export const AMD: i32 = 0;
/** Value of LineSearch.solver for the solver L-BFGS, lbfgs.ts. */
export const LBFGS: i32 = 1;

/** Value of Sample.trial before the objective at z0 has been evaluated. */
export const FIRST: i32 = -1;
/**
 * Value of Sample.trial after the line search failed at z0, which is evaluated once more for the curvature there before the
 * sample may end.
 */
export const AT_REST: i32 = -2;

// Evaluations that a sample may request before its next step, as codes: the values of Sample.request, as in
// src/kernels/layout.ts.

/** Request for the curvature gᵀMg/gᵀg along the gradient g at the sample's z, M the Gauss-Newton matrix. */
export const CURVATURE_ALONG_GRADIENT: i32 = 1;
/**
 * Request for the matrix J₀ᵀWJ₀: J₀ the Jacobian at the decoder's start latent, which all samples share, W the loss's
 * curvature at the sample's z.
 */
export const SHARED_JACOBIAN_MATRIX: i32 = 2;
/** Request for the Gauss-Newton matrix JᵀWJ with the Jacobian J and the loss's curvature W at the sample's own z. */
export const OWN_MATRIX: i32 = 3;

/**
 * Struct of a sample whose data are in WASM memory. The caller writes the fields marked as input; the solver sets the other
 * fields, from the moment when the sample gets a row.
 */
@unmanaged
export class Sample {
  state: i32; // 0, in
  /** Reason why the sample has ended: CONVERGED, REACHED_T1, MAX_STEPS, STALLED or NONFINITE; valid once `state` is DONE. */
  status: i32; // 4
  acceptedSteps: i32; // 8
  backtracks: i32; // 12
  valueEvaluations: i32; // 16
  gradientEvaluations: i32; // 20
  matrixEvaluations: i32; // 24
  /** Number of backtracks of the step being tried, ≥ 0; or FIRST or AT_REST, which are negative. */
  trial: i32; // 28
  /** Status with which the sample ends once the gradient at its z is known; -1 if it goes on. */
  ending: i32; // 32
  /**
   * Evaluation that the sample needs before its next step: CURVATURE_ALONG_GRADIENT, SHARED_JACOBIAN_MATRIX or OWN_MATRIX; 0
   * for none.
   */
  request: i32; // 36
  /** Input. Pointer to the sample's data y, padded float32. */
  target: usize; // 40
  /** Input. Pointer to the weights w of the sample's data, padded float32; 0 without weights. */
  weights: usize; // 44
  /** f64[d]. Input: z0. Output: the last accepted z, which has the lowest objective. */
  z: usize; // 48
  /** Pointer to the memory of the sample's row: the direction p, f64[d], followed by the solver's state. */
  memory: usize; // 52
  /** Input. Pointer to the decoder's fixed inputs for this sample, one after the other; 0 without any. */
  fixed: usize; // 56
  /** Input. Factor of the sample's sum of n element losses: 1/n for a mean, 1/Σw for a mean with weights w, 1 for a sum. */
  scale: f64; // 64
  /**
   * Input. Factor σ for the decoder's shared curvature matrix, which is made for a mean over the outputs, to fit this sample's
   * loss: 1 for a mean; for a sum, the number of outputs or, with weights, the sum of weights.
   */
  curvatureScale: f64; // 72
  /**
   * Time that the accepted steps have covered, 0 at z0: for AMD the time of the flow; for L-BFGS the sum of the step lengths,
   * each counted as at most 1.
   */
  t: f64; // 80
  /** Length, in the flow's time, of the first trial of the sample's next step; used by the solver AMD only. */
  step: f64; // 88
  /** Length δt of the step being tried. */
  dt: f64; // 96
  /** Length δt of the last accepted step. */
  acceptedDt: f64; // 104
  /** Directional derivative pᵀ∇l of the objective at z along the direction p. */
  slope: f64; // 112
  /** Objective at z, loss + prior/N, which accepted steps decrease; 1/N is `priorScale`. */
  objective: f64; // 120
  /** Objective at z0, loss + prior/N. */
  initialObjective: f64; // 128
  /** Squared norm ‖∇l‖² of the objective's gradient at z; NaN until that gradient is computed. */
  gradientNormSquared: f64; // 136
  /**
   * Input. Factor 1/N of the prior in the objective, N the divisor of the sample's loss: the number of elements for a mean, the
   * sum of weights for a weighted mean, 1 for a sum.
   */
  priorScale: f64; // 144
  /** Upper estimate of how much further the loss could decrease near a converged z; Infinity if the solver makes no estimate. */
  remainingFall: f64; // 152
  /** Loss at z, without the prior. */
  loss: f64; // 160
  /** Loss at z0, without the prior. */
  initialLoss: f64; // 168
  /** Prior's value at z, in nats times the prior's weight. */
  prior: f64; // 176
  /** Input. Floor (lower bound) of the sample's loss: the targets' own entropy for cross entropy, else 0. */
  lossFloor: f64; // 184
}

/** Options common to the solvers, and the places of samples in WASM memory. */
@unmanaged
export class LineSearch {
  /** Solver that runs: AMD or LBFGS. */
  solver: i32; // 0
  /** Sample[sampleCount]: the samples whose data are in WASM memory, and free places. */
  samples: usize; // 4
  /** Number of elements of `samples`, free places included. */
  sampleCount: i32; // 8
  /** usize[R], one for each resident row: pointer to the sample in the row; 0 for a free row. */
  residents: usize; // 12
  /** Number R of resident rows: samples that can be solved at the same time. */
  residentCapacity: i32; // 16
  latentSize: i32; // 20
  /** Index, in `samples`, at which the search for the next waiting sample continues. */
  cursor: i32; // 24
  /** Maximum number of accepted steps of a sample; with 0 each sample ends after the loss and gradient at z0. */
  maxSteps: i32; // 28
  /** Memory of the R resident rows, `memoryStride` bytes each: directions and solver state. */
  memories: usize; // 32
  /** Bytes of `memories` that belong to one resident row. */
  memoryStride: usize; // 36
  /** 1 if the loss has second derivatives; 0 for a custom loss without them. */
  hasCurvature: i32; // 40
  /** Number of rows that need a gradient in the current round of `run`. */
  accepted: i32; // 44
  /** Number of rows that requested an evaluation in the current round of `run`; 0 once all requests are answered. */
  requests: i32; // 48
  /** Number of requested evaluations that have been answered, of `requests`. */
  answered: i32; // 52
  /** Armijo constant c: an accepted step of length δt along the direction p lowers the loss by more than c·δt·(-pᵀ∇l). */
  slope: f64; // 56
  /** Option `tolerance` of `amd` or `lbfgs`, by which a sample counts as converged. */
  tolerance: f64; // 64
}

/**
 * Smallest decrease that float32 can resolve, as a fraction of the loss or, if larger, of its decrease since z0: 2⁻²⁰, eight
 * times float32's spacing at 1.
 */
const LEAST_FALL: f64 = 1.0 / 1048576;

/**
 * Assigns free rows to waiting samples; lists the rows in use in workspace.rows and returns their number. Returns 0 if no
 * sample is left, and, if `refill` is set, also if a row stays free, so that the caller can stage more samples.
 */
function admit(search: LineSearch, workspace: Workspace, refill: bool): i32 {
  let count: i32 = 0;
  for (let row: i32 = 0; row < search.residentCapacity; row++) {
    const resident = search.residents + ((<usize>row) << 2);
    if (!load<usize>(resident)) store<usize>(resident, nextWaiting(search, workspace, row));
    if (load<usize>(resident)) listRow(workspace, count++, row);
  }
  return refill && count < search.residentCapacity ? 0 : count;
}

function nextWaiting(search: LineSearch, workspace: Workspace, row: usize): usize {
  for (let i: i32 = 0; i < search.sampleCount; i++) {
    const sample = changetype<Sample>(search.samples + <usize>search.cursor * offsetof<Sample>());
    search.cursor = (search.cursor + 1) % search.sampleCount;
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
    sample.memory = search.memories + row * search.memoryStride;
    sample.t = 0;
    sample.dt = 0;
    // An abort may collect the sample before its first evaluation.
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

/**
 * Admits waiting samples to free rows, and writes the point to be evaluated next into the latents of each row in use, as
 * float32: z + δt·p for a step of length δt along the direction p, or z if no step is being tried. Returns the number of rows
 * in use, listed in workspace.rows: 0 if no sample is left, and, if `refill` is set, also if a row stays free.
 */
export function propose(search: LineSearch, workspace: Workspace, refill: bool): i32 {
  const count = admit(search, workspace, refill);
  const latents = valueRows(workspace, 0);
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const sample = residentOf(search, row);
    const latent = latents.values + row * latents.stride;
    for (let k: usize = 0; k < <usize>search.latentSize; k++) {
      const z = load<f64>(sample.z + (k << 3));
      // Before a sample's first step the row's direction is the previous sample's: it must not be read, not even times 0.
      const moved = sample.trial < 0 ? z : z + sample.dt * load<f64>(sample.memory + (k << 3));
      store<f32>(latent + (k << 2), <f32>moved);
    }
  }
  return count;
}

/**
 * Returns true if the tried step's objective is finite in float32 and lower than at z by more than the fraction `share` of
 * the decrease that the slope predicts, δt·(-pᵀ∇l): the Armijo condition.
 */
export function isLower(sample: Sample, objective: f64, share: f64): bool {
  return isFinite(<f32>objective) && objective < sample.objective - share * sample.dt * -sample.slope;
}

/**
 * Accepts the step being tried: z ← z + δt·p, with the objective and its terms from the last evaluation. The solver advances t.
 */
export function accept(search: LineSearch, workspace: Workspace, row: usize): void {
  const sample = residentOf(search, row);
  for (let k: usize = 0; k < (<usize>search.latentSize) << 3; k += 8) {
    store<f64>(sample.z + k, load<f64>(sample.z + k) + sample.dt * load<f64>(sample.memory + k));
  }
  sample.acceptedDt = sample.dt;
  takeValue(sample, workspace, row);
  // NaN until the gradient at the new z is computed, in case of an abort before that.
  sample.gradientNormSquared = NaN;
  sample.acceptedSteps++;
}

/** Copies the objective, loss and prior of the sample's row from the last evaluation into the sample. */
export function takeValue(sample: Sample, workspace: Workspace, row: usize): void {
  sample.objective = load<f64>(workspace.objectives + (row << 3));
  sample.loss = load<f64>(workspace.losses + (row << 3));
  sample.prior = load<f64>(workspace.priors + (row << 3));
}

/**
 * Returns true if the expected decrease of the loss is too small for float32 to resolve: a search that finds no lower loss then
 * means convergence.
 */
export function isWithinRounding(sample: Sample, expectedFall: f64): bool {
  return expectedFall < LEAST_FALL * max(abs(sample.objective), sample.initialObjective - sample.objective);
}

/**
 * Ends a sample for which no step lowers the loss: CONVERGED if the expected decrease is within float32's rounding, else
 * STALLED.
 */
export function finishWithoutStep(search: LineSearch, row: usize, expectedFall: f64): void {
  finish(search, row, isWithinRounding(residentOf(search, row), expectedFall) ? CONVERGED : STALLED);
}

/** Ends the sample in a row with a status, and frees the row. */
export function finish(search: LineSearch, row: usize, status: i32): void {
  const sample = residentOf(search, row);
  sample.status = status;
  sample.state = DONE;
  store<usize>(search.residents + (row << 2), 0);
}

/** Writes resident row number `row` as element `index` of workspace.rows, the list of the rows that the next pass computes. */
export function listRow(workspace: Workspace, index: i32, row: usize): void {
  store<i32>(workspace.rows + ((<usize>index) << 2), <i32>row);
}

/** Returns the sample in resident row number `row`; the row must be in use. */
export function residentOf(search: LineSearch, row: usize): Sample {
  return changetype<Sample>(load<usize>(search.residents + (row << 2)));
}
