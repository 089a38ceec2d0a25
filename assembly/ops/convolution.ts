import { ConvolutionOperation, Graph, PixelTaps } from "../memory/graph";
import {
  collect,
  GaussNewton,
  PixelScratch,
  point,
  rowsOf,
  tangentsOf,
  VALUES,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { multiplyPixels, multiplyPixelsByColumns } from "./pixels";

// Convolutions and transposed convolutions. The backward product of either is the forward product of the other with its
// matrices transposed, so one pass over pixels serves both. The products are in pixels.ts, the gradients for weight and bias in
// convolution-parameters.ts, the packing in convolution-panels.ts.

/** Convolves `count` rows of the input into the output. `field` is VALUES, or TANGENTS, for which the bias is left out. */
export function forwardConvolution(
  operation: ConvolutionOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, rowsOf(before, field), before.stride, workspace.rows, count);
  collect(workspace.destinations, rowsOf(after, field), after.stride, workspace.rows, count);
  const scratch = changetype<PixelScratch>(workspace.scratch);
  const bias = field === VALUES ? operation.bias : 0;
  forwards(operation, scratch, workspace.sources, workspace.destinations, count, bias);
}

/**
 * Computes a convolution's input gradients from its output gradients, for `count` rows; `field` is GRADIENTS or
 * GRADIENT_TANGENTS.
 */
export function backwardConvolution(
  operation: ConvolutionOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, rowsOf(after, field), after.stride, workspace.rows, count);
  collect(workspace.destinations, rowsOf(before, field), before.stride, workspace.rows, count);
  const scratch = changetype<PixelScratch>(workspace.scratch);
  backwards(operation, scratch, workspace.sources, workspace.destinations, count);
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a convolution: from the input's rows of
 * work.tangents to the output's.
 */
export function jacobianConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  work: GaussNewton,
  count: i32,
): void {
  point(work.sources, tangentsOf(graph, work, operation.input), work.stride, count);
  point(work.destinations, tangentsOf(graph, work, operation.output), work.stride, count);
  const scratch = changetype<PixelScratch>(work.scratch);
  forwards(operation, scratch, work.sources, work.destinations, count, 0);
}

/**
 * Convolves `count` rows of the input into rows of the output; `sources` and `destinations` are usize[count], pointers to the
 * rows, and `bias` is 0 for none.
 */
function forwards(
  operation: ConvolutionOperation,
  scratch: PixelScratch,
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
    multiplyPixelsByColumns(
      operation,
      scratch,
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
  multiplyPixels(
    operation,
    scratch,
    taps,
    operation.panels,
    bias,
    depth,
    channels,
    sources,
    destinations,
    count,
  );
}

/**
 * Computes `count` rows of a convolution's input gradients from rows of its output gradients; `sources` and `destinations` are
 * usize[count], pointers to the rows.
 */
function backwards(
  operation: ConvolutionOperation,
  scratch: PixelScratch,
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
    multiplyPixelsByColumns(
      operation,
      scratch,
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
  multiplyPixels(operation, scratch, taps, panels, 0, depth, channels, sources, destinations, count);
}
