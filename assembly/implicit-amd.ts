import { dot, factorise, solveFactorised } from "./cholesky";
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
  residentOf,
  Sample,
  shrink,
} from "./descent";
import { gaussNewton } from "./gauss-newton";
import { Batch, GaussNewton, Plan } from "./plan";

/**
 * Implicit AMD as one loop over the resident rows. The same solver for any backend, and what there is to say about
 * it, is src/solver/implicit-amd.ts; the two agree bit for bit.
 *
 * Of each sample it keeps f64[d]: Δz, the step being tried; f64[d]: g, the gradient at z; f64[d][d]: its matrix, of
 * which only the lower triangle and the diagonal are used.
 */
@unmanaged
export class ImplicitAmd extends Descent {
  explicitSteps: i32; // 64
  matrixSteps: i32; // 68
  slope: f64; // 72
  leastDamping: f64; // 80
  leastSecantCurvature: f64; // 88
  gaussNewton: usize; // 96
  /** f64[d][d], and f64[d]: scratch */
  factor: usize; // 100
  vector: usize; // 104
}

/** A matrix of zeros: the step is explicit. */
const EXPLICIT: i32 = -2;
/** A new matrix has to be made before the next step. */
const DUE: i32 = -1;

/** As `amdRun`. A matrix takes d row passes; between two of them a slice may end. */
export function implicitAmdRun(
  solver: ImplicitAmd,
  plan: Plan,
  batch: Batch,
  maxPasses: i32,
  refill: bool,
): i32 {
  let passes: i32 = 0;
  do {
    const count = admit(solver, batch, refill);
    if (count === 0) break;
    passes += makeMatrices(solver, plan, batch, count, maxPasses - passes);
    if (passes >= maxPasses) break;
    const tried = prepareTrials(solver, batch, count);
    value(plan, batch, tried);
    const accepted = takeSteps(solver, batch, judge(solver, batch, tried));
    gradient(plan, batch, accepted);
    startSteps(solver, batch, accepted);
    passes += tried + accepted;
  } while (passes < maxPasses);
  return passes;
}

/** Makes the matrices that are due, one after the other while there are passes left; returns those spent. */
function makeMatrices(solver: ImplicitAmd, plan: Plan, batch: Batch, count: i32, maxPasses: i32): i32 {
  const work = changetype<GaussNewton>(solver.gaussNewton);
  const d = solver.latentSize;
  let passes: i32 = 0;
  for (let i: i32 = 0; i < count && passes < maxPasses; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(solver, row);
    if (sample.matrixAge !== DUE) continue;
    gaussNewton(plan, batch, work, row);
    let to = matrixOf(solver, sample);
    for (let r: i32 = 0; r < d; r++) {
      const from = work.matrix + <usize>r * work.matrixStride;
      for (let k: usize = 0; k < <usize>d; k++, to += 8) store<f64>(to, load<f32>(from + (k << 2)));
    }
    // Beyond doubt positive definite, however its float32 numbers were rounded.
    addToDiagonal(matrixOf(solver, sample), d, leastDamping(solver, sample));
    sample.matrixAge = 0;
    sample.matrixEvaluations++;
    passes += d;
  }
  return passes;
}

/** The latents z + Δz of the rows in use, z0 itself the first time. Lists the rows that have one; returns how many. */
function prepareTrials(solver: ImplicitAmd, batch: Batch, count: i32): i32 {
  const latents = rowsOf(batch, 0);
  let tried: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(solver, row);
    const first = sample.trial < 0;
    if (!first) {
      const expected = solveStep(solver, sample, dampingOf(sample), sample.memory);
      if (!(expected >= 0)) {
        shrink(solver, row);
        continue;
      }
      sample.required = solver.slope * expected;
      if (sample.matrixAge >= 0 && expected < solver.tolerance && isAtRest(solver, sample)) {
        finish(solver, row, CONVERGED);
        continue;
      }
    }
    const latent = latents.outputs + row * latents.stride;
    for (let k: usize = 0; k < <usize>solver.latentSize; k++) {
      const z = load<f64>(sample.z + (k << 3));
      const moved = first ? z : z + load<f64>(sample.memory + (k << 3));
      store<f32>(latent + (k << 2), <f32>moved);
    }
    listRow(batch, tried++, row);
  }
  return tried;
}

/** Of a step that promises less than the tolerance: do longer ones too, or have they been tried? */
function isAtRest(solver: ImplicitAmd, sample: Sample): bool {
  if (sample.trial > 0) return true;
  const most = solveStep(solver, sample, leastDamping(solver, sample), solver.vector);
  return most >= 0 && most < solver.tolerance;
}

/**
 * step = -(M + damping·I)⁻¹ g; returns the decrease of the loss that the quadratic model expects of it,
 * gᵀ(M + damping·I)⁻¹g / 2, or NaN where the matrix has no Cholesky factor.
 */
function solveStep(solver: ImplicitAmd, sample: Sample, damping: f64, step: usize): f64 {
  const d = solver.latentSize;
  const end = (<usize>d) << 3;
  const gradient = gradientOf(solver, sample);
  memory.copy(solver.factor, matrixOf(solver, sample), end * d);
  addToDiagonal(solver.factor, d, damping);
  if (!factorise(solver.factor, d)) return NaN;
  for (let k: usize = 0; k < end; k += 8) store<f64>(step + k, -load<f64>(gradient + k));
  solveFactorised(solver.factor, d, step);
  return -0.5 * dot(gradient, step, d);
}

