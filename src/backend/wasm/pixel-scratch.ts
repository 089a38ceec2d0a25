import { Graph, PIXELS_AT_ONCE, PixelScratch, paddedSize } from "../../kernels/layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { mostOfConvolutions } from "./write-graph.ts";

/**
 * Allocates the PixelScratch struct (assembly/memory/workspace.ts) that the convolutions of a decoder need in a workspace or in
 * memory for Gauss-Newton matrices, and the arrays that it points to; `write` fills the struct.
 */
export function allocatePixelScratch({ graph, lowered }: PackedDecoder, piece: (bytes: number) => number) {
  // Channels per group of a pixel on either side.
  const channels = mostOfConvolutions(lowered, ({ input, output }) => [input.channels, output.channels]);
  const pixels = channels && PIXELS_AT_ONCE;
  // Numbers that the columns of one sample take.
  const columns = mostOfConvolutions(lowered, ({ input, output, forwardColumns, backwardColumns }) => [
    input.pixels * forwardColumns,
    output.pixels * backwardColumns,
  ]);
  const pointer = piece(PixelScratch.size);
  const arrays = {
    sources: piece(4 * pixels),
    destinations: piece(4 * pixels),
    pixels: piece(4 * paddedSize(channels) * pixels),
    places: piece(4 * pixels),
    // Four channels are read at once, also at the end of the columns.
    columns: piece(columns && 4 * (columns + 4)),
  };
  return {
    pointer,
    write(memory: DataView): void {
      PixelScratch.fill(memory, pointer, { ...arrays, zeros: Graph.get(memory, graph, "zeros") });
    },
  };
}
