import { Graph } from "./graph";

/**
 * Buffers of one call, allocated once for a graph, R resident rows (samples being solved) and S samples whose data are in
 * WASM memory.
 *
 *   ┌───────────┬─────────────┬──────────────────┬──────────────┬──────────────┬─────────────────┐
 *   │ Workspace │ ValueRows…  │ ActivationRows…  │ rows R × …   │ PixelScratch │ Sample S × y, z │
 *   └───────────┴─────────────┴──────────────────┴──────────────┴──────────────┴─────────────────┘
 *
 * A row holds the numbers of one sample at one value of the graph, padded to a multiple of 8 floats and reached by a pointer.
 * src/backend/wasm/workspace.ts writes the structs.
 */

/**
 * Pointers to the rows of one value of the graph, one row for each of the R samples being solved: values, gradients, and the
 * tangents of both.
 */
@unmanaged
export class ValueRows {
  /** Bytes from one row to the next, the same in `values`, `gradients` and their tangents. */
  stride: usize; // 0
  values: usize; // 4
  /**
   * Gradient of the loss for `values`, ∂loss/∂values. After the backward pass of an activation that works in place: the
   * gradient for the activation's input.
   */
  gradients: usize; // 8
  // The two arrays below are 0 in workspaces without tangents.
  /** Directional derivatives of `values` along the tangent direction of the latents. */
  tangents: usize; // 12
  /** Directional derivatives of `gradients` along the tangent direction of the latents. */
  gradientTangents: usize; // 16
}

// Offsets of fields of ValueRows: a pass takes one as its argument `field`, and reads and writes the rows of that field.

/** Offset of ValueRows.values: as an argument `field` it selects the values of a value's rows. */
export const VALUES: usize = 4;
/** Offset of ValueRows.gradients: as an argument `field` it selects the gradients of a value's rows. */
export const GRADIENTS: usize = 8;
/** Offset of ValueRows.tangents: as an argument `field` it selects the tangents of a value's rows. */
export const TANGENTS: usize = 12;
/** Offset of ValueRows.gradientTangents: as an argument `field` it selects the tangents of the gradients of a value's rows. */
export const GRADIENT_TANGENTS: usize = 16;

/** Returns the pointer to the rows of a graph's value for `field`: VALUES, GRADIENTS, TANGENTS or GRADIENT_TANGENTS. */
export function rowsOf(value: ValueRows, field: usize): usize {
  return load<usize>(changetype<usize>(value) + field);
}

/** Rows that the forward and the tangent pass of a norm store for its backward passes. */
@unmanaged
export class NormRows {
  /**
   * Normalised input u = (x - mean)/√(variance + ε): R rows, one for each sample being solved, as long as the norm's output
   * rows.
   */
  units: usize; // 0
  /**
   * f32[R][sets]: 1/√(variance + ε) of each set of numbers that the norm normalises together, in each of the R samples' rows.
   */
  scales: usize; // 4
  // Tangents of `units`, of the same shape; 0 in workspaces without tangents.
  unitTangents: usize; // 8
}

/** Copies of a softmax's output and of its tangents, needed because a later operation may overwrite the value in place. */
@unmanaged
export class SoftmaxRows {
  outputs: usize; // 0
  /** Tangents of `outputs`, of the same shape; 0 in workspaces without tangents. */
  outputTangents: usize; // 4
}

/** Rows that each pass of an activation f stores for the passes after it, each as long as the activation's value. */
@unmanaged
export class ActivationRows {
  /** Derivative f'(x) at the activation's input x. */
  slopes: usize; // 0
  // The three arrays below are 0 in workspaces without tangents.
  /** Second derivative f''(x) at the activation's input x. */
  curvatures: usize; // 4
  /** Gradient for the activation's output, ∂loss/∂f(x), stored for the tangent pass. */
  outputGradients: usize; // 8
  /**
   * f''(x)·ẋ·∂loss/∂f(x) of the activation f, at its input x with tangent ẋ: the term of the gradient's tangent that comes from
   * the change of f' along the tangent direction.
   */
  bends: usize; // 12
}

/**
 * Scratch for the matrix products of convolutions, PIXELS_AT_ONCE pixels at a time: one for each Workspace and each GaussNewton.
 * The arrays are empty in graphs without convolutions.
 */
