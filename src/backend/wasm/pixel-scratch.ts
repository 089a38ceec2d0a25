import { Graph, PIXELS_AT_ONCE, PixelScratch, paddedSize } from "../../kernels/layout.ts";
import type { PackedDecoder } from "./packed.ts";
import type { ConvolutionGeometry } from "./pixel-sets.ts";
import { convolutionsOf } from "./write-graph.ts";

/**
 * Allocates the PixelScratch struct (assembly/memory/workspace.ts) that the convolutions of a decoder need in a workspace or in
 * memory for Gauss-Newton matrices, and the arrays that it points to; `write` fills the struct.
 */
export function allocatePixelScratch({ graph, lowered }: PackedDecoder, piece: (bytes: number) => number) {
  const convolutions = convolutionsOf(lowered);
  const most = (counts: (geometry: ConvolutionGeometry) => readonly number[]) =>
    Math.max(0, ...convolutions.flatMap(counts));
  // Channels per group of a pixel on either side.
  const pixelWidth = most(({ input, output }) => [paddedSize(input.channels), paddedSize(output.channels)]);
  const pixels = pixelWidth > 0 ? PIXELS_AT_ONCE : 0;
  // Numbers that the columns of one sample take.
  const columnNumbers = most(({ input, output, forwardColumns, backwardColumns }) => [
    input.pixels * forwardColumns,
    output.pixels * backwardColumns,
  ]);
  const pointer = piece(PixelScratch.size);
  const arrays = {
    pixelSources: piece(4 * pixels),
    pixelDestinations: piece(4 * pixels),
    pixels: piece(4 * pixelWidth * pixels),
    pixelPlaces: piece(4 * pixels),
    // Four channels are read at once, also at the end of the columns.
    columns: piece(columnNumbers > 0 ? 4 * (columnNumbers + 4) : 0),
  };
  return {
    pointer,
    write(memory: DataView): void {
      PixelScratch.fill(memory, pointer, { ...arrays, zeros: Graph.get(memory, graph, "zeros") });
    },
  };
}
