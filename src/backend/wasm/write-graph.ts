import type { Decoder } from "../../decoder/decoder.ts";
import type { Arena } from "../../kernels/arena.ts";
import { Graph, PIXELS_AT_ONCE, paddedSize } from "../../kernels/layout.ts";
import { allocateOperation, fillOperation } from "./kernel-operations.ts";
import type { LoweredGraph } from "./lower.ts";
import { type ConvolutionGeometry, columnsOf } from "./pixel-sets.ts";

/**
 * Allocates and writes the structs of a decoder's graph (assembly/memory/graph.ts), and memory for its packed parameters,
 * which the kernels fill. Returns the pointer to the Graph struct.
 */
export function writeGraph(arena: Arena, decoder: Decoder, lowered: LoweredGraph): number {
  const { operations, sizes, slots, output } = lowered;
  const convolutions = convolutionsOf(lowered);
  const pixelWidth = widestPixel(convolutions);
  const columns = mostColumns(convolutions);
  const pixels = pixelWidth > 0 ? PIXELS_AT_ONCE : 0;
  const { layout } = arena.allocate((piece) => ({
    graph: piece(Graph.size),
    pointers: piece(4 * operations.length),
    slots: piece(4 * slots.length),
    zeros: piece(4 * Math.max(paddedSize(Math.max(...sizes)), columns.columns)),
    scratch: {
      pixelSources: piece(4 * pixels),
      pixelDestinations: piece(4 * pixels),
      pixels: piece(4 * pixelWidth * pixels),
      pixelPlaces: piece(4 * pixels),
      // Four channels are read at once, also at the end of the columns.
      columns: piece(columns.numbers > 0 ? 4 * (columns.numbers + 4) : 0),
    },
    operations: operations.map((operation) => allocateOperation(operation, piece)),
  }));
  const view = arena.view();
  Graph.fill(view, layout.graph, {
    operationCount: operations.length,
    operations: layout.pointers,
    zeros: layout.zeros,
    output,
    latentSize: decoder.latentSize,
    outputSize: decoder.outputSize,
    slots: layout.slots,
    logitOperations: lowered.logitOperations,
    ...layout.scratch,
  });
  arena.i32(layout.slots, slots.length).set(slots);
  operations.forEach((operation, i) => {
    const place = layout.operations[i]!;
    view.setUint32(layout.pointers + 4 * i, place.pointer, true);
    fillOperation(view, operation, place);
  });
  return layout.graph;
}

/** Returns the geometries of a graph's convolutions, which include fully connected layers applied to several pixels. */
export function convolutionsOf({ operations }: LoweredGraph): ConvolutionGeometry[] {
  return operations.flatMap((operation) => (operation.kind === "convolution" ? [operation.geometry] : []));
}

/**
 * Returns the maximum number of floats that the columns of one sample take in any convolution, and the maximum number of columns:
 * a convolution with few channels has one for each kernel tap and channel (ConvolutionOperation.forwardColumns).
 */
function mostColumns(convolutions: readonly ConvolutionGeometry[]): {
  readonly numbers: number;
  readonly columns: number;
} {
  const all = convolutions.flatMap(({ input, output, taps, forward, backward }) => [
    { pixels: input.pixels, columns: columnsOf(forward, taps, input, output) },
    { pixels: output.pixels, columns: columnsOf(backward, taps, output, input) },
  ]);
  return {
    numbers: Math.max(0, ...all.map(({ pixels, columns }) => pixels * columns)),
    columns: Math.max(0, ...all.map(({ columns }) => columns)),
  };
}

/**
 * Returns the maximum number of channels per group, padded to a multiple of 8, of a pixel on either side of the graph's
 * convolutions; 0 without any.
 */
function widestPixel(convolutions: readonly ConvolutionGeometry[]): number {
  return Math.max(
    0,
    ...convolutions.flatMap(({ input, output }) => [paddedSize(input.channels), paddedSize(output.channels)]),
  );
}