@unmanaged
export class PixelScratch {
  /** usize[PIXELS_AT_ONCE]: pointers to the pixels that a convolution's product reads. */
  sources: usize; // 0
  /** usize[PIXELS_AT_ONCE]: pointers to the pixels that a convolution's product writes. */
  destinations: usize; // 4
  /**
   * Scratch for convolutions whose channels are not a multiple of 8: f32[PIXELS_AT_ONCE][channels padded to a multiple of 8],
   * where a product writes its padded pixels.
   */
  pixels: usize; // 8
  /** usize[PIXELS_AT_ONCE]: pointers to the padded pixels in `pixels`. */
  places: usize; // 12
  /**
   * Scratch for ConvolutionOperation.forwardColumns and backwardColumns: f32[pixels of one sample][columns padded to a multiple
   * of 8].
   */
  columns: usize; // 16
  /** Graph.zeros: a row of zeros, the bias of products that have none. */
  zeros: usize; // 20
}

/**
 * Buffers of one call of the kernels: pointers to the rows of all values of the graph, to the samples' data, and to the
 * results, for R resident rows (samples being solved).
 */
@unmanaged
export class Workspace {
  /** ValueRows[values of the graph]: pointers to each value's rows; the first is the latents'. */
  values: usize; // 0
  /**
   * usize[operationCount]: pointer to the struct that each operation stores between its passes, such as NormRows; 0 for
   * operations that store nothing.
   */
  kept: usize; // 4
  /** i32[R]: indices of the rows that the next pass computes, of the R resident rows. */
  rows: usize; // 8
  /** Scratch, usize[R]: pointers to the rows that a matrix product reads. */
  sources: usize; // 12
  /** Scratch, usize[R]: pointers to the rows that a matrix product writes. */
  destinations: usize; // 16
  /** usize[R]: pointer to the data y of each row's sample. */
  targets: usize; // 20
  /** usize[R]: pointer to the weights w of each row's sample; 0 without weights. */
  weights: usize; // 24
  /** f64[R]: factor of each row's sum of n element losses: 1/n for a mean, 1/Σw for a mean with weights w, 1 for a sum. */
  scales: usize; // 28
  /** f64[R]: loss of each row, without the prior, written by a value pass. */
  losses: usize; // 32
  /** Loss: one of the constants LOSS_… of terms/loss.ts. */
  loss: i32; // 36
  /** usize[R]: pointer to the fixed inputs of each row's sample, stored one after the other. */
  fixed: usize; // 40
  /** Pointer to a Prior of terms/prior.ts; 0 without a prior. */
  prior: usize; // 44
  /**
   * f64[R]: factor 1/N of the prior in each row's objective, N the divisor of the row's loss: the number of elements for a
   * mean, the sum of weights for a weighted mean, 1 for a sum.
   */
  priorScales: usize; // 48
  /** 1 if the loss is computed from the logits, so that passes end before the output activation; else 0. */
  takesLogits: i32; // 52
  /**
   * f64[R]: prior's value at each row's z, weight times the negative log-density, in nats, written by a value pass; 0 without a
   * prior.
   */
  priors: usize; // 56
  /** f64[R]: objective of each row, loss + prior/N, written by a value pass. */
  objectives: usize; // 60
  /** Pointer to a PixelScratch, for the products of convolutions. */
  scratch: usize; // 64
}

/** Gradients of the loss for the decoder's parameters, summed over the rows of a mini-batch, with scratch memory. */
@unmanaged
export class ParameterGradient {
  /** WeightGradient[operationCount]; the entries of operations without parameters are not initialised. */
  operations: usize; // 0
  /** Scratch, f32[widest output][R]: the rows' output gradients, transposed. */
  columns: usize; // 4
  /** Scratch, f32[⌈widest input / 8⌉][R][8]: the rows' inputs packed as panels, blocks of 8 columns. */
  panels: usize; // 8
  /** Scratch, usize[widest output]: pointers to the rows that a matrix product reads. */
  sources: usize; // 12
  /** Scratch, usize[widest output]: pointers to the rows that a matrix product writes. */
  destinations: usize; // 16
  /**
   * Scratch for the weight gradient of one convolution, f32[taps][outputs][inputs padded to a multiple of 8]; 0 in graphs
   * without convolutions.
   */
  taps: usize; // 20
}

/** Pointers to the gradients for the weight and the bias of one operation. */
@unmanaged
export class WeightGradient {
  /**
   * Gradient for the weight, in PyTorch's layout, except that each row (the elements at one index of the first axis) is padded
   * to a multiple of 8 floats.
   */
  weight: usize; // 0
  bias: usize; // 4
}

/**
 * Memory for Gauss-Newton matrices JᵀWJ of a decoder with d latents and n outputs: J the Jacobian of the logits for the
 * latents, W the loss's second derivatives for the logits.
 */
