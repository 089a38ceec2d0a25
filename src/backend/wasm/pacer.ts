import { costOf, countParameters, type Graph } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";

/** Aimed duration of a slice of work, in milliseconds: a page then drops one frame at most. */
const TARGET = 12;

/** Most row passes of a slice: more would not fit the kernels' 32-bit counter. */
const MOST_PASSES = 2 ** 30;

/**
 * Sets the size of slices of work, in row passes: the first slice is as small as possible; each later one would have taken
 * TARGET at the speed of the last, and is at most four times as large.
 */
export class Pacer {
  private passes: number;

  /** @param smallest row passes of one pass of all resident rows */
  constructor(private readonly smallest: number) {
    this.passes = smallest;
  }

  /** Row passes of the next slice. */
  get budget(): number {
    return this.passes;
  }

  /** @param spent row passes of the last slice, which took `milliseconds` */
  record(spent: number, milliseconds: number): void {
    const ideal = milliseconds > 0 ? (spent * TARGET) / milliseconds : Number.POSITIVE_INFINITY;
    this.passes = Math.floor(
      Math.min(Math.max(ideal, this.smallest), 4 * Math.max(spent, this.smallest), MOST_PASSES),
    );
  }
}

/**
 * Most floating point operations of a pass over all resident rows, which cannot be interrupted: in a page's main thread,
 * where it delays a frame, 30 ms at 13 GFLOP/s; in Node and in workers a quarter of a second at 30 GFLOP/s.
 */
const PASS_OPERATIONS = { page: 4e8, elsewhere: 7.5e9 };
/** Cost of a function or a loss of one number, with its staging, in floating point operations: some 15 ns. */
const FUNCTION_OPERATIONS = 300;
/** Rows at which products reach full speed if the weights fit into a core's cache; a multiple of both tiles. */
const ROWS = 48;
/** Rows at which products reach full speed if the weights come from memory. */
const ROWS_OF_WIDE = 96;
/** Approximate number of parameters that fit into a core's cache. */
const CACHED_PARAMETERS = 2 ** 21;

/** Most bytes of the values of all resident samples, with the numbers that passes keep of them, about three for each. */
const RESIDENT_BYTES = 2 ** 28;

/**
 * Number of samples to keep resident: fewer for very wide decoders, so that a pass stays short, and for large values between
 * operations, so that memory is bounded. At least one, however large it is.
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
