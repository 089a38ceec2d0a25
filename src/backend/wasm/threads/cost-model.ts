import type { Decoder } from "../../../decoder/decoder.ts";
import { costOf } from "../../../graph/graph.ts";
import { gradientsOf, type Method } from "../../../solver/solver.ts";

// Estimated time of work on one thread, to decide whether sharing it pays.

/** Typical speed of the kernels on a core, within a factor of three: floating-point operations per millisecond. */
const SPEED = 3e7;

/** Returns the estimated time, in milliseconds, that one thread takes to solve one sample. */
export function solveTime(decoder: Decoder, solver: Method): number {
  const most = "maxSteps" in solver ? solver.maxSteps : Infinity;
  return 2 * decodeTime(decoder) * Math.min(gradientsOf(solver), most + 1);
}

/** Returns the estimated time, in milliseconds, that one thread takes to decode one sample. */
export function decodeTime(decoder: Decoder): number {
  const { multiplications, sums } = costOf(decoder);
  return (2 * (multiplications + sums)) / SPEED;
}
