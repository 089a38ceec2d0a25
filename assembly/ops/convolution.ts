import { ConvolutionOperation, Graph, PIXELS_AT_ONCE, PixelSet, PixelTaps, Tap } from "../memory/graph";
import { collect, GaussNewton, point, valueRows, Workspace } from "../memory/workspace";
import { packPanels } from "./panels";
import { multiply } from "./product";
import { multiplyOverTaps } from "./taps";

// Convolutions and transposed ones. The backward product of one is the forward product of the other, with its matrices
// transposed; so there is one pass, over the pixels of either side. The gradients for the weight and the bias are in
// convolution-parameters.ts.

export function forwardConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, before.values, before.stride, workspace.rows, count);
  collect(workspace.destinations, after.values, after.stride, workspace.rows, count);
  forwards(operation, graph, workspace.sources, workspace.destinations, count, operation.bias);
}

export function backwardConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, after.gradients, after.stride, workspace.rows, count);
  collect(workspace.destinations, before.gradients, before.stride, workspace.rows, count);
  backwards(operation, graph, workspace.sources, workspace.destinations, count);
}

export function tangentConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, before.tangents, before.stride, workspace.rows, count);
  collect(workspace.destinations, after.tangents, after.stride, workspace.rows, count);
  forwards(operation, graph, workspace.sources, workspace.destinations, count, 0);
}

export function tangentBackwardConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  workspace: Workspace,
  count: i32,
): void {
  const before = valueRows(workspace, operation.input);
  const after = valueRows(workspace, operation.output);
  collect(workspace.sources, after.gradientTangents, after.stride, workspace.rows, count);
  collect(workspace.destinations, before.gradientTangents, before.stride, workspace.rows, count);
  backwards(operation, graph, workspace.sources, workspace.destinations, count);
}

/** See `jacobian` in operation.ts. */
export function jacobianConvolution(
  operation: ConvolutionOperation,
  graph: Graph,
  work: GaussNewton,
  from: usize,
  to: usize,
  count: i32,
): void {
  point(work.sources, from, work.stride, count);
  point(work.destinations, to, work.stride, count);
  forwards(operation, graph, work.sources, work.destinations, count, 0);
}

/** From rows of the input to rows of the output. Without a bias it is 0. */
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

/** From rows of gradients of the output to rows of gradients of the input. */
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

/**
 * @param depth the channels of a group at the sources
 * @param channels the channels of a group at the destinations
 * @param sources usize[count], rows of pixels; as `destinations`
 */
function product(
  operation: ConvolutionOperation,
  graph: Graph,
  pixelTaps: PixelTaps,
  matrices: usize,
  bias: usize,
  depth: i32,
  channels: i32,
  sources: usize,
  destinations: usize,
  count: i32,
): void {
  const panels = (channels + 7) >> 3;
  const matrixSize = ((<usize>panels) << 5) * <usize>depth;
  for (let group: i32 = 0; group < operation.groups; group++) {
    const groupBias = bias !== 0 ? bias + <usize>group * ((<usize>panels) << 5) : graph.zeros;
    const groupMatrices = matrices + <usize>group * <usize>operation.taps * matrixSize;
    const groupSources = (<usize>(group * depth)) << 2;
    const groupDestinations = (<usize>(group * channels)) << 2;
    for (let i: i32 = 0; i < pixelTaps.setCount; i++) {
      const set = changetype<PixelSet>(pixelTaps.sets + <usize>i * offsetof<PixelSet>());
      const total = count * set.pixelCount;
      for (let first: i32 = 0; first < total; first += PIXELS_AT_ONCE) {
        const some = min(PIXELS_AT_ONCE, total - first);
        pointPixels(graph.pixelSources, sources, set, set.sources, groupSources, first, some);
        pointPixels(
          graph.pixelDestinations,
          destinations,
          set,
          set.destinations,
          groupDestinations,
          first,
          some,
        );
        productOfSome(graph, set, groupMatrices, groupBias, depth, channels, panels, some);
      }
    }
  }
}

/**
 * The same by columns, for few channels.
 *
 * @param columns [groups][⌈taps · channels / 8⌉][depth][8]
 * @param pixels of the side of the sources
 */
function productByColumns(
  operation: ConvolutionOperation,
  graph: Graph,
  pixelTaps: PixelTaps,
  columns: usize,
  bias: usize,
  depth: i32,
  channels: i32,
  pixels: i32,
  sources: usize,
  destinations: usize,
  count: i32,
): void {
  const panels = (operation.taps * channels + 7) >> 3;
  const rowSize = (<usize>panels) << 5;
  const pixelSize = (<usize>(operation.groups * depth)) << 2;
  const biasSize = (<usize>((channels + 7) >> 3)) << 5;
  for (let group: i32 = 0; group < operation.groups; group++) {
    const matrix = columns + <usize>group * rowSize * <usize>depth;
    const groupBias = bias !== 0 ? bias + <usize>group * biasSize : graph.zeros;
    const groupDestinations = (<usize>(group * channels)) << 2;
    for (let sample: i32 = 0; sample < count; sample++) {
      const source = pixelAt(sources, sample) + ((<usize>(group * depth)) << 2);
      for (let first: i32 = 0; first < pixels; first += PIXELS_AT_ONCE) {
        const some = min(PIXELS_AT_ONCE, pixels - first);
        for (let i: i32 = 0; i < some; i++) {
          const pixel = <usize>(first + i);
          store<usize>(graph.pixelSources + ((<usize>i) << 2), source + pixel * pixelSize);
          store<usize>(graph.pixelDestinations + ((<usize>i) << 2), graph.columns + pixel * rowSize);
        }
        multiply(some, graph.pixelSources, graph.pixelDestinations, matrix, graph.zeros, depth, panels);
      }
      const destination = pixelAt(destinations, sample) + groupDestinations;
      for (let i: i32 = 0; i < pixelTaps.setCount; i++) {
        const set = changetype<PixelSet>(pixelTaps.sets + <usize>i * offsetof<PixelSet>());
        addColumns(graph, set, groupBias, channels, rowSize, destination);
      }
    }
  }
}

