import type { Decoder } from "../../decoder/decoder.ts";
import type { Arena } from "../../kernels/arena.ts";
import { Graph, PIXELS_AT_ONCE, paddedSize } from "../../kernels/layout.ts";
import { allocateOperation } from "./kernel-operations.ts";
import type { LoweredGraph } from "./lower.ts";
import type { ConvolutionGeometry } from "./pixel-sets.ts";

/**
 * Allocates and writes the structs of a decoder's graph (assembly/memory/graph.ts), and memory for its packed parameters,
 * which the kernels fill. Returns the pointer to the Graph struct.
 */
export function writeGraph(arena: Arena, decoder: Decoder, lowered: LoweredGraph): number {
  const { operations, sizes, slots, output } = lowered;
  const convolutions = convolutionsOf(lowered);
  const most = (counts: (geometry: ConvolutionGeometry) => readonly number[]) =>
    Math.max(0, ...convolutions.flatMap(counts));
  // Channels per group of a pixel on either side.
  const pixelWidth = most(({ input, output }) => [paddedSize(input.channels), paddedSize(output.channels)]);
  const pixels = pixelWidth > 0 ? PIXELS_AT_ONCE : 0;
  const columns = most(({ forwardColumns, backwardColumns }) => [forwardColumns, backwardColumns]);
  // Numbers that the columns of one sample take.
  const columnNumbers = most(({ input, output, forwardColumns, backwardColumns }) => [
    input.pixels * forwardColumns,
    output.pixels * backwardColumns,
  ]);
  const { layout } = arena.allocate((piece) => ({
    graph: piece(Graph.size),
    pointers: piece(4 * operations.length),
    slots: piece(4 * slots.length),
    zeros: piece(4 * Math.max(paddedSize(Math.max(...sizes)), columns)),
    scratch: {
      pixelSources: piece(4 * pixels),
      pixelDestinations: piece(4 * pixels),
      pixels: piece(4 * pixelWidth * pixels),
      pixelPlaces: piece(4 * pixels),
      // Four channels are read at once, also at the end of the columns.
      columns: piece(columnNumbers > 0 ? 4 * (columnNumbers + 4) : 0),
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
  layout.operations.forEach(({ pointer, write }, i) => {
    view.setUint32(layout.pointers + 4 * i, pointer, true);
    write(view);
  });
  return layout.graph;
}

/** Returns the geometries of a graph's convolutions, which include fully connected layers applied to several pixels. */
export function convolutionsOf({ operations }: LoweredGraph): ConvolutionGeometry[] {
  return operations.flatMap((operation) => (operation.kind === "convolution" ? [operation.geometry] : []));
}
