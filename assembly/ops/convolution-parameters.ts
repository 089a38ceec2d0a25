import { ConvolutionOperation, PIXELS_AT_ONCE, PixelSet, PixelTaps, Tap } from "../memory/graph";
import {
  collect,
  GRADIENTS,
  gradientOf,
  ParameterGradient,
  PixelScratch,
  rowsOf,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { packRow } from "./dense-parameters";
import { startOfPart } from "./parts";
import { pointPixels } from "./pixels";
import { multiply } from "./product";

// Gradients for a convolution's weight and bias: for each tap of the kernel, the outer product of an output pixel's gradient
// and the input pixel under the tap, summed over pixels. A row of these sums is the gradient for the weights from all input
// channels to one output channel by one tap, row number tap · outputs + output of a group; a part is a range of the rows.

/**
 * Adds a convolution's weight and bias gradients over `count` rows to `sums`: output gradients ⊗ inputs and Σ output gradients.
 * If `field` is GRADIENT_TANGENTS: gradients ⊗ input tangents + gradient tangents ⊗ inputs, and Σ gradient tangents. Adds part
 * number `part` of `parts` of the weight's rows in each group, and of the bias.
 */
export function addConvolutionGradient(
  operation: ConvolutionOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
  part: i32,
  parts: i32,
): void {
  const rows = operation.taps * operation.outputChannels;
  const first = startOfPart(rows, 1, part, parts);
  const end = startOfPart(rows, 1, part + 1, parts);
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  const bias = gradientOf(sums, index).bias;
  for (let group: i32 = 0; group < operation.groups; group++) {
    clear(operation, sums, first, end);
    if (field !== GRADIENTS) {
      collect(workspace.sources, before.tangents, before.stride, workspace.rows, count);
      collect(workspace.destinations, after.gradients, after.stride, workspace.rows, count);
      addTaps(operation, workspace, sums, group, count, first, end);
    }
    collect(workspace.sources, before.values, before.stride, workspace.rows, count);
    collect(workspace.destinations, rowsOf(after, field), after.stride, workspace.rows, count);
    addTaps(operation, workspace, sums, group, count, first, end);
    addToWeight(operation, sums, index, group, first, end);
  }
  addPixels(operation, workspace, bias, count, part, parts);
}

function inputStride(operation: ConvolutionOperation): usize {
  return (<usize>((operation.inputChannels + 7) >> 3)) << 5;
}

/** Clears rows `first` to `end` - 1 of sums.taps. */
function clear(operation: ConvolutionOperation, sums: ParameterGradient, first: i32, end: i32): void {
  const stride = inputStride(operation);
  memory.fill(sums.taps + <usize>first * stride, 0, <usize>(end - first) * stride);
}

/**
 * For one group of a convolution: sums.taps[tap][o][i] += Σ over output pixels of left[o] · right[i], left the pixel at
 * workspace.destinations, right the pixel under the tap at workspace.sources. Only rows `first` to `end` - 1 of sums.taps, which
 * are number tap · outputs + o.
 */
function addTaps(
  operation: ConvolutionOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  group: i32,
  count: i32,
  first: i32,
  end: i32,
): void {
  const scratch = changetype<PixelScratch>(workspace.scratch);
  const pixelTaps = changetype<PixelTaps>(operation.forward);
  const inputs = (<usize>(group * operation.inputChannels)) << 2;
  const outputs = (<usize>(group * operation.outputChannels)) << 2;
  const channels = operation.outputChannels;
  for (let i: i32 = 0; i < pixelTaps.setCount; i++) {
    const set = changetype<PixelSet>(pixelTaps.sets + <usize>i * offsetof<PixelSet>());
    // The outputs of all rows of the range that the set's taps have.
    let low = channels;
    let high: i32 = 0;
    for (let at = set.taps; at < set.tapsEnd; at += offsetof<Tap>()) {
      const row = changetype<Tap>(at).index * channels;
      const from = max(first - row, 0);
      const to = min(end - row, channels);
      if (from >= to) continue;
      low = min(low, from);
      high = max(high, to);
    }
    if (low >= high) continue;
    const total = count * set.pixelCount;
    for (let pixel: i32 = 0; pixel < total; pixel += PIXELS_AT_ONCE) {
      const some = min(PIXELS_AT_ONCE, total - pixel);
      pointPixels(scratch.sources, workspace.sources, set, set.sources, inputs, pixel, some);
      pointPixels(scratch.destinations, workspace.destinations, set, set.destinations, outputs, pixel, some);
      for (let k: i32 = 0; k < some; k++) {
        const left = load<usize>(scratch.destinations + ((<usize>k) << 2));
        for (let o: usize = low; o < <usize>high; o++) {
          const at = (o * <usize>some + <usize>k) << 2;
          store<f32>(sums.columns + at, load<f32>(left + (o << 2)));
        }
      }
      for (let at = set.taps; at < set.tapsEnd; at += offsetof<Tap>()) {
        addTap(operation, scratch, sums, changetype<Tap>(at), some, first, end);
      }
    }
  }
}

/** Adds the products of one tap's `count` pixels to its rows of sums.taps from `first` to `end` - 1, if it has any there. */
function addTap(
  operation: ConvolutionOperation,
  scratch: PixelScratch,
  sums: ParameterGradient,
  tap: Tap,
  count: i32,
  first: i32,
  end: i32,
): void {
  const row = tap.index * operation.outputChannels;
  const low = max(first - row, 0);
  const high = min(end - row, operation.outputChannels);
  if (low >= high) return;
  const depth = (<usize>count) << 2;
  const stride = inputStride(operation);
  for (let pixel: i32 = 0; pixel < count; pixel++) {
    const right = load<usize>(scratch.sources + ((<usize>pixel) << 2)) + tap.offset;
    packRow(right, operation.inputChannels, sums.panels + ((<usize>pixel) << 5), depth << 3);
  }
  const into = sums.taps + <usize>row * stride;
  for (let o: usize = low; o < <usize>high; o++) {
    store<usize>(sums.sources + (o << 2), sums.columns + o * depth);
    store<usize>(sums.destinations + (o << 2), into + o * stride);
  }
  const panels = (operation.inputChannels + 7) >> 3;
  const offset = (<usize>low) << 2;
  multiply(high - low, sums.sources + offset, sums.destinations + offset, sums.panels, 0, count, panels);
}

/**
 * Adds rows `first` to `end` - 1 of one group's sums.taps to the gradient for the convolution's weight, which is in PyTorch's
 * layout.
 */
function addToWeight(
  operation: ConvolutionOperation,
  sums: ParameterGradient,
  index: i32,
  group: i32,
  first: i32,
  end: i32,
): void {
  const inputs = operation.inputChannels;
  const outputs = operation.outputChannels;
  const taps = operation.taps;
  const stride = inputStride(operation);
  const rowSize = (<usize>(((operation.isTransposed ? outputs : inputs) * taps + 7) & ~7)) << 2;
  const weightRows = operation.isTransposed ? inputs : outputs;
  const weight = gradientOf(sums, index).weight + <usize>(group * weightRows) * rowSize;
  for (let row = first; row < end; row++) {
    const tap = row / outputs;
    const o = row % outputs;
    const from = sums.taps + <usize>row * stride;
    for (let i: i32 = 0; i < inputs; i++) {
      const weightRow = operation.isTransposed ? i : o;
      const column = (operation.isTransposed ? o : i) * taps + tap;
      const at = weight + <usize>weightRow * rowSize + ((<usize>column) << 2);
      store<f32>(at, load<f32>(at) + load<f32>(from + ((<usize>i) << 2)));
    }
  }
}

/**
 * Adds all pixels of `count` rows at workspace.destinations, channel by channel, to the bias's gradient, the channels of part
 * number `part` of `parts`.
 */
function addPixels(
  operation: ConvolutionOperation,
  workspace: Workspace,
  bias: usize,
  count: i32,
  part: i32,
  parts: i32,
): void {
  const channels = operation.groups * operation.outputChannels;
  const pixelSize = (<usize>channels) << 2;
  const first = (<usize>startOfPart(channels, 8, part, parts)) << 2;
  const end = (<usize>startOfPart(channels, 8, part + 1, parts)) << 2;
  for (let i: i32 = 0; i < count; i++) {
    let pixel = load<usize>(workspace.destinations + ((<usize>i) << 2));
    for (let left = operation.outputPixels; left > 0; left--, pixel += pixelSize) {
      for (let c = first; c < end; c += 4) {
        store<f32>(bias + c, load<f32>(bias + c) + load<f32>(pixel + c));
      }
    }
  }
}
