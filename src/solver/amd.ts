import { calling } from "../base/calling.ts";
import type { Complete } from "../base/check.ts";
import { option, words } from "../base/message.ts";
import { choice, completeOptions, count, type FieldsOf, number } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { MAX_COUNT } from "./base.ts";

/** Options of `amd`. */
export interface AmdOptions {
  /** End time of the flow, > 0. Default 1e4. */
  t1?: number | undefined;
  /**
   * Length of the first step, and minimum length that each later step is first tried with, > 0. Default 1.
   *
   * The last step is cut to end at `t1`, and may be shorter.
   */
  stepInit?: number | undefined;
  /** Maximum step length, > 0 and at least `stepInit`. Default 10, or `stepInit` if that is larger. */
  stepMax?: number | undefined;
  /** Growth factor of the step length from one step to the next, ≥ 1. Default 1.1. */
  increaseFactor?: number | undefined;
  /** Factor that multiplies the length of a step that does not lower the loss enough, in (0, 1). Default 0.75. */
  decreaseFactor?: number | undefined;
  /**
   * Decrease of the loss that a step must exceed, as a fraction of the decrease that the gradient predicts, in [0, 1).
   * Default 0: any decrease.
   *
   * The gradient predicts δt·‖∇_z l‖² for a step of length δt, the decrease to first order.
   */
  slope?: number | undefined;
  /**
   * Length of a step that the next one grows from: `"accepted"` (the default), or `"trial"`, the length first tried.
   *
   * The paper prints `"trial"`.
   */
  growFrom?: "accepted" | "trial" | undefined;
  /**
   * Maximum number of times that one step is shortened, ≥ 0; if it still fails, the sample ends as `"stalled"` or
   * `"converged"`. Default 100.
   */
  maxBacktracks?: number | undefined;
  /**
   * Maximum number of accepted steps per sample, ≥ 0. Default 10,000.
   *
   * With 0 only the loss and its gradient at z0 are evaluated.
   */
  maxSteps?: number | undefined;
  /**
   * Mean decrease of the loss per step, over the last `window` accepted losses, below which a sample has converged, ≥ 0.
   * Default 1e-5.
   *
   * With 0 a sample converges only where the gradient is 0 or no step lowers the loss any more.
   */
  tolerance?: number | undefined;
  /** Number of accepted losses, the latest ones, that `tolerance` is tested on, 2 to 1,000. Default 5. */
  window?: number | undefined;
  /** Fraction of the end time `t1` before which `tolerance` ends no sample, in [0, 1]. Default 0.02. */
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

/**
 * Makes the AMD solver, the adaptive minimise-distance method (equations 6 and 7 of the paper, arXiv 2412.00864): explicit steps
 * along -∇_z l, each shortened until it lowers the sample's loss. Every sample has its own step lengths and stopping time. AMD
 * follows the gradient flow; `lbfgs()`, the default, goes to where the flow would come to rest, with fewer evaluations.
 *
 * The step rule is the paper's, with s_0 `stepInit`, s_max `stepMax`, κ `increaseFactor` and β `decreaseFactor`; `t1`,
 * `tolerance`, `window` and `settle` are from its authors' code. If the loss is scaled by c (`reduction: "sum"`, or data times
 * √c), divide `stepInit`, `stepMax` and `t1` by c, and multiply `tolerance` by c. `"converged"` is the early stop of the authors'
 * code, at which the loss decreases by less than `tolerance` per step. It does not mean rest: the code may still be far from the
 * end of the flow. If no step lowers the loss any more, the sample is `"converged"` if the decrease expected from the last step's
 * length is below the rounding of float32, else `"stalled"`.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { solver: amd({ t1: 1000 }) });
 */
export function amd(options: AmdOptions = {}): Amd {
  return calling("amd", () => {
    const all = completeOptions(options, AMD_FIELDS);
    if (options.stepMax === undefined) all.stepMax = Math.max(all.stepMax, all.stepInit);
    if (all.stepMax < all.stepInit) {
      throw refused(
        "stepMax",
        "is",
        `${all.stepMax}`,
        words`at least ${option("stepInit")}, ${all.stepInit}`,
      );
    }
    return Object.freeze<Amd>({ name: "amd", ...all });
  });
}
