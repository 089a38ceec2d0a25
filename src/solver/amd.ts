import { type Complete, checkNumber } from "../base/check.ts";
import { choice, completeOptions, count, type FieldsOf, type HelpOf, number } from "../base/options.ts";
import { MAX_COUNT } from "./base.ts";

/** Options of `amd`. */
export interface AmdOptions {
  /** End time of the flow, > 0. Default 1e4. */
  t1?: number | undefined;
  /** Length s_0 > 0 of the first step, and lower bound of the length that each later step is first tried with. Default 1. */
  stepInit?: number | undefined;
  /** Maximum step length, s_max ≥ `stepInit`. Default 10, or `stepInit` if that is larger. */
  stepMax?: number | undefined;
  /** Growth factor κ ≥ 1 of the step length from one step to the next. Default 1.1. */
  increaseFactor?: number | undefined;
  /** Factor β in (0, 1) by which the length of a step is multiplied if the step does not lower the loss enough. Default 0.75. */
  decreaseFactor?: number | undefined;
  /**
   * Required decrease of the loss in a step, as a fraction c in [0, 1) of δt·‖∇_z l‖², the decrease to first order in a step of
   * length δt. Default 0: any decrease.
   */
  slope?: number | undefined;
  /** Step length from which the next step grows: the accepted one ("accepted", the default) or the one tried first ("trial"). */
  growFrom?: "accepted" | "trial" | undefined;
  /** Maximum number of times that one step is shortened; after them the sample ends as "stalled" or "converged". Default 100. */
  maxBacktracks?: number | undefined;
  /** Maximum number of accepted steps per sample; with 0 only the loss and its gradient at z0 are evaluated. Default 10,000. */
  maxSteps?: number | undefined;
  /**
   * Mean decrease of the loss per step, over the last `window` accepted steps, below which a sample has converged, ≥ 0. With
   * 0 a sample converges only where the gradient is 0 or no step lowers the loss any more. Default 1e-5.
   */
  tolerance?: number | undefined;
  /** Number of most recent accepted losses that `tolerance` is tested on, 2 to 1,000. Default 5. */
  window?: number | undefined;
  /** Fraction of the end time t1, in [0, 1], before which `tolerance` ends no sample. Default 0.02. */
  settle?: number | undefined;
}

/** Solver `amd`, the adaptive minimise-distance method, with all its options: a plain immutable value made by `amd(…)`. */
export interface Amd extends Readonly<Complete<AmdOptions>> {
  readonly name: "amd";
}

/** Checks and defaults of the options of `amd`. */
export const AMD_FIELDS = {
  t1: number({ above: 0 }, 1e4),
  stepInit: number({ above: 0 }, 1),
  stepMax: number({ above: 0 }, 10),
  increaseFactor: number({ min: 1 }, 1.1),
  decreaseFactor: number({ above: 0, below: 1 }, 0.75),
  slope: number({ min: 0, below: 1 }, 0),
  growFrom: choice("accepted", "trial"),
  maxBacktracks: count(0, 100, MAX_COUNT),
  maxSteps: count(0, 10_000, MAX_COUNT),
  tolerance: number({ min: 0 }, 1e-5),
  window: count(2, 5, 1000),
  settle: number({ min: 0, max: 1 }, 0.02),
} satisfies FieldsOf<AmdOptions>;

/** Placeholder and help text on the command line for each option of `amd`. */
export const AMD_HELP: HelpOf<AmdOptions> = {
  t1: ["time", "end of the flow"],
  stepInit: ["time", "first step, and the least that a step is tried with"],
  stepMax: ["time", "largest step"],
  increaseFactor: ["factor", "growth from one step to the next"],
  decreaseFactor: ["factor", "a step that fails is multiplied by it"],
  slope: ["share", "least fall of the loss in a step, as a share of what its slope promises"],
  growFrom: ["step", "a step grows from the last one accepted, or the last one tried first"],
  maxBacktracks: ["n", "failures of one step until none is said to lower the loss"],
  maxSteps: ["n", "accepted steps of a sample"],
  tolerance: [
    "loss",
    "a sample has converged when its loss falls by less in a step; 0: when float32 shows no fall any more",
  ],
  window: ["n", "how many accepted losses are recent"],
  settle: ["share", "no convergence before this share of t1"],
};

/**
 * Makes the AMD solver, the adaptive minimise-distance method (equations 6 and 7 of the paper, arXiv 2412.00864): explicit steps
 * along -∇_z l, each shortened until it lowers the sample's loss. Every sample has its own step lengths and stopping time. AMD
 * follows the gradient flow; `lbfgs()`, the default, goes to where the flow would come to rest, with fewer evaluations.
 *
 * The step rule is the paper's; `t1`, `tolerance`, `window` and `settle` are from its authors' code. If the loss is scaled
 * by c (`reduction: "sum"`, or data times √c), divide `stepInit`, `stepMax` and `t1` by c, and multiply `tolerance` by c.
 * `"converged"` is the early stop of the authors' code, at which the loss decreases by less than `tolerance` per step. It
 * does not mean rest: the code may still be far from the end of the flow. If no step lowers the loss any more, the sample is
 * `"converged"` if the decrease expected from the last step's length is below the rounding of float32, else `"stalled"`.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { solver: amd({ t1: 1000 }) });
 */
export function amd(options: AmdOptions = {}): Amd {
  const all = completeOptions("amd", options, AMD_FIELDS);
  if (options.stepMax === undefined) all.stepMax = Math.max(all.stepMax, all.stepInit);
  checkNumber("amd", "stepMax", all.stepMax, { min: all.stepInit });
  return Object.freeze<Amd>({ name: "amd", ...all });
}
