import { Graph } from "./graph";

/**
 * The resident rows of one call, sized once for a graph, R rows and S staged samples.
 *
 *   ┌───────────┬─────────────┬──────────────────┬──────────────┬─────────────────┐
 *   │ Workspace │ ValueRows…  │ ActivationRows…  │ rows R × …   │ Sample S × y, z │
 *   └───────────┴─────────────┴──────────────────┴──────────────┴─────────────────┘
 *
 * A row is the numbers of one sample at one value of the graph, padded to a multiple of 8 floats and reached by a
 * pointer. src/backend/wasm/workspace.ts writes the structs.
 */

/** The rows of one value. */
@unmanaged
export class ValueRows {
  /** Bytes from one row to the next. */
  stride: usize; // 0
  values: usize; // 4
  /** The loss's gradient for the values; once an activation in place has been passed, for what they were before. */
  gradients: usize; // 8
  // The rows below are for tangents, and 0 where a call takes none.
  /** The derivatives in the tangent's direction: of `values`, and of `gradients`. */
  tangents: usize; // 12
  gradientTangents: usize; // 16
}

/** Rows of a value by their offset in ValueRows: passes that differ only in the rows they read and write take one. */
export const VALUES: usize = 4;
export const GRADIENTS: usize = 8;
export const TANGENTS: usize = 12;
export const GRADIENT_TANGENTS: usize = 16;

/** Pointer to the rows of a value, `field` one of the constants above. */
export function rowsOf(value: ValueRows, field: usize): usize {
  return load<usize>(changetype<usize>(value) + field);
}

/** Rows that a norm keeps for its backward pass. */
@unmanaged
export class NormRows {
  /** Rows of its value's stride: the numbers without their mean, divided by √(variance + ε). */
  units: usize; // 0
  /** f32[R][sets]: 1/√(variance + ε). */
  scales: usize; // 4
  // For tangents, and 0 where a call takes none: the derivatives of `units`.
  unitTangents: usize; // 8
}

/** Rows of its value's stride that a softmax keeps, since a later operation may work in place. */
@unmanaged
export class SoftmaxRows {
  outputs: usize; // 0
  /** 0 where a call takes none. */
  outputTangents: usize; // 4
}

/** Rows of its value's stride that an activation keeps for its backward pass. */
@unmanaged
export class ActivationRows {
  /** f' */
  slopes: usize; // 0
  // The rows below are for tangents, and 0 where a call takes none.
  /** f'' */
  curvatures: usize; // 4
  /** The loss's gradient for f's outputs. */
  outputGradients: usize; // 8
  /** The part of the gradient's tangent that comes from f' changing. */
  bends: usize; // 12
}

@unmanaged
export class Workspace {
  /** ValueRows[values of the graph]; the first is the latents'. */
  values: usize; // 0
  /** usize[operationCount]: pointers to what each operation keeps, by its kind; 0 where it keeps nothing. */
  kept: usize; // 4
  /** i32[R]: the rows that the next pass is for. */
  rows: usize; // 8
  /** usize[R] each: scratch for the pointers of one product. */
  sources: usize; // 12
  destinations: usize; // 16
  /** usize[R]: each row's data y, and its weights w or 0. */
  targets: usize; // 20
  weights: usize; // 24
  /** f64[R]: what each row's sum over elements is multiplied by (1/n, 1/Σw or 1). */
  scales: usize; // 28
  /** f64[R]: each row's loss after a value pass. */
  losses: usize; // 32
  /** A constant of terms/loss.ts. */
  loss: i32; // 36
  /** usize[R]: the fixed inputs of each row's sample, one after the other. */
  fixed: usize; // 40
  /** A Prior of terms/prior.ts, or 0. */
  prior: usize; // 44
  /** f64[R]: what a prior is multiplied by for each row, 1/N. */
  priorScales: usize; // 48
  /** 1 where the output activation is a part of the loss, which then is computed of the logits. */
  takesLogits: i32; // 52
  /** f64[R] each, after a value pass: the prior's value in nats times its weight, 0 without one; and loss + prior/N. */
  priors: usize; // 56
  objectives: usize; // 60
}

