import { costOf, countParameters, type Graph } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";

/** Target duration of a slice of work between two pauses, in milliseconds: a page then drops one frame at most. */
const TARGET = 12;

/**
 * Maximum number of row passes (one row once forward or once backward) in a slice of work between two pauses: more would not
 * fit the kernels' 32-bit counter.
 */
const MOST_PASSES = 2 ** 30;

/**
 * Controls the size of slices of work, in row passes (one row once forward or once backward): the first slice is as small as
 * possible; each later one is as large as the last slice's speed allows in TARGET milliseconds, and at most four times as large
 * as the last.
 */
export class Pacer {
  private passes: number;

  /**
   * Starts with the smallest slice of work.
   *
   * @param smallest size of the smallest slice in row passes (one row once forward or once backward): one pass over all
   *   resident rows
   */
  constructor(private readonly smallest: number) {
    this.passes = smallest;
  }

  /** Size of the next slice of work, in row passes: one row once forward or once backward. */
  get budget(): number {
    return this.passes;
  }

  /**
   * Records the last slice of work, and computes the size of the next.
   *
   * @param spent row passes (one row once forward or once backward) of the last slice, which took `milliseconds`
   */
  record(spent: number, milliseconds: number): void {
    const ideal = milliseconds > 0 ? (spent * TARGET) / milliseconds : Number.POSITIVE_INFINITY;
    this.passes = Math.floor(
      Math.min(Math.max(ideal, this.smallest), 4 * Math.max(spent, this.smallest), MOST_PASSES),
    );
  }
}

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
