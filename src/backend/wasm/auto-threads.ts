import type { Decoder } from "../../decoder/decoder.ts";
import { costOf } from "../../graph/graph.ts";
import { gradientsOf } from "../../solver/solver.ts";
import type { Unit } from "./team.ts";

// Estimated time of work on one thread, to decide whether sharing it pays.

/** Typical speed of the kernels on a core, within a factor of three: floating-point operations per millisecond. */
const SPEED = 3e7;
/** Minimum work for which workers are started, in milliseconds on one thread: a start takes about 50 ms of a core. */
const WORTH_STARTING = 100;
/** Minimum work that is shared with running workers, in milliseconds on one thread. */
const WORTH_SHARING = 5;
/** Maximum pause between two calls of one decoder, in milliseconds, for their work to be added up. */
const APART = 30_000;

/** Estimated work of recent calls, in milliseconds of one thread, and the time of the last one (`performance.now()`). */
export interface Work {
  milliseconds: number;
  at: number;
}

/** Estimated time that one thread takes to update and pack one parameter, in milliseconds. */
const UPDATE_TIME = 3e-6;

/** Returns the estimated time, in milliseconds, that one thread takes for a unit of work. */
export function timeOf(unit: Unit, decoder: Decoder): number {
  if (unit === "parameter") return UPDATE_TIME;
  const { multiplications, sums } = costOf(decoder);
  const pass = (2 * (multiplications + sums)) / SPEED;
  if (unit === "pass") return pass;
  const most = "maxSteps" in unit ? unit.maxSteps : Infinity;
  return 2 * pass * Math.min(gradientsOf(unit), most + 1);
}

/**
 * Returns what a call is worth, and adds its work to the recent one: to be shared with workers that run, and that workers be started
 * for it. Many small calls are worth starting workers, too.
 *
 * @param milliseconds estimated time of the call on one thread
 * @param recent work of the decoder's recent calls
 */
export function worthOf(milliseconds: number, recent: Work): { sharing: boolean; starting: boolean } {
  const now = performance.now();
  recent.milliseconds = now - recent.at > APART ? milliseconds : recent.milliseconds + milliseconds;
  recent.at = now;
  const sharing = milliseconds > WORTH_SHARING;
  return { sharing, starting: sharing && recent.milliseconds > WORTH_STARTING };
}
