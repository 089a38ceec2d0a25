import type { LineSearch } from "../../build/wasm/structs.ts";
import { type ActivationName, activations } from "../graph/activation.ts";
import { POINTWISE_PARAMETERS, type PointwiseName } from "../graph/pointwise.ts";
import type { Loss } from "../terms/losses.ts";
import type { FieldsIn } from "./struct.ts";

// The structs' fields are documented where they are declared: in assembly/memory, assembly/terms/prior.ts, and in
// assembly/solve/line-search.ts and the classes that extend it.
export * from "../../build/wasm/structs.ts";

/** Values of the struct fields that all solvers share. */
export type LineSearchFields = FieldsIn<typeof LineSearch>;

/** Codes of the solvers implemented in assembly/, constants of assembly/solve/line-search.ts. */
export const SOLVER_CODES = { amd: 0, lbfgs: 1 } as const;

/** Codes of the evaluations that a sample may request before its next step, constants of assembly/solve/line-search.ts. */
export const Request = { curvatureAlongGradient: 1, sharedJacobianMatrix: 2, ownMatrix: 3 } as const;

/**
 * Value of a sample's `trial` before the objective at the sample's start latent z0 is evaluated; a constant of
 * assembly/solve/line-search.ts.
 */
export const FIRST_TRIAL = -1;

/**
 * Number of dampings λ, and of Cholesky factors of A₀ + λτI, where A₀ is the d × d Gauss-Newton matrix at the decoder's start
 * latent and τ = tr(A₀)/d: length of DAMPINGS in assembly/solve/lbfgs-preconditioner.ts.
 */
export const DAMPING_COUNT = 6;

/**
 * Maximum number of newest L-BFGS pairs by which the damping λ is chosen; a constant of assembly/solve/lbfgs-preconditioner.ts.
 */
export const FITTED_PAIRS = 5;
/**
 * Count of f64 numbers stored for each of the newest L-BFGS pairs while the damping λ is chosen; a constant of
 * assembly/solve/lbfgs-preconditioner.ts.
 */
export const NUMBERS_OF_FIT = 8;
/**
 * Number of Cholesky factors, or vectors, stored interleaved: number k of factor j is at [k][j] of an f64[…][6]. A constant of
 * assembly/solve/cholesky.ts.
 */
export const FACTORS_AT_ONCE = 6;

/** Returns the count of numbers in the packed lower triangle of a d × d matrix, d(d + 1)/2, as in assembly/solve/cholesky.ts. */
export function packedSize(d: number): number {
  return (d * (d + 1)) / 2;
}

/**
 * Codes of the states of a sample whose data are in WASM memory, `empty` for memory that holds no sample at present: values of
 * `Sample.state`, constants of assembly/solve/line-search.ts.
 */
export const SampleState = { empty: 0, waiting: 1, running: 2, done: 3 } as const;

/** Codes of the kinds of kernel operations: values of `Operation.kind`, constants of assembly/memory/graph.ts. */
export const KERNEL_CODES = {
  dense: 0,
  activation: 1,
  convolution: 2,
  fork: 3,
  map: 4,
  product: 5,
  norm: 6,
  affine: 7,
  softmax: 8,
  matmul: 9,
  constant: 10,
  embedding: 11,
  fixed: 12,
  extremum: 13,
  selection: 14,
} as const;

/** Code of the function `linear`, the first of assembly/ops/pointwise-functions.ts. */
const FIRST_POINTWISE = 16;

/**
 * Codes of functions: constants of assembly/ops/activation-functions.ts and pointwise-functions.ts, in the order of the
 * tables of src/graph/. The identity has no code, as the kernels do not compute it.
 */
export const FUNCTION_CODES = /* @__PURE__ */ Object.fromEntries([
  ...Object.keys(activations).map((name, i) => [name, i] as const),
  ...Object.keys(POINTWISE_PARAMETERS).map((name, i) => [name, FIRST_POINTWISE + i] as const),
]) as Readonly<Record<ActivationName | PointwiseName, number>>;

/** Codes of the losses, constants of assembly/terms/loss.ts. */
export const LOSS_CODES: Record<Loss["name"], number> = {
  binaryCrossEntropy: 0,
  squaredError: 1,
  custom: 2,
};

/**
 * Number of pixels that are multiplied by one panel (packed block of 8 columns) of a convolution's weight before the next panel
 * is used; a constant of assembly/memory/graph.ts.
 */
export const PIXELS_AT_ONCE = 96;

/** Columns of a panel (packed block of a matrix). Rows of values are padded to a multiple of it, in floats. */
const PANEL_WIDTH = 8;

/** Returns the number of floats that a row of `size` values occupies: `size` rounded up to a multiple of PANEL_WIDTH. */
export function paddedSize(size: number): number {
  return Math.ceil(size / PANEL_WIDTH) * PANEL_WIDTH;
}
