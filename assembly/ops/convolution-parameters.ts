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
import { pointPixels } from "./pixels";
import { multiply } from "./product";

// Gradients for a convolution's weight and bias: for each tap of the kernel, the outer product of an output pixel's gradient
// and the input pixel under the tap, summed over pixels.

/**
 * Adds a convolution's weight and bias gradients over `count` rows to `sums`: output gradients ⊗ inputs and Σ output gradients.
 * If `field` is GRADIENT_TANGENTS: gradients ⊗ input tangents + gradient tangents ⊗ inputs, and Σ gradient tangents.
 */
export function addConvolutionGradient(
  operation: ConvolutionOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  const bias = gradientOf(sums, index).bias;
  for (let group: i32 = 0; group < operation.groups; group++) {
    clear(operation, sums);
    if (field !== GRADIENTS) {
      collect(workspace.sources, before.tangents, before.stride, workspace.rows, count);
      collect(workspace.destinations, after.gradients, after.stride, workspace.rows, count);
      addTaps(operation, workspace, sums, group, count);
    }
    collect(workspace.sources, before.values, before.stride, workspace.rows, count);
    collect(workspace.destinations, rowsOf(after, field), after.stride, workspace.rows, count);
    addTaps(operation, workspace, sums, group, count);
    addToWeight(operation, sums, index, group);
  }
  addPixels(operation, workspace, bias, count);
}

function inputStride(operation: ConvolutionOperation): usize {
  return (<usize>((operation.inputChannels + 7) >> 3)) << 5;
}

function clear(operation: ConvolutionOperation, sums: ParameterGradient): void {
  const rows = <usize>(operation.taps * operation.outputChannels);
  memory.fill(sums.taps, 0, rows * inputStride(operation));
}

/**
 * For one group of a convolution: sums.taps[tap][o][i] += Σ over output pixels of left[o] · right[i], left the pixel at
 * workspace.destinations, right the pixel under the tap at workspace.sources.
 */
function addTaps(
  operation: ConvolutionOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  group: i32,
  count: i32,
): void {
  const scratch = changetype<PixelScratch>(workspace.scratch);
  const pixelTaps = changetype<PixelTaps>(operation.forward);
  const inputs = (<usize>(group * operation.inputChannels)) << 2;
  const outputs = (<usize>(group * operation.outputChannels)) << 2;
  for (let i: i32 = 0; i < pixelTaps.setCount; i++) {
    const set = changetype<PixelSet>(pixelTaps.sets + <usize>i * offsetof<PixelSet>());
    const total = count * set.pixelCount;
    for (let first: i32 = 0; first < total; first += PIXELS_AT_ONCE) {
      const some = min(PIXELS_AT_ONCE, total - first);
      pointPixels(scratch.sources, workspace.sources, set, set.sources, inputs, first, some);
      pointPixels(scratch.destinations, workspace.destinations, set, set.destinations, outputs, first, some);
      const channels = operation.outputChannels;
      for (let pixel: i32 = 0; pixel < some; pixel++) {
        const left = load<usize>(scratch.destinations + ((<usize>pixel) << 2));
        for (let o: usize = 0; o < <usize>channels; o++) {
          const at = (o * <usize>some + <usize>pixel) << 2;
          store<f32>(sums.columns + at, load<f32>(left + (o << 2)));
        }
      }
      for (let at = set.taps; at < set.tapsEnd; at += offsetof<Tap>()) {
        addTap(operation, scratch, sums, changetype<Tap>(at), some);
      }
    }
  }
}

function addTap(
  operation: ConvolutionOperation,
  scratch: PixelScratch,
  sums: ParameterGradient,
  tap: Tap,
  count: i32,
): void {
  const channels = <usize>operation.outputChannels;
  const depth = (<usize>count) << 2;
  const stride = inputStride(operation);
  for (let pixel: i32 = 0; pixel < count; pixel++) {
    const right = load<usize>(scratch.sources + ((<usize>pixel) << 2)) + tap.offset;
    packRow(right, operation.inputChannels, sums.panels + ((<usize>pixel) << 5), depth << 3);
  }
  const into = sums.taps + <usize>tap.index * channels * stride;
  for (let o: usize = 0; o < channels; o++) {
    store<usize>(sums.sources + (o << 2), sums.columns + o * depth);
    store<usize>(sums.destinations + (o << 2), into + o * stride);
  }
  const panels = (operation.inputChannels + 7) >> 3;
  multiply(operation.outputChannels, sums.sources, sums.destinations, sums.panels, 0, count, panels);
}

/** Adds one group's sums.taps to the gradient for the convolution's weight, which is in PyTorch's layout. */
function addToWeight(operation: ConvolutionOperation, sums: ParameterGradient, index: i32, group: i32): void {
  const inputs = operation.inputChannels;
  const outputs = operation.outputChannels;
  const taps = operation.taps;
  const stride = inputStride(operation);
  const rowSize = (<usize>(((operation.isTransposed ? outputs : inputs) * taps + 7) & ~7)) << 2;
  const rows = operation.isTransposed ? inputs : outputs;
  const weight = gradientOf(sums, index).weight + <usize>(group * rows) * rowSize;
  for (let tap: i32 = 0; tap < taps; tap++) {
    for (let o: i32 = 0; o < outputs; o++) {
      const from = sums.taps + <usize>(tap * outputs + o) * stride;
      for (let i: i32 = 0; i < inputs; i++) {
        const row = operation.isTransposed ? i : o;
        const column = (operation.isTransposed ? o : i) * taps + tap;
        const at = weight + <usize>row * rowSize + ((<usize>column) << 2);
        store<f32>(at, load<f32>(at) + load<f32>(from + ((<usize>i) << 2)));
      }
    }
  }
}

/** Adds all pixels of `count` rows at workspace.destinations, channel by channel, to the bias's gradient. */
function addPixels(operation: ConvolutionOperation, workspace: Workspace, bias: usize, count: i32): void {
  const channels = (<usize>(operation.groups * operation.outputChannels)) << 2;
  for (let i: i32 = 0; i < count; i++) {
    let pixel = load<usize>(workspace.destinations + ((<usize>i) << 2));
    for (let left = operation.outputPixels; left > 0; left--, pixel += channels) {
      for (let c: usize = 0; c < channels; c += 4) {
        store<f32>(bias + c, load<f32>(bias + c) + load<f32>(pixel + c));
      }
    }
  }
}
