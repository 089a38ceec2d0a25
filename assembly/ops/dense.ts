import { DenseOperation, Graph } from "../memory/graph";
import {
  collect,
  GaussNewton,
  point,
  rowsOf,
  tangentsOf,
  VALUES,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { packPart } from "./panels";
import { multiply } from "./product";
import { alignedRow } from "./rows";

// Fully connected layers, output = W·input + bias, for rows. The gradients for W and bias are in dense-parameters.ts.

/** Computes y = W·x + bias of a fully connected layer for `count` rows; if `field` is TANGENTS, ẏ = W·ẋ. */
export function forwardDense(
  dense: DenseOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  collect(workspace.sources, rowsOf(before, field), before.stride, workspace.rows, count);
  collect(workspace.destinations, rowsOf(after, field), after.stride, workspace.rows, count);
  const bias = field === VALUES ? dense.bias : graph.zeros;
  product(dense, count, workspace.sources, workspace.destinations, bias);
}

/** Computes a fully connected layer's input gradient, g_x = Wᵀ·g, for `count` rows; `field` is GRADIENTS or GRADIENT_TANGENTS. */
export function backwardDense(
  dense: DenseOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  collect(workspace.sources, rowsOf(after, field), after.stride, workspace.rows, count);
  collect(workspace.destinations, rowsOf(before, field), before.stride, workspace.rows, count);
  const panels = (dense.inputSize + 7) >> 3;
  const matrix = dense.transposedPanels;
  multiply(count, workspace.sources, workspace.destinations, matrix, graph.zeros, dense.outputSize, panels);
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a fully connected layer: from the input's
 * rows of work.tangents to the output's.
 */
export function jacobianDense(dense: DenseOperation, graph: Graph, work: GaussNewton, count: i32): void {
  point(work.sources, tangentsOf(graph, work, dense.input), work.stride, count);
  point(work.destinations, tangentsOf(graph, work, dense.output), work.stride, count);
  product(dense, count, work.sources, work.destinations, graph.zeros);
}

/** Computes y = W·x + bias for `count` rows; `sources` and `destinations` are usize[count], pointers to the rows. */
function product(dense: DenseOperation, count: i32, sources: usize, destinations: usize, bias: usize): void {
  const panels = (dense.outputSize + 7) >> 3;
  multiply(count, sources, destinations, dense.panels, bias, dense.inputSize, panels);
}

/**
 * Packs a fully connected layer's weight [outputSize, inputSize], stored at `parameters`, into panels (blocks of 8 columns)
 * for the forward and the backward product, and copies the bias [outputSize] behind it; writes the panels of part number `part`
 * of `parts`. Returns the address of the next operation's parameters.
 *
 * @param rowAlignment number of floats to a multiple of which each row of the stored weight, and the stored bias, is padded
 */
export function packDense(
  dense: DenseOperation,
  parameters: usize,
  rowAlignment: i32,
  part: i32,
  parts: i32,
): usize {
  const inputs = dense.inputSize;
  const outputs = dense.outputSize;
  const row = alignedRow(inputs, rowAlignment);
  const bias = parameters + <usize>outputs * row;
  packPart(parameters, 1, 0, 1, outputs, inputs, row, 4, dense.panels, part, parts);
  packPart(parameters, 1, 0, 1, inputs, outputs, 4, row, dense.transposedPanels, part, parts);
  packPart(bias, 1, 0, 1, outputs, 1, 4, 0, dense.bias, part, parts);
  return bias + alignedRow(outputs, rowAlignment);
}
