import { type ActivationName, activations } from "../graph/activation.ts";
import { POINTWISE_PARAMETERS, type PointwiseName } from "../graph/pointwise.ts";
import type { Loss } from "../terms/losses.ts";
import { type FieldValues, Struct } from "./struct.ts";

// The structs of assembly/memory and of the solvers, assembly/solve/descent.ts and what extends it, where their fields are explained.

export const Graph = new Struct({
  operationCount: "i32",
  operations: "usize",
  logitOperations: "i32",
  latentSize: "i32",
  outputSize: "i32",
  output: "i32",
  zeros: "usize",
  pixelSources: "usize",
  pixelDestinations: "usize",
  pixels: "usize",
  pixelPlaces: "usize",
  columns: "usize",
  slots: "usize",
});

const operation = { kind: "i32", input: "i32", output: "i32" } as const;

export const Operation = new Struct(operation);

export const DenseOperation = new Struct({
  ...operation,
  inputSize: "i32",
  outputSize: "i32",
  panels: "usize",
  transposedPanels: "usize",
  bias: "usize",
});

export const ConvolutionOperation = new Struct({
  ...operation,
  groups: "i32",
  inputChannels: "i32",
  outputChannels: "i32",
  taps: "i32",
  outputPixels: "i32",
  isTransposed: "i32",
  forward: "usize",
  backward: "usize",
  panels: "usize",
  transposedPanels: "usize",
  bias: "usize",
  forwardColumns: "usize",
  backwardColumns: "usize",
  inputPixels: "i32",
});

export const PixelTaps = new Struct({ setCount: "i32", sets: "usize" });

export const PixelSet = new Struct({
  pixelCount: "i32",
  destinations: "usize",
  sources: "usize",
  taps: "usize",
  tapsEnd: "usize",
  pixels: "usize",
});

export const Tap = new Struct({ move: "i32", panels: "i32", offset: "i32", index: "i32", pixels: "i32" });

export const ActivationOperation = new Struct({
  ...operation,
  size: "i32",
  activation: "i32",
  parameter: "f32",
  otherParameter: "f32",
});

export const ForkOperation = new Struct({
  ...operation,
  size: "i32",
  branchCount: "i32",
  branches: "usize",
  areCopies: "usize",
});

export const MapOperation = new Struct({
  ...operation,
  accumulates: "i32",
  forward: "usize",
  backward: "usize",
});

export const SparseMatrix = new Struct({
  width: "i32",
  blockCount: "i32",
  destinations: "usize",
  starts: "usize",
  sources: "usize",
  weights: "usize",
});

export const ProductOperation = new Struct({ ...operation, size: "i32", other: "i32" });

export const ExtremumOperation = new Struct({
  ...operation,
  size: "i32",
  other: "i32",
  isMinimum: "i32",
});

export const SelectionOperation = new Struct({
  ...operation,
  size: "i32",
  other: "i32",
  otherwise: "i32",
});

export const NormOperation = new Struct({
  ...operation,
  sets: "i32",
  beside: "i32",
  setStride: "i32",
  runs: "i32",
  runStride: "i32",
  width: "i32",
  hasMean: "i32",
  epsilon: "f32",
  parameterSize: "i32",
  weight: "usize",
  bias: "usize",
});

export const AffineOperation = new Struct({
  ...operation,
  pixels: "i32",
  channels: "i32",
  weight: "usize",
  bias: "usize",
});

export const SoftmaxOperation = new Struct({ ...operation, pixels: "i32", channels: "i32" });

export const MatmulOperation = new Struct({
  ...operation,
  other: "i32",
  count: "i32",
  rows: "i32",
  inner: "i32",
  columns: "i32",
  isTransposed: "i32",
});

export const ConstantOperation = new Struct({ ...operation, size: "i32", weight: "usize" });

export const EmbeddingOperation = new Struct({
  ...operation,
  count: "i32",
  classes: "i32",
  units: "i32",
  table: "usize",
});