/** Takes the steps of the rows listed. Lists those whose gradient is needed and returns their number. */
function takeSteps(solver: ImplicitAmd, batch: Batch, count: i32): i32 {
  let goOn: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(solver, row);
    if (sample.trial >= 0) {
      for (let k: usize = 0; k < (<usize>solver.latentSize) << 3; k += 8) {
        store<f64>(sample.z + k, load<f64>(sample.z + k) + load<f64>(sample.memory + k));
      }
      sample.t += sample.dt;
      sample.loss = load<f64>(batch.losses + (row << 3));
      sample.acceptedSteps++;
      if (sample.acceptedSteps >= solver.maxSteps) {
        finish(solver, row, MAX_STEPS);
        continue;
      }
    }
    listRow(batch, goOn++, row);
  }
  return goOn;
}

/** Takes up the new gradients: what they say of the matrix, and the length of the next step. */
function startSteps(solver: ImplicitAmd, batch: Batch, count: i32): void {
  const latents = rowsOf(batch, 0);
  const d = solver.latentSize;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(batch.rows, i);
    const sample = residentOf(solver, row);
    const gradient = gradientOf(solver, sample);
    const newGradient = latents.gradients + row * latents.stride;
    if (sample.trial < 0) {
      sample.matrixAge = EXPLICIT;
      sample.dt = solver.stepInit;
      memory.fill(matrixOf(solver, sample), 0, (<usize>(d * d)) << 3);
    } else {
      if (sample.matrixAge >= 0) {
        learnCurvature(solver, sample, newGradient);
        sample.matrixAge++;
      }
      sample.dt = min(sample.dt * solver.increaseFactor, 1 / leastDamping(solver, sample));
    }
    if (
      sample.matrixAge < 0
        ? sample.acceptedSteps >= solver.explicitSteps
        : sample.matrixAge >= solver.matrixSteps
    ) {
      sample.matrixAge = DUE;
    }
    for (let k: usize = 0; k < <usize>d; k++)
      store<f64>(gradient + (k << 3), load<f32>(newGradient + (k << 2)));
    sample.gradientEvaluations++;
    sample.trial = 0;
    const normSquared = dot(gradient, gradient, d);
    if (!isFinite(normSquared)) finish(solver, row, NONFINITE);
    else if (normSquared === 0) finish(solver, row, CONVERGED);
  }
}

/**
 * The secant (BFGS) update: the matrix is made to send Δz, the step just taken, to the change of the gradient that
 * it has brought. What it sent it to before is known from the step's own equation, M·Δz = -g - Δz/δt.
 */
function learnCurvature(solver: ImplicitAmd, sample: Sample, newGradient: usize): void {
  const d = <usize>solver.latentSize;
  const step = sample.memory;
  const gradient = gradientOf(solver, sample);
  const damping = dampingOf(sample);
  const expected = solver.vector;
  const change = solver.factor;
  for (let k: usize = 0; k < d; k++) {
    const at = k << 3;
    const g = load<f64>(gradient + at);
    store<f64>(expected + at, -g - damping * load<f64>(step + at));
    store<f64>(change + at, load<f32>(newGradient + (k << 2)) - g);
  }
  const before = dot(step, expected, solver.latentSize);
  const after = dot(step, change, solver.latentSize);
  // Where the loss bends downwards, or by next to nothing, no positive definite matrix can say so.
  if (!(before > 0 && after > solver.leastSecantCurvature * before)) return;
  let row = matrixOf(solver, sample);
  for (let i: usize = 0; i < d; i++, row += d << 3) {
    const ci = load<f64>(change + (i << 3)) / after;
    const ei = load<f64>(expected + (i << 3)) / before;
    for (let k: usize = 0; k <= i << 3; k += 8) {
      const bend = ci * load<f64>(change + k) - ei * load<f64>(expected + k);
      store<f64>(row + k, load<f64>(row + k) + bend);
    }
  }
}

function dampingOf(sample: Sample): f64 {
  return 1 / sample.dt;
}

function addToDiagonal(matrix: usize, d: i32, value: f64): void {
  const end = (<usize>(d * d)) << 3;
  for (let k: usize = 0; k < end; k += ((<usize>d) << 3) + 8)
    store<f64>(matrix + k, load<f64>(matrix + k) + value);
}

/** The least that 1/δt becomes, which must not vanish beside the matrix's rounding: a share of its trace. */
function leastDamping(solver: ImplicitAmd, sample: Sample): f64 {
  const d = <usize>solver.latentSize;
  const matrix = matrixOf(solver, sample);
  let sum: f64 = 0;
  for (let k: usize = 0; k < d * d; k += d + 1) sum += load<f64>(matrix + (k << 3));
  return solver.leastDamping * sum;
}

function gradientOf(solver: ImplicitAmd, sample: Sample): usize {
  return sample.memory + ((<usize>solver.latentSize) << 3);
}

function matrixOf(solver: ImplicitAmd, sample: Sample): usize {
  return sample.memory + ((<usize>solver.latentSize) << 4);
}
