import { ConvolutionOperation, Graph, PixelTaps } from "../memory/graph";
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
import { product, productByColumns } from "./pixels";

// Convolutions and transposed ones. The backward product of one is the forward product of the other, with its matrices
// transposed; so there is one pass, over the pixels of either side. The products are in pixels.ts, the
// gradients for the weight and the bias in convolution-parameters.ts, and how they are packed in convolution-panels.ts.

/** Computes the output's VALUES, or its TANGENTS, for which the bias is left out. */
export function forwardConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, rowsOf(before, field), before.stride, workspace.rows, count);
  collect(workspace.destinations, rowsOf(after, field), after.stride, workspace.rows, count);
  const bias = field === VALUES ? operation.bias : 0;
  forwards(operation, graph, workspace.sources, workspace.destinations, count, bias);
}

/** Computes the input's gradients from the output's; `field` is GRADIENTS or GRADIENT_TANGENTS. */
export function backwardConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, rowsOf(after, field), after.stride, workspace.rows, count);
  collect(workspace.destinations, rowsOf(before, field), before.stride, workspace.rows, count);
  backwards(operation, graph, workspace.sources, workspace.destinations, count);
}

/** Carries `count` tangents, rows of Jᵀ, from the slots of the inputs to that of the output. */
export function jacobianConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  work: GaussNewton,
  count: i32,
): void {
  point(work.sources, tangentsOf(graph, work, operation.input), work.stride, count);
  point(work.destinations, tangentsOf(graph, work, operation.output), work.stride, count);
  forwards(operation, graph, work.sources, work.destinations, count, 0);
}

/** Convolves rows of the input into rows of the output; `bias` is 0 for none. */
function forwards(
  operation: ConvolutionOperation,
  graph: Graph,
  sources: usize,
  destinations: usize,
  count: i32,
  bias: usize,
): void {
  const taps = changetype<PixelTaps>(operation.forward);
  const depth = operation.inputChannels;
  const channels = operation.outputChannels;
  if (operation.forwardColumns !== 0) {
    const pixels = operation.inputPixels;
    const columns = operation.forwardColumns;
    productByColumns(
      operation,
      graph,
      taps,
      columns,
      bias,
      depth,
      channels,
      pixels,
      sources,
      destinations,
      count,
    );
    return;
  }
  product(operation, graph, taps, operation.panels, bias, depth, channels, sources, destinations, count);
}

/** Computes rows of the input's gradients from rows of the output's gradients. */
function backwards(
  operation: ConvolutionOperation,
  graph: Graph,
  sources: usize,
  destinations: usize,
  count: i32,
): void {
  const taps = changetype<PixelTaps>(operation.backward);
  const panels = operation.transposedPanels;
  const depth = operation.outputChannels;
  const channels = operation.inputChannels;
  if (operation.backwardColumns !== 0) {
    const pixels = operation.outputPixels;
    const columns = operation.backwardColumns;
    productByColumns(
      operation,
      graph,
      taps,
      columns,
      0,
      depth,
      channels,
      pixels,
      sources,
      destinations,
      count,
    );
    return;
  }
  product(operation, graph, taps, panels, 0, depth, channels, sources, destinations, count);
}
