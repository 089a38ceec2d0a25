import { costOf, countParameters, type Graph } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";

// Default batch size of the backend, which a given one is limited to (`objectiveSize` in packed.ts).

/**
 * Maximum number of floating-point operations in a pass over all resident rows, which cannot be interrupted: in a page's main
 * thread, where it delays a frame, 30 ms at 13 GFLOP/s; in Node and in workers a quarter of a second at 30 GFLOP/s.
 */
const PASS_OPERATIONS = { page: 4e8, elsewhere: 7.5e9 };
/**
 * Cost of an activation or loss of one number, with the copying of its data to WASM memory, in floating-point operations:
 * about 15 ns.
 */
const FUNCTION_OPERATIONS = 300;
/**
 * Number of rows at which matrix products reach full speed if the weights fit into a core's cache; a multiple of both tile
 * heights.
 */
const ROWS = 48;
/** Number of rows at which matrix products reach full speed if the weights come from memory. */
const ROWS_OF_WIDE = 96;
/** Approximate number of parameters that fit into a core's cache. */
const CACHED_PARAMETERS = 2 ** 21;

/**
 * Memory limit, in bytes, for the values of all resident samples and what passes store of each value, about three numbers per
 * value.
 */
const RESIDENT_BYTES = 2 ** 28;

/**
 * Returns the number of samples to hold in WASM memory at once: fewer for large decoders, so that a pass stays short, and for
 * large intermediate values, so that memory is bounded. At least one, however large it is.
 *
 * @param isPage true in a page's main thread
 */
export function residentRows(graph: Graph, isPage = typeof document !== "undefined"): number {
  const { multiplications, sums, functions } = costOf(graph);
  const outputSize = sizeOf(graph.operations.at(-1)!.shape);
  const operations = 2 * (multiplications + sums) + FUNCTION_OPERATIONS * (functions + outputSize);
  const rows = Math.floor(PASS_OPERATIONS[isPage ? "page" : "elsewhere"] / operations);
  const numbers = graph.operations.reduce((sum, { shape }) => sum + sizeOf(shape), graph.latentSize);
  const inMemory = Math.floor(RESIDENT_BYTES / (12 * numbers));
  const usual = countParameters(graph) > CACHED_PARAMETERS ? ROWS_OF_WIDE : ROWS;
  return Math.max(1, Math.min(usual, rows, inMemory));
}
