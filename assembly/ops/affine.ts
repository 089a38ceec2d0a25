import { AffineOperation, Graph } from "../memory/graph";
import {
  GaussNewton,
  GRADIENTS,
  gradientOf,
  ParameterGradient,
  rowAt,
  rowsOf,
  tangentsOf,
  VALUES,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { addProducts, addRow, copyStored } from "./rows";

// Scale and shift of channels: output = weight · input + bias.

/** Computes y = weight·x + bias by channel for `count` rows; if `field` is TANGENTS, ẏ = weight·ẋ. */
export function forwardAffine(affine: AffineOperation, workspace: Workspace, count: i32, field: usize): void {
  const before = valueRows(workspace, affine.input);
  const after = valueRows(workspace, affine.output);
  const bias = field === VALUES ? affine.bias : 0;
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    weigh(affine, rowsOf(before, field) + offset, bias, rowsOf(after, field) + offset);
  }
}

/** Computes the input's gradient, g_x = weight·g by channel, for `count` rows; `field` is GRADIENTS or GRADIENT_TANGENTS. */
export function backwardAffine(
  affine: AffineOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, affine.input);
  const after = valueRows(workspace, affine.output);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    weigh(affine, rowsOf(after, field) + offset, 0, rowsOf(before, field) + offset);
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a scale and shift of channels: from the
 * input's rows of work.tangents to the output's.
 */
export function jacobianAffine(affine: AffineOperation, graph: Graph, work: GaussNewton, count: i32): void {
  const from = tangentsOf(graph, work, affine.input);
  const to = tangentsOf(graph, work, affine.output);
  for (let r: usize = 0; r < <usize>count; r++)
    weigh(affine, from + r * work.stride, 0, to + r * work.stride);
}

/**
 * Adds the parameters' gradients over `count` rows: Σ g·x to the weight's and Σ g to the bias's, with x the input and g the
 * output's gradient. If `field` is GRADIENT_TANGENTS, adds Σ ġ·x + g·ẋ and Σ ġ, with the tangents ẋ of x and ġ of g.
 */
export function addAffineGradient(
  affine: AffineOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, affine.input);
  const after = valueRows(workspace, affine.output);
  const into = gradientOf(sums, index);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    const from = rowsOf(after, field) + offset;
    addToWeight(affine, into.weight, from, before.values + offset);
    if (field !== GRADIENTS) {
      addToWeight(affine, into.weight, after.gradients + offset, before.tangents + offset);
    }
    addToBias(affine, into.bias, from);
  }
}

/**
 * Copies the weights and then the biases of a scale and shift of channels from `parameters`, f32[channels] each, into the
 * memory of the operation.
 *
 * @param rowAlignment number of floats to a multiple of which each tensor is padded
 * @param isOwn false to copy nothing
 * @returns pointer behind the tensors read
 */
export function packAffine(
  affine: AffineOperation,
  parameters: usize,
  rowAlignment: i32,
  isOwn: bool,
): usize {
  const behind = copyStored(affine.weight, parameters, affine.channels, rowAlignment, isOwn);
  return copyStored(affine.bias, behind, affine.channels, rowAlignment, isOwn);
}

function weigh(affine: AffineOperation, from: usize, bias: usize, to: usize): void {
  const channels = affine.channels;
  const step = (<usize>channels) << 2;
  for (let pixel: i32 = 0; pixel < affine.pixels; pixel++, from += step, to += step) {
    addProducts(to, from, affine.weight, channels, false);
    if (bias) addRow(to, bias, channels);
  }
}

function addToWeight(affine: AffineOperation, sum: usize, gradients: usize, values: usize): void {
  const step = (<usize>affine.channels) << 2;
  for (let pixel: i32 = 0; pixel < affine.pixels; pixel++, gradients += step, values += step) {
    addProducts(sum, gradients, values, affine.channels, true);
  }
}

function addToBias(affine: AffineOperation, sum: usize, gradients: usize): void {
  const step = (<usize>affine.channels) << 2;
  for (let pixel: i32 = 0; pixel < affine.pixels; pixel++, gradients += step)
    addRow(sum, gradients, affine.channels);
}
