import { type Complete, checkChoice, checkNumber } from "../check.ts";
import { serializable } from "../serialize.ts";
import { MAX_COUNT } from "./base.ts";
import { descend } from "./descend.ts";
import { completeOptions, makeDescentSolver } from "./descent.ts";
import type { Amd, AmdOptions } from "./descent-solvers.ts";
import { EULER } from "./tableau.ts";

export type { Amd, AmdOptions };

const DEFAULTS: Complete<AmdOptions> = {
  t1: 1e4,
  stepInit: 1,
  stepMax: 10,
  increaseFactor: 1.1,
  decreaseFactor: 0.75,
  slope: 0,
  growFrom: "accepted",
  maxBacktracks: 100,
  maxSteps: 10_000,
  tolerance: 1e-5,
  window: 5,
  settle: 0.02,
};

/**
 * AMD, the paper's adaptive minimise-distance solver (equations 6 and 7): explicit steps along -∇_z l, each as long
 * as it lowers the sample's own loss. Every sample has its own step and its own end. It follows the gradient flow, where
 * `lbfgs()`, the default, goes to where the flow would come to rest, with fewer evaluations.
 *
 * Its steps and tolerances are the paper's, in units of the data: for a loss of another scale (`reduction: "sum"`, data
 * times 100) `stepInit`, `stepMax`, `t1` and `tolerance` want the inverse scale. Its `"converged"` is the paper's early
 * stop, where the loss falls by less than `tolerance` a step, and not rest: the codes may still be far from where the
 * flow ends. Where no step lowers the loss any more it is also `"converged"` if what the last step's length promises is
 * less than float32 can show, and `"stalled"` if it is more.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { solver: amd({ t1: 1000 }) });
 */
export function amd(options: AmdOptions = {}): Amd {
  const all = completeOptions("amd", DEFAULTS, options);
  checkNumber("amd", "t1", all.t1, { above: 0 });
  checkNumber("amd", "stepInit", all.stepInit, { above: 0 });
  if (options.stepMax === undefined) all.stepMax = Math.max(DEFAULTS.stepMax, all.stepInit);
  checkNumber("amd", "stepMax", all.stepMax, { min: all.stepInit });
  checkNumber("amd", "increaseFactor", all.increaseFactor, { min: 1 });
  checkNumber("amd", "decreaseFactor", all.decreaseFactor, { above: 0, below: 1 });
  checkChoice("amd", "growFrom", all.growFrom, ["accepted", "trial"]);
  checkNumber("amd", "maxBacktracks", all.maxBacktracks, { min: 0, max: MAX_COUNT, integer: true });
  checkNumber("amd", "window", all.window, { min: 2, max: 1000, integer: true });
  checkNumber("amd", "settle", all.settle, { min: 0, max: 1 });
  const solver: Amd = {
    name: "amd",
    flows: "unitGradient",
    tableau: EULER,
    ...all,
    solve: (objective, _flow, solution, first, control) =>
      descend(solver, objective, solution, first, control),
  };
  return serializable(makeDescentSolver(solver), "amd", all);
}
