import { ConvolutionOperation } from "../memory/graph";
import { packPanels } from "./panels";
import { alignedRow } from "./rows";

// Weight and bias of a convolution, packed in panels of 8 columns.

/**
 * Packs a convolution's weight and bias, stored in PyTorch's layout at `parameters`, into panels (blocks of 8 columns) for the
 * forward and the backward product. Returns the address behind the bias, where the next operation's parameters begin.
 *
 * @param rowAlignment number of floats to a multiple of which each row of the stored weight, and the stored bias, is padded
 */
export function packConvolution(
  operation: ConvolutionOperation,
  parameters: usize,
  rowAlignment: i32,
): usize {
  const inputs = operation.inputChannels;
  const outputs = operation.outputChannels;
  const groups = operation.groups;
  const taps = operation.taps;
  const rows = groups * (operation.isTransposed ? inputs : outputs);
  const row = alignedRow((operation.isTransposed ? outputs : inputs) * taps, rowAlignment);
  const element = (<usize>taps) << 2;
  const inputStride = operation.isTransposed ? row : element;
  const outputStride = operation.isTransposed ? element : row;
  const groupSize = row * <usize>(rows / groups);
  const panelsSize = ((<usize>((outputs + 7) >> 3)) << 5) * <usize>inputs;
  const transposedSize = ((<usize>((inputs + 7) >> 3)) << 5) * <usize>outputs;
  let panels = operation.panels;
  let transposedPanels = operation.transposedPanels;
  for (let group: i32 = 0; group < groups; group++) {
    for (let tap: usize = 0; tap < <usize>taps; tap++) {
      const matrix = parameters + <usize>group * groupSize + (tap << 2);
      packPanels(matrix, outputs, inputs, outputStride, inputStride, panels);
      packPanels(matrix, inputs, outputs, inputStride, outputStride, transposedPanels);
      panels += panelsSize;
      transposedPanels += transposedSize;
    }
  }
  if (operation.forwardColumns !== 0) {
    packColumns(
      operation,
      parameters,
      groupSize,
      outputs,
      inputs,
      outputStride,
      inputStride,
      operation.forwardColumns,
    );
  }
  if (operation.backwardColumns !== 0) {
    packColumns(
      operation,
      parameters,
      groupSize,
      inputs,
      outputs,
      inputStride,
      outputStride,
      operation.backwardColumns,
    );
  }
  const bias = parameters + <usize>rows * row;
  const biasSize = (<usize>((outputs + 7) >> 3)) << 5;
  for (let group: usize = 0; group < <usize>groups; group++) {
    packPanels(bias + ((group * <usize>outputs) << 2), outputs, 1, 4, 0, operation.bias + group * biasSize);
  }
  return bias + alignedRow(groups * outputs, rowAlignment);
}

/**
 * Packs a convolution's weight as one matrix with a column for each tap and channel, as ConvolutionOperation.forwardColumns and
 * backwardColumns hold it. The columns that pad the last panel (block of 8 columns) become 0.
 */
function packColumns(
  operation: ConvolutionOperation,
  weight: usize,
  groupSize: usize,
  channels: i32,
  depth: i32,
  channelStride: usize,
  depthStride: usize,
  columns: usize,
): void {
  const panels = (operation.taps * channels + 7) >> 3;
  const panelSize = (<usize>depth) << 5;
  for (let group: i32 = 0; group < operation.groups; group++, weight += groupSize) {
    for (let column: i32 = 0; column < panels << 3; column++) {
      const isThere = column < operation.taps * channels;
      const from = weight + ((<usize>(column / channels)) << 2) + <usize>(column % channels) * channelStride;
      const to = columns + <usize>(column >> 3) * panelSize + ((<usize>(column & 7)) << 2);
      for (let k: usize = 0; k < <usize>depth; k++) {
        store<f32>(to + (k << 5), isThere ? load<f32>(from + k * depthStride) : 0);
      }
    }
    columns += <usize>panels * panelSize;
  }
}