export const FixedOperation = new Struct({ ...operation, size: "i32", offset: "i32" });

export const ValueRows = new Struct({
  stride: "usize",
  values: "usize",
  gradients: "usize",
  tangents: "usize",
  gradientTangents: "usize",
});

export const ActivationRows = new Struct({
  slopes: "usize",
  curvatures: "usize",
  outputGradients: "usize",
  bends: "usize",
});

export const NormRows = new Struct({ units: "usize", scales: "usize", unitTangents: "usize" });

export const SoftmaxRows = new Struct({ outputs: "usize", outputTangents: "usize" });

export const Workspace = new Struct({
  values: "usize",
  kept: "usize",
  rows: "usize",
  sources: "usize",
  destinations: "usize",
  targets: "usize",
  weights: "usize",
  scales: "usize",
  losses: "usize",
  loss: "i32",
  fixed: "usize",
  prior: "usize",
  priorScales: "usize",
  takesLogits: "i32",
  priors: "usize",
  objectives: "usize",
});

export const Prior = new Struct({
  latentSize: "i32",
  components: "i32",
  isFull: "i32",
  means: "usize",
  precisions: "usize",
  constants: "usize",
  pulls: "usize",
  responsibilities: "usize",
  vector: "usize",
  weight: "f64",
});

export const ParameterGradient = new Struct({
  operations: "usize",
  columns: "usize",
  panels: "usize",
  sources: "usize",
  destinations: "usize",
  taps: "usize",
});

export const WeightGradient = new Struct({ weight: "usize", bias: "usize" });

export const GaussNewton = new Struct({
  matrix: "usize",
  matrixStride: "usize",
  jacobian: "usize",
  ownJacobian: "usize",
  jacobianStride: "usize",
  jacobianPanels: "usize",
  tangentsAtOnce: "i32",
  tangents: "usize",
  slotSize: "usize",
  stride: "usize",
  curvatures: "usize",
  panels: "usize",
  sources: "usize",
  destinations: "usize",
});

export const Sample = new Struct({
  state: "i32",
  status: "i32",
  acceptedSteps: "i32",
  backtracks: "i32",
  valueEvaluations: "i32",
  gradientEvaluations: "i32",
  matrixEvaluations: "i32",
  trial: "i32",
  ending: "i32",
  request: "i32",
  target: "usize",
  weights: "usize",
  z: "usize",
  memory: "usize",
  fixed: "usize",
  scale: "f64",
  curvatureScale: "f64",
  t: "f64",
  step: "f64",
  dt: "f64",
  acceptedDt: "f64",
  slope: "f64",
  objective: "f64",
  initialObjective: "f64",
  gradientNormSquared: "f64",
  priorScale: "f64",
  remainingFall: "f64",
  loss: "f64",
  initialLoss: "f64",
  prior: "f64",
});

const descent = {
  solver: "i32",
  samples: "usize",
  sampleCount: "i32",
  residents: "usize",
  residentCapacity: "i32",
  latentSize: "i32",
  cursor: "i32",
  maxSteps: "i32",
  memories: "usize",
  memoryStride: "usize",
  hasCurvature: "i32",
  accepted: "i32",
  requests: "i32",
  answered: "i32",
  slope: "f64",
  tolerance: "f64",
} as const;

export const Descent = new Struct(descent);

/** Struct fields common to all solvers. */
export type DescentFields = FieldValues<typeof descent>;

export const Amd = new Struct({
  ...descent,
  maxBacktracks: "i32",
  window: "i32",
  growFromTrial: "i32",
  t1: "f64",
  stepInit: "f64",
  stepMax: "f64",
  increaseFactor: "f64",
  decreaseFactor: "f64",
  settleTime: "f64",
});

