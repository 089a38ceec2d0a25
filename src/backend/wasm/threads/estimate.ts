import { builtinModule } from "../../../builtin-module.ts";
import type { Decoder } from "../../../decoder/decoder.ts";
import { costOf } from "../../../graph/graph.ts";

/** How many threads a call may use, see the option `threads` of `wasm`. */
export type Threads = number | "auto" | undefined;

/**
 * How many threads that is here: for "auto" as many as there are cores. The default is "auto" in Node, and 1 in a
 * page, where a worker's file is a thing of the bundler's.
 */
export function threadCount(threads: Threads): number {
  if (typeof threads === "number") return threads;
  const os = builtinModule("node:os");
  if (os) return os.availableParallelism();
  return threads === "auto" ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1;
}

/** A speed that the kernels reach on a core, give or take a factor of three: floating point operations a millisecond. */
const SPEED = 3e7;
/** How many gradients a flow takes, give or take a factor of five; and L-BFGS. */
const GRADIENTS = 100;
const GRADIENTS_OF_LBFGS = 20;

/** About how long one thread takes over a sample's flow, in milliseconds. */
export function solveTime(decoder: Decoder, solver: { readonly name: string }): number {
  const usual = solver.name === "lbfgs" ? GRADIENTS_OF_LBFGS : GRADIENTS;
  const most = "maxSteps" in solver && typeof solver.maxSteps === "number" ? solver.maxSteps : usual;
  return 2 * decodeTime(decoder) * Math.min(usual, most + 1);
}

/** About how long one thread takes to decode a sample, in milliseconds. */
export function decodeTime(decoder: Decoder): number {
  const { multiplications, sums } = costOf(decoder);
  return (2 * (multiplications + sums)) / SPEED;
}

/** Starting a worker costs some 50 ms of a core: less work does without. In milliseconds. */
const WORTH_STARTING = 100;
/** Handing work to workers that hold the decoder costs less than one: shorter work still does without. In milliseconds. */
const WORTH_SHARING = 5;
/** What it costs to send a decoder to a worker that is there, in milliseconds a parameter. */
const SENDING = 1e-5;

/**
 * Is a call worth sharing, when that has been left to us to decide?
 *
 * @param milliseconds that it would take on one thread, about
 * @param inAll those of the decoder's calls of late up to this one: many small ones are worth workers, too
 * @param workers what there is of them
 */
export function isWorthSharing(
  milliseconds: number,
  inAll: number,
  decoder: Decoder,
  workers: "none" | "there" | "holding the decoder",
): boolean {
  const least = {
    none: WORTH_STARTING,
    there: SENDING * decoder.parameterCount,
    "holding the decoder": 0,
  };
  return milliseconds > WORTH_SHARING && inAll > least[workers];
}

/** Work that a thread has waiting while it reports and is given more, in milliseconds: a few slices. */
const WAITING = 60;
/** However small they are, more samples than this are not kept waiting. */
const MOST_WAITING = 4096;

/**
 * How many samples a thread may hold: those that it works on, and some that wait.
 *
 * @param atOnce how many it works on at once
 * @param milliseconds that one of them takes
 */
export function samplesHeld(atOnce: number, milliseconds: number): number {
  return atOnce + Math.min(MOST_WAITING, Math.max(8, Math.ceil(WAITING / milliseconds)));
}
