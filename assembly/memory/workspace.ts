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
  /**
   * ∂loss/∂values. After the backward pass of an activation that works in place: the gradient for the activation's input.
   */
  gradients: usize; // 8
  // The rows below are for tangents, and 0 where a call takes none.
  /** Directional derivatives of `values` and of `gradients` along the tangent direction. */
  tangents: usize; // 12
  gradientTangents: usize; // 16
}

/** Fields of ValueRows, as offsets: a pass takes one as its argument `field` to read and write those rows. */
export const VALUES: usize = 4;
export const GRADIENTS: usize = 8;
export const TANGENTS: usize = 12;
export const GRADIENT_TANGENTS: usize = 16;

/** Returns the pointer to a value's rows for `field`: VALUES, GRADIENTS, TANGENTS or GRADIENT_TANGENTS. */
export function rowsOf(value: ValueRows, field: usize): usize {
  return load<usize>(changetype<usize>(value) + field);
}

/** Rows that the forward pass of a norm keeps for its backward pass. */
@unmanaged
export class NormRows {
  /** f32[R][stride of the norm's output]: (x - mean)/√(variance + ε). */
  units: usize; // 0
  /** f32[R][sets]: 1/√(variance + ε). */
  scales: usize; // 4
  // For tangents, and 0 where a call takes none: the derivatives of `units`.
  unitTangents: usize; // 8
}

/** Copies of a softmax's output and of its tangents, kept because a later operation may overwrite the value in place. */
@unmanaged
export class SoftmaxRows {
  outputs: usize; // 0
  /** 0 in workspaces without tangents. */
  outputTangents: usize; // 4
}

/** Rows that the forward pass of an activation keeps for its backward pass, each as long as the activation's value. */
@unmanaged
export class ActivationRows {
  /** f'(x) at the activation's input x. */
  slopes: usize; // 0
  // The rows below are for tangents, and 0 where a call takes none.
  /** f''(x) at the activation's input x. */
  curvatures: usize; // 4
  /** ∂loss/∂f(x), kept for the tangent pass. */
  outputGradients: usize; // 8
  /** f''(x)·ẋ·∂loss/∂f(x): the share of the gradient's tangent that comes from the change of f'. */
  bends: usize; // 12
}

@unmanaged
export class Workspace {
  /** ValueRows[values of the graph]; the first is the latents'. */
  values: usize; // 0
  /**
   * usize[operationCount]: pointers to the struct that each operation keeps, NormRows say; 0 for kinds that keep nothing.
   */
  kept: usize; // 4
  /** i32[R]: indices of the rows that the next pass computes. */
  rows: usize; // 8
  /** usize[R] each: scratch for the pointers of a product, to the rows it reads and to those it writes. */
  sources: usize; // 12
  destinations: usize; // 16
  /** usize[R] each: pointers to each row's data y, and to its weights w; 0 without weights. */
  targets: usize; // 20
  weights: usize; // 24
  /** f64[R]: factor of each row's sum of element losses: 1/n, 1/Σw or 1. */
  scales: usize; // 28
  /** f64[R]: each row's loss after a value pass. */
  losses: usize; // 32
  /** Loss: a constant of terms/loss.ts. */
  loss: i32; // 36
  /** usize[R]: pointers to the fixed inputs of each row's sample, one after the other. */
  fixed: usize; // 40
  /** Pointer to a Prior of terms/prior.ts; 0 without a prior. */
  prior: usize; // 44
  /** f64[R]: factor of the prior in each row's objective, 1/N. */
  priorScales: usize; // 48
  /** 1 if the loss is computed from the logits and includes the output activation; else 0. */
  takesLogits: i32; // 52
  /** f64[R] each, after a value pass: weight · prior(z) in nats, 0 without a prior; and the objective, loss + prior/N. */
  priors: usize; // 56
  objectives: usize; // 60
}

/** Sums of the parameters' gradients over the rows of a mini-batch, with scratch memory. */
@unmanaged
export class ParameterGradient {
  /** WeightGradient[operationCount]; entries of operations without parameters are undefined. */
  operations: usize; // 0
  /** f32[widest output][R]: scratch, the rows' output gradients, transposed. */
  columns: usize; // 4
  /** f32[⌈widest input / 8⌉][R][8]: scratch, the rows' inputs packed as panels. */
  panels: usize; // 8
  /** usize[widest output] each: scratch, pointers to the rows that a product reads and to those it writes. */
  sources: usize; // 12
  destinations: usize; // 16
  /**
   * f32[taps][outputs][inputs padded to a multiple of 8]: scratch for the sums of one convolution; 0 in graphs without one.
   */
  taps: usize; // 20
}

/** Gradient of the weight and the bias of one operation. */
@unmanaged
export class WeightGradient {
  /** Weight's gradient in PyTorch's order; rows, over all axes but the first, are padded to a multiple of 8 floats. */
  weight: usize; // 0
  bias: usize; // 4
}

/** Jacobians of the decoder, and memory for Gauss-Newton matrices JᵀWJ. */
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
  /** Rows of tangents, `tangentsAtOnce` for each slot of Graph.slots: as wide as the widest value, `stride` bytes apart. */
  tangents: usize; // 28
  slotSize: usize; // 32
  stride: usize; // 36
  /** f32[n], padded: diagonal of W, the second derivatives of a row's loss for its logits. */
  curvatures: usize; // 40
  /** f32[⌈d / 8⌉][n][8]: W·J packed as panels. */
  panels: usize; // 44
  /** usize[max(d, tangentsAtOnce)] each: scratch, pointers to the rows that a product reads and to those it writes. */
  sources: usize; // 48
  destinations: usize; // 52
}

export function valueRows(workspace: Workspace, value: i32): ValueRows {
  return changetype<ValueRows>(workspace.values + <usize>value * offsetof<ValueRows>());
}

/** Returns the struct that operation `index` keeps for its backward pass, by its kind; or 0. */
export function keptBy(workspace: Workspace, index: i32): usize {
  return load<usize>(workspace.kept + ((<usize>index) << 2));
}

/** Returns the weight and bias gradients of operation `index`. */
export function gradientOf(sums: ParameterGradient, index: i32): WeightGradient {
  return changetype<WeightGradient>(sums.operations + <usize>index * offsetof<WeightGradient>());
}

/** Returns the pointer to the first row of a value's tangents. */
export function tangentsOf(graph: Graph, work: GaussNewton, value: i32): usize {
  return work.tangents + <usize>load<i32>(graph.slots + ((<usize>value) << 2)) * work.slotSize;
}

export function rowAt(rows: usize, index: i32): usize {
  return <usize>load<i32>(rows + ((<usize>index) << 2));
}

/** Writes pointers to chosen rows of a block into usize[count] at `pointers`; the row indices are i32[count]. */
export function collect(pointers: usize, block: usize, stride: usize, rows: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    store<usize>(pointers + ((<usize>i) << 2), block + rowAt(rows, i) * stride);
  }
}

/** Writes pointers to `count` consecutive rows. */
export function point(pointers: usize, rows: usize, stride: usize, count: i32): void {
  for (let r: i32 = 0; r < count; r++, rows += stride) store<usize>(pointers + ((<usize>r) << 2), rows);
}