@unmanaged
export class GaussNewton {
  /**
   * Gauss-Newton matrix: f32[d][d], rows padded to a multiple of 8 floats, `matrixStride` bytes apart; only the lower triangle
   * and the diagonal are valid.
   */
  matrix: usize; // 0
  /** Bytes from one row of `matrix` to the next. */
  matrixStride: usize; // 4
  /**
   * Transposed Jacobian Jᵀ of the n logits for the d latents, at the decoder's start latent: f32[d][n], rows `jacobianStride`
   * bytes apart; 0 if no matrix needs it.
   */
  jacobian: usize; // 8
  /**
   * Pointer to the transposed Jacobian Jᵀ of the n logits for the d latents, at the current z of one row: f32[d][n], laid out as
   * `jacobian`. 0 if no matrix needs it.
   */
  ownJacobian: usize; // 12
  /** Bytes from one row of `jacobian`, or of `ownJacobian`, to the next. */
  jacobianStride: usize; // 16
  /**
   * Transposed Jacobian of the n logits for the d latents at the decoder's start latent, as in `jacobian`, packed as panels
   * (blocks) of 8 latents: f32[⌈d / 8⌉][n][8].
   */
  jacobianPanels: usize; // 20
  /** Number of tangents, rows of the logits' transposed Jacobian, that are propagated through the operations at once. */
  tangentsAtOnce: i32; // 24
  /**
   * Rows of tangents: `tangentsAtOnce` for each block that Graph.slots numbers, each as wide as the widest value, `stride`
   * bytes apart.
   */
  tangents: usize; // 28
  /** Bytes from one block of `tangents` to the next: `tangentsAtOnce` rows of `stride` bytes. */
  slotSize: usize; // 32
  /** Bytes from one row of `tangents` to the next, enough for the widest value of the graph. */
  stride: usize; // 36
  /**
   * Diagonal of W in the Gauss-Newton matrix JᵀWJ, the second derivatives of a row's loss for its n logits: f32[n], padded to a
   * multiple of 8.
   */
  curvatures: usize; // 40
  /**
   * f32[⌈d / 8⌉][n][8]: product W·J in the Gauss-Newton matrix JᵀWJ of d latents and n outputs, packed as panels (blocks) of 8
   * latents.
   */
  panels: usize; // 44
  /** Scratch, usize[max(d, tangentsAtOnce)]: pointers to the rows that a product reads. */
  sources: usize; // 48
  /** Scratch, usize[max(d, tangentsAtOnce)]: pointers to the rows that a product writes. */
  destinations: usize; // 52
  /** Pointer to a PixelScratch, for the products of convolutions. */
  scratch: usize; // 56
}

/** Returns the struct with the pointers to the rows of the graph's value number `value`; number 0 is the latent. */
export function valueRows(workspace: Workspace, value: i32): ValueRows {
  return changetype<ValueRows>(workspace.values + <usize>value * offsetof<ValueRows>());
}

/**
 * Returns the pointer to the struct that operation `index` stores for its backward pass, such as NormRows or ActivationRows; 0
 * if it stores none.
 */
export function keptBy(workspace: Workspace, index: i32): usize {
  return load<usize>(workspace.kept + ((<usize>index) << 2));
}

/** Returns the struct with the pointers to the weight and bias gradients of operation `index`. */
export function gradientOf(sums: ParameterGradient, index: i32): WeightGradient {
  return changetype<WeightGradient>(sums.operations + <usize>index * offsetof<WeightGradient>());
}

/** Returns the pointer to the first of a value's `tangentsAtOnce` rows of tangents. */
export function tangentsOf(graph: Graph, work: GaussNewton, value: i32): usize {
  return work.tangents + <usize>load<i32>(graph.slots + ((<usize>value) << 2)) * work.slotSize;
}

/** Returns element `index` of a list of row indices, i32[], such as Workspace.rows. */
export function rowAt(rows: usize, index: i32): usize {
  return <usize>load<i32>(rows + ((<usize>index) << 2));
}

/**
 * Writes pointers to chosen rows of a block into usize[count] at `pointers`; `rows` points to the row indices, i32[count], and
 * `stride` is the bytes from one row of the block to the next.
 */
export function collect(pointers: usize, block: usize, stride: usize, rows: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    store<usize>(pointers + ((<usize>i) << 2), block + rowAt(rows, i) * stride);
  }
}

/** Writes pointers to `count` consecutive rows, `stride` bytes apart from `rows` on, into usize[count] at `pointers`. */
export function point(pointers: usize, rows: usize, stride: usize, count: i32): void {
  for (let r: i32 = 0; r < count; r++, rows += stride) store<usize>(pointers + ((<usize>r) << 2), rows);
}
