import type { Amd } from "../../src/index.ts";
import { norm } from "./reference.ts";

/** Which parts of algorithm 1 are taken as the paper prints them. The others are as they are meant. */
export interface Printed {
  /** The loop over the steps goes on once it should end. */
  readonly outerCondition?: boolean;
  /** A step is shortened while it lowers the loss. */
  readonly innerCondition?: boolean;
  /** The r-th time a step is shortened, it is multiplied by β^r. */
  readonly compounding?: boolean;
  /** The flow ends where the loss falls by less than 0.01 a step. */
  readonly threshold?: boolean;
}

export interface Algorithm1Run {
  readonly z: readonly number[];
  /** At z0, and after each step. */
  readonly losses: readonly number[];
  /** δt of each step. */
  readonly steps: readonly number[];
}

/**
 * Algorithm 1 of one sample, from 0, in float64.
 *
 * @param at the loss and its gradient at a point
 * @param solver whose options it uses; steps grow from the accepted step
 */
export function algorithm1(
  at: (z: readonly number[]) => { readonly value: number; readonly gradient: readonly number[] },
  latentSize: number,
  solver: Amd,
  printed: Printed = {},
): Algorithm1Run {
  const { t1, stepInit, stepMax, increaseFactor, decreaseFactor, maxBacktracks, settle, window } = solver;
  const tolerance = printed.threshold ? 0.01 : solver.tolerance;
  let z: readonly number[] = Array(latentSize).fill(0);
  const losses = [at(z).value];
  const steps: number[] = [];
  let t = 0;
  /** The mean of the numerical gradient of the last five losses, of unit spacing. */
  function isFlat(): boolean {
    if (steps.length < window || t < settle * t1) return false;
    const [l0, l1, , l3, l4] = losses.slice(-window) as [number, number, number, number, number];
    return Math.abs(3 * (l4 - l0) + l1 - l3) / 10 < tolerance;
  }
  const shouldGoOn = () => t < t1 && !isFlat();
  while (shouldGoOn() !== (printed.outerCondition ?? false) && steps.length < solver.maxSteps) {
    const { value, gradient } = at(z);
    if (norm(gradient) === 0) break;
    const grown = steps.length === 0 ? stepInit : Math.max(increaseFactor * steps.at(-1)!, stepInit);
    let step = Math.min(grown, stepMax, t1 - t);
    const tried = () => z.map((x, k) => x - step * gradient[k]!);
    const lowers = () => at(tried()).value < value;
    let r = 0;
    while (lowers() === (printed.innerCondition ?? false) && r <= maxBacktracks) {
      r++;
      step *= printed.compounding ? decreaseFactor ** r : decreaseFactor;
    }
    if (r > maxBacktracks) break;
    z = tried();
    t += step;
    steps.push(step);
    losses.push(at(z).value);
  }
  return { z, losses, steps };
}