export const Lbfgs = new Struct({
  ...descent,
  pairs: "i32",
  firstMatrix: "i32",
  lastRefresh: "i32",
  makesOwn: "i32",
  factors: "usize",
  matrix: "usize",
  factor: "usize",
  vector: "usize",
  otherVector: "usize",
  changes: "usize",
  damping: "f64",
});

export const LbfgsState = new Struct({
  pairs: "i32",
  newest: "i32",
  spent: "i32",
  isOwn: "i32",
  hasMatrix: "i32",
  foundFinite: "i32",
  foundNonfinite: "i32",
  look: "i32",
  contrary: "i32",
  search: "i32",
  wasProbed: "i32",
  factor: "usize",
  inverseScale: "f64",
  damping: "f64",
  fall: "f64",
  threshold: "f64",
  riseShare: "f64",
  bestDt: "f64",
  bestFall: "f64",
  promise: "f64",
  keptPairs: "i32",
  lambda: "i32",
});

/** The solvers whose steps are in assembly, constants of assembly/solve/descent.ts. */
export const SOLVER_CODES = { amd: 0, lbfgs: 1 } as const;

/** Requests of samples before their next step, constants of assembly/solve/descent.ts. */
export const Request = { curvatureAlongGradient: 1, sharedJacobianMatrix: 2, ownMatrix: 3 } as const;

/** Value of a sample's `trial` before its value at z0 is known, a constant of assembly/solve/descent.ts. */
export const FIRST_TRIAL = -1;

/** Number of factors of the decoder's own matrix: one for each λ of assembly/solve/lbfgs-preconditioner.ts. */
export const DAMPING_COUNT = 5;

/** Number of newest steps by which the damping is chosen; a constant of assembly/solve/lbfgs-preconditioner.ts. */
export const FITTED_PAIRS = 5;
/** Count of numbers kept of each fitted pair; a constant of assembly/solve/lbfgs-preconditioner.ts. */
export const NUMBERS_OF_FIT = 8;
/** Number of factors, or vectors, that are interleaved; a constant of assembly/solve/cholesky.ts. */
export const FACTORS_AT_ONCE = 6;

/** Returns the count of numbers in the packed lower triangle of a d × d matrix, see assembly/solve/cholesky.ts. */
export function packedSize(d: number): number {
  return (d * (d + 1)) / 2;
}

/** The states of a staged sample, constants of assembly/solve/descent.ts. */
export const SampleState = { empty: 0, waiting: 1, running: 2, done: 3 } as const;

/** Kinds of kernel operations by number: constants of assembly/memory/graph.ts. */
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

/** The number of `linear`, a constant of assembly/ops/pointwise-functions.ts. */
const FIRST_POINTWISE = 16;

/**
 * Functions by number: constants of assembly/ops/activation-functions.ts and pointwise-functions.ts, in the order of the
 * tables of src/graph/. The identity has none, as the kernels do not compute it.
 */
export const FUNCTION_CODES = /* @__PURE__ */ Object.fromEntries([
  ...Object.keys(activations).map((name, i) => [name, i] as const),
  ...Object.keys(POINTWISE_PARAMETERS).map((name, i) => [name, FIRST_POINTWISE + i] as const),
]) as Readonly<Record<ActivationName | PointwiseName, number>>;

/** Losses by number: constants of assembly/terms/loss.ts. */
export const LOSS_CODES: Record<Loss["name"], number> = {
  binaryCrossEntropy: 0,
  squaredError: 1,
  custom: 2,
};

/** Pixels multiplied by each panel of a convolution before the next; a constant of assembly/memory/graph.ts. */
export const PIXELS_AT_ONCE = 96;

/** Width of the register tiles in floats, two vectors: rows and panels are padded to a multiple of it. */
const TILE_WIDTH = 8;

/** Returns `size` rounded up to a multiple of TILE_WIDTH: the floats that a row takes. */
export function paddedSize(size: number): number {
  return Math.ceil(size / TILE_WIDTH) * TILE_WIDTH;
}
