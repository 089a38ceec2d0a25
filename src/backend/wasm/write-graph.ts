import type { Decoder } from "../../decoder/decoder.ts";
import type { Arena } from "../../kernels/arena.ts";
import { Graph, paddedSize } from "../../kernels/layout.ts";
import { allocateOperation } from "./kernel-operations.ts";
import type { LoweredGraph } from "./lower.ts";
import type { ConvolutionGeometry } from "./pixel-sets.ts";

/**
 * Allocates and writes the structs of a decoder's graph (assembly/memory/graph.ts), and memory for its packed parameters,
 * which the kernels fill. Returns the pointer to the Graph struct.
 */
export function writeGraph(arena: Arena, decoder: Decoder, lowered: LoweredGraph): number {
  const { operations, sizes, slots, output } = lowered;
  const columns = mostOfConvolutions(lowered, (of) => [of.forwardColumns, of.backwardColumns]);
  const { layout } = arena.allocate((piece) => ({
    graph: piece(Graph.size),
    pointers: piece(4 * operations.length),
    slots: piece(4 * slots.length),
    zeros: piece(4 * Math.max(paddedSize(Math.max(...sizes)), columns)),
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
  });
  arena.i32(layout.slots, slots.length).set(slots);
  layout.operations.forEach(({ pointer, write }, i) => {
    view.setUint32(layout.pointers + 4 * i, pointer, true);
    write(view);
  });
  return layout.graph;
}

/**
 * Returns the largest of the numbers that `counts` gives for each of a graph's convolutions, which include fully connected layers
 * applied to several pixels; 0 without convolutions.
 */
export function mostOfConvolutions(
  { operations }: LoweredGraph,
  counts: (geometry: ConvolutionGeometry) => readonly number[],
): number {
  return Math.max(
    0,
    ...operations.flatMap((operation) =>
      operation.kind === "convolution" ? counts(operation.geometry) : [],
    ),
  );
}
