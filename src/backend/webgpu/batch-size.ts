import type { Decoder } from "../../decoder/decoder.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { Problem } from "../backend.ts";

/** Maximum number of samples computed at once if `batchSize` is not given. */
const DEFAULT_ROWS = 1024;
/** Maximum memory in bytes for the values of the samples computed at once if `batchSize` is not given. */
const DEFAULT_BYTES = 2 ** 30;

/**
 * Returns the number of samples computed at once if `batchSize` is not given: bounded by memory for all values of the forward
 * and backward pass.
 */
export function defaultRows({ latentSize, fixedInputs, operations }: Decoder): number {
  const values = [...fixedInputs, ...operations];
  // All values of the forward pass are kept, and the backward pass has at most as many.
  const bytes = 2 * 4 * values.reduce((sum, { shape }) => sum + sizeOf(shape), latentSize);
  return Math.max(1, Math.min(DEFAULT_ROWS, Math.floor(DEFAULT_BYTES / bytes)));
}

/** Returns the number of a problem's samples that are computed at once, at most `largestRows`. */
export function objectiveSize({ decoder, sampleCount, batchSize }: Problem, largestRows = Infinity): number {
  return Math.max(1, Math.min(sampleCount, batchSize ?? defaultRows(decoder), largestRows));
}

/**
 * Returns the number of rows of a graph for `count` samples: the next power of two, at most `largestRows`, so that few graphs
 * serve all sizes. Results of the additional rows are ignored.
 */
export function paddedRows(count: number, largestRows: number): number {
  return Math.min(2 ** Math.ceil(Math.log2(count)), largestRows);
}
