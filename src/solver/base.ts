import type { Flow } from "../flow.ts";
import type { Objective } from "../objective.ts";
import type { Solution } from "./solution.ts";
import type { Tableau } from "./tableau.ts";

/**
 * How time advances along a flow: a plain immutable value made by `lbfgs(…)`, `amd(…)`, `euler(…)`, `rk4(…)` or
 * `dormandPrince(…)`.
 *
 * `F` is what flows it follows: `Solver<Flow>` takes any. A `Solver` as such is one of which that is not
 * known. (Hence `solve` is a property, not a method: the types then tell the two apart.)
 */
export interface Solver<F extends Flow = never> {
  readonly name: string;
  /** The end of the flow. */
  readonly t1: number;
  /** What flows it follows, as F says: any, or only the gradient flow at α = 1. */
  readonly flows: "any" | "unitGradient";
  /** The Runge-Kutta method that leads from each accepted step to the next; undefined where it is none. */
  readonly tableau?: Tableau;
  /**
   * Follows the flow of every sample of the objective, on any backend.
   *
   * @param objective the samples first … first + objective.sampleCount - 1
   * @param solution holds z0 on entry; each sample's results are written at first + its index
   */
  readonly solve: (
    objective: Objective,
    flow: F,
    solution: Solution,
    first: number,
    control: Control,
  ) => Promise<void>;
}

/** What long work asks its caller between pieces of a few milliseconds. */
export interface Control {
  /** True once the caller has aborted: stop, and leave what there is in the solution. */
  aborted(): boolean;
  /** Reports progress, and lets the event loop run now and then. */
  pause(): Promise<void>;
}

/** Larger counts would not fit the 32-bit counters of a result, nor those in assembly/. */
export const MAX_COUNT = 2 ** 31 - 1;

/** Is it a loss that float32, in which it is returned, can hold? */
export function isLoss(loss: number): boolean {
  return Number.isFinite(Math.fround(loss));
}
