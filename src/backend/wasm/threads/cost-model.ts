import type { Decoder } from "../../../decoder/decoder.ts";
import { costOf } from "../../../graph/graph.ts";
import type { Method } from "../../../solver/solver.ts";

// Estimated time of work on one thread, to decide whether sharing it pays.

/** A speed that the kernels reach on a core, give or take a factor of three: floating point operations a millisecond. */
const SPEED = 3e7;
/** Gradients that a flow takes, give or take a factor of five. */
const GRADIENTS: { readonly [Name in Method["name"]]: number } = {
  lbfgs: 20,
  amd: 100,
  euler: 100,
  rk4: 100,
  dormandPrince: 100,
  evaluateOnly: 1,
};

/** About how long one thread takes over a sample's flow, in milliseconds. */
export function solveTime(decoder: Decoder, solver: Method): number {
  const most = "maxSteps" in solver ? solver.maxSteps : Infinity;
  return 2 * decodeTime(decoder) * Math.min(GRADIENTS[solver.name], most + 1);
}

/** About how long one thread takes to decode a sample, in milliseconds. */
export function decodeTime(decoder: Decoder): number {
  const { multiplications, sums } = costOf(decoder);
  return (2 * (multiplications + sums)) / SPEED;
}
