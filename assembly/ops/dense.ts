import { DenseOperation, Graph } from "../memory/graph";
import { collect, GaussNewton, point, tangentsOf, valueRows, Workspace } from "../memory/workspace";
import { packPanels } from "./panels";
import { multiply } from "./product";

// output = W·input + bias, for rows. The gradients for W and bias are in dense-parameters.ts.

export function forwardDense(dense: DenseOperation, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  collect(workspace.sources, before.values, before.stride, workspace.rows, count);
  collect(workspace.destinations, after.values, after.stride, workspace.rows, count);
  product(dense, count, workspace.sources, workspace.destinations, dense.bias);
}

export function backwardDense(dense: DenseOperation, graph: Graph, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  collect(workspace.sources, after.gradients, after.stride, workspace.rows, count);
  collect(workspace.destinations, before.gradients, before.stride, workspace.rows, count);
  transposedProduct(dense, count, workspace.sources, workspace.destinations, graph.zeros);
}

export function tangentDense(dense: DenseOperation, graph: Graph, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  collect(workspace.sources, before.tangents, before.stride, workspace.rows, count);
  collect(workspace.destinations, after.tangents, after.stride, workspace.rows, count);
  product(dense, count, workspace.sources, workspace.destinations, graph.zeros);
}

export function tangentBackwardDense(
  dense: DenseOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  collect(workspace.sources, after.gradientTangents, after.stride, workspace.rows, count);
  collect(workspace.destinations, before.gradientTangents, before.stride, workspace.rows, count);
  transposedProduct(dense, count, workspace.sources, workspace.destinations, graph.zeros);
}

/** See `jacobian` in operation.ts. */
export function jacobianDense(dense: DenseOperation, graph: Graph, work: GaussNewton, count: i32): void {
  point(work.sources, tangentsOf(graph, work, dense.input), work.stride, count);
  point(work.destinations, tangentsOf(graph, work, dense.output), work.stride, count);
  product(dense, count, work.sources, work.destinations, graph.zeros);
}

/** W·rows + bias */
function product(dense: DenseOperation, count: i32, sources: usize, destinations: usize, bias: usize): void {
  const panels = (dense.outputSize + 7) >> 3;
  multiply(count, sources, destinations, dense.panels, bias, dense.inputSize, panels);
}

/** Wᵀ·rows */
function transposedProduct(
  dense: DenseOperation,
  count: i32,
  sources: usize,
  destinations: usize,
  zeros: usize,
): void {
  const panels = (dense.inputSize + 7) >> 3;
  multiply(count, sources, destinations, dense.transposedPanels, zeros, dense.outputSize, panels);
}

/** Fills the panels, in both directions, and the bias from weight [outputSize, inputSize] and bias [outputSize]. */
export function packDense(dense: DenseOperation, parameters: usize, rowAlignment: i32): usize {
  const row = alignedRow(dense.inputSize, rowAlignment);
  const bias = parameters + <usize>dense.outputSize * row;
  packPanels(parameters, dense.outputSize, dense.inputSize, row, 4, dense.panels);
  packPanels(parameters, dense.inputSize, dense.outputSize, 4, row, dense.transposedPanels);
  packPanels(bias, dense.outputSize, 1, 4, 0, dense.bias);
  return bias + alignedRow(dense.outputSize, rowAlignment);
}

/** The bytes of a row of `size` floats. */
function alignedRow(size: i32, alignment: i32): usize {
  return (<usize>(((size + alignment - 1) / alignment) * alignment)) << 2;
}