/** Sums of the parameters' gradients, and the scratch memory that summing takes. */
@unmanaged
export class ParameterGradient {
  /** WeightGradient[operationCount]; those of operations without parameters are not read. */
  operations: usize; // 0
  /** [widest output][R]: gradients of the rows, transposed. */
  columns: usize; // 4
  /** [⌈widest input / 8⌉][R][8]: inputs of the rows, as panels. */
  panels: usize; // 8
  /** usize[widest output] each: pointers for the product of the two. */
  sources: usize; // 12
  destinations: usize; // 16
  /** The sums of one convolution, [taps][outputs][inputs padded to a multiple of 8]; 0 where there is none. */
  taps: usize; // 20
}

/** The gradient of the parameters of one operation that has a weight and a bias. */
@unmanaged
export class WeightGradient {
  /** In PyTorch's order, rows padded to a multiple of 8 floats: a row is all of the weight's axes but the first. */
  weight: usize; // 0
  bias: usize; // 4
}

/** The decoder's own Jacobian, and room for Gauss-Newton matrices. */
@unmanaged
export class GaussNewton {
  /** f32[d][d], rows padded to a multiple of 8 floats, `matrixStride` bytes apart: lower triangle and diagonal. */
  matrix: usize; // 0
  matrixStride: usize; // 4
  /** f32[d][n], rows `jacobianStride` bytes apart: Jᵀ of the logits at the decoder's start; 0 if no matrix needs it. */
  jacobian: usize; // 8
  /** f32[d][n], laid out as `jacobian`: Jᵀ of the logits at the current z of the row; 0 if no matrix needs it. */
  ownJacobian: usize; // 12
  jacobianStride: usize; // 16
  /** [⌈d / 8⌉][n][8]: `jacobian`, packed as panels. */
  jacobianPanels: usize; // 20
  /** Number of tangents taken through the operations at once. */
  tangentsAtOnce: i32; // 24
  /** Their rows, for each slot of Graph.slots: as wide as the widest value, `stride` bytes apart. */
  tangents: usize; // 28
  slotSize: usize; // 32
  stride: usize; // 36
  /** f32[n], padded: the curvature of a row's loss for its logits. */
  curvatures: usize; // 40
  /** [⌈d / 8⌉][n][8]: the Jacobian times the curvatures, as panels. */
  panels: usize; // 44
  /** usize[max(d, tangentsAtOnce)] each: pointers for one product. */
  sources: usize; // 48
  destinations: usize; // 52
}

export function valueRows(workspace: Workspace, value: i32): ValueRows {
  return changetype<ValueRows>(workspace.values + <usize>value * offsetof<ValueRows>());
}

/** Struct that operation `index` keeps for its backward pass, by its kind; or 0. */
export function keptBy(workspace: Workspace, index: i32): usize {
  return load<usize>(workspace.kept + ((<usize>index) << 2));
}

/** The gradient of the parameters of operation `index`. */
export function gradientOf(sums: ParameterGradient, index: i32): WeightGradient {
  return changetype<WeightGradient>(sums.operations + <usize>index * offsetof<WeightGradient>());
}

/** The first of the tangents of a value. */
export function tangentsOf(graph: Graph, work: GaussNewton, value: i32): usize {
  return work.tangents + <usize>load<i32>(graph.slots + ((<usize>value) << 2)) * work.slotSize;
}

export function rowAt(rows: usize, index: i32): usize {
  return <usize>load<i32>(rows + ((<usize>index) << 2));
}

/** Writes pointers to the chosen rows of a block, row indices i32[count], into usize[count] at `pointers`. */
export function collect(pointers: usize, block: usize, stride: usize, rows: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    store<usize>(pointers + ((<usize>i) << 2), block + rowAt(rows, i) * stride);
  }
}

/** Pointers to `count` rows that lie one after the other. */
export function point(pointers: usize, rows: usize, stride: usize, count: i32): void {
  for (let r: i32 = 0; r < count; r++, rows += stride) store<usize>(pointers + ((<usize>r) << 2), rows);
}
