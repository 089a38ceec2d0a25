import { ConvolutionOperation } from "../memory/graph";
import { packPart } from "./panels";
import { startOfPart } from "./parts";
import { alignedRow } from "./rows";

// Weight and bias of a convolution, packed in panels of 8 columns.

/**
 * Packs a convolution's weight and bias, stored in PyTorch's layout at `parameters`, into panels (blocks of 8 columns) for the
 * forward and the backward product; writes the panels of part number `part` of `parts`. Returns the address behind the bias,
 * where the next operation's parameters begin.
 *
 * @param rowAlignment number of floats to a multiple of which each row of the stored weight, and the stored bias, is padded
 */
export function packConvolution(
  operation: ConvolutionOperation,
  parameters: usize,
  rowAlignment: i32,
  part: i32,
  parts: i32,
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
  packTaps(
    operation,
    parameters,
    groupSize,
    outputs,
    inputs,
    outputStride,
    inputStride,
    operation.panels,
    operation.forwardColumns,
    part,
    parts,
  );
  packTaps(
    operation,
    parameters,
    groupSize,
    inputs,
    outputs,
    inputStride,
    outputStride,
    operation.transposedPanels,
    operation.backwardColumns,
    part,
    parts,
  );
  const bias = parameters + <usize>rows * row;
  packPart(bias, groups, (<usize>outputs) << 2, 1, outputs, 1, 4, 0, operation.bias, part, parts);
  return bias + alignedRow(groups * outputs, rowAlignment);
}

/**
 * Packs a convolution's weight for the product of one direction: into `panels` as a matrix per tap, and into `columns`, unless it
 * is 0, as one matrix with a column for each tap and channel, which ConvolutionOperation.forwardColumns or backwardColumns holds.
 * The columns that pad the last panel of a matrix become 0.
 */
function packTaps(
  operation: ConvolutionOperation,
  weight: usize,
  groupSize: usize,
  channels: i32,
  depth: i32,
  channelStride: usize,
  depthStride: usize,
  panels: usize,
  columns: usize,
  part: i32,
  parts: i32,
): void {
  const groups = operation.groups;
  const taps = operation.taps;
  packPart(weight, groups, groupSize, taps, channels, depth, channelStride, depthStride, panels, part, parts);
  if (columns === 0) return;
  const each = (taps * channels + 7) >> 3;
  const panelSize = (<usize>depth) << 5;
  const count = groups * each;
  const end = startOfPart(count, 1, part + 1, parts);
  for (let panel = startOfPart(count, 1, part, parts); panel < end; panel++) {
    const matrix = weight + <usize>(panel / each) * groupSize;
    const first = (panel % each) << 3;
    for (let column = first; column < first + 8; column++) {
      const isThere = column < taps * channels;
      const from = matrix + ((<usize>(column / channels)) << 2) + <usize>(column % channels) * channelStride;
      const to = columns + <usize>panel * panelSize + ((<usize>(column & 7)) << 2);
      for (let k: usize = 0; k < <usize>depth; k++) {
        store<f32>(to + (k << 5), isThere ? load<f32>(from + k * depthStride) : 0);
      }
    }
  }
}