/** Each pixel of a set is the bias and, tap after tap, what the pixel that it leads to has in the tap's columns. */
function addColumns(
  graph: Graph,
  set: PixelSet,
  bias: usize,
  channels: i32,
  rowSize: usize,
  destination: usize,
): void {
  const size = (<usize>channels) << 2;
  for (let i: usize = 0; i < <usize>set.pixelCount; i++) {
    const row = graph.columns + <usize>load<i32>(set.pixels + (i << 2)) * rowSize;
    const pixel = destination + load<i32>(set.destinations + (i << 2));
    // Four channels at once; beyond the last one is what nobody stores.
    for (let c: usize = 0; c < size; c += 16) {
      let sum = v128.load(bias + c);
      for (let at = set.taps; at < set.tapsEnd; at += offsetof<Tap>()) {
        const tap = changetype<Tap>(at);
        const column = <usize>tap.index * size + c;
        sum = f32x4.add(sum, v128.load(row + <usize>(tap.pixels * <i32>rowSize) + column));
      }
      store<f32>(pixel + c, f32x4.extract_lane(sum, 0));
      if (c + 4 < size) store<f32>(pixel + c, f32x4.extract_lane(sum, 1), 4);
      if (c + 8 < size) store<f32>(pixel + c, f32x4.extract_lane(sum, 2), 8);
      if (c + 12 < size) store<f32>(pixel + c, f32x4.extract_lane(sum, 3), 12);
    }
  }
}

/** The product of pixels that pixelSources and pixelDestinations point to. */
function productOfSome(
  graph: Graph,
  set: PixelSet,
  matrices: usize,
  bias: usize,
  depth: i32,
  channels: i32,
  panels: i32,
  count: i32,
): void {
  const size = (<usize>channels) << 2;
  if (set.taps === set.tapsEnd) {
    for (let i: i32 = 0; i < count; i++) copyPixel(pixelAt(graph.pixelDestinations, i), bias, size);
    return;
  }
  const rowSize = (<usize>panels) << 5;
  if (size === rowSize) {
    multiplyOverTaps(
      count,
      graph.pixelSources,
      graph.pixelDestinations,
      matrices,
      bias,
      depth,
      panels,
      set.taps,
      set.tapsEnd,
    );
    return;
  }
  // What fills up the last panel would be written over the pixels beside.
  for (let i: i32 = 0; i < count; i++) {
    const place = graph.pixelPlaces + ((<usize>i) << 2);
    store<usize>(place, graph.pixels + <usize>i * rowSize);
  }
  multiplyOverTaps(
    count,
    graph.pixelSources,
    graph.pixelPlaces,
    matrices,
    bias,
    depth,
    panels,
    set.taps,
    set.tapsEnd,
  );
  for (let i: i32 = 0; i < count; i++) {
    copyPixel(pixelAt(graph.pixelDestinations, i), graph.pixels + <usize>i * rowSize, size);
  }
}

/** As few channels as they often are, memory.copy would take longer. */
function copyPixel(to: usize, from: usize, size: usize): void {
  for (let i: usize = 0; i < size; i += 4) store<f32>(to + i, load<f32>(from + i));
}

function pixelAt(pointers: usize, index: i32): usize {
  return load<usize>(pointers + ((<usize>index) << 2));
}

/**
 * Pointers to pixels first … first + count - 1 of a set: those of the first row, then those of the second, …
 *
 * @param rows usize[], pointers to the rows
 * @param offsets i32[set.pixelCount], where the pixels are in a row
 * @param offset is added to each
 */
export function pointPixels(
  pointers: usize,
  rows: usize,
  set: PixelSet,
  offsets: usize,
  offset: usize,
  first: i32,
  count: i32,
): void {
  let row = rows + ((<usize>(first / set.pixelCount)) << 2);
  let pixel = first % set.pixelCount;
  for (let i: i32 = 0; i < count; i++, pixel++) {
    if (pixel === set.pixelCount) {
      pixel = 0;
      row += sizeof<usize>();
    }
    const place = load<i32>(offsets + ((<usize>pixel) << 2));
    store<usize>(pointers + ((<usize>i) << 2), load<usize>(row) + place + offset);
  }
}

/** Fills the panels, in both directions, and the bias, from PyTorch's weight and bias. */
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

/** A column for each tap and channel: see `forwardColumns`. What fills up the last panel stays 0. */
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

/** The bytes of a row of `size` floats. */
function alignedRow(size: i32, alignment: i32): usize {
  return (<usize>(((size + alignment - 1) / alignment) * alignment)) << 2;
}
