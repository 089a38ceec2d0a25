import { refused } from "../base/refuse.ts";
import { alternatives, show, showName } from "../base/show.ts";
import type { Control } from "../solver/base.ts";
import type { Flow } from "../solver/flow.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Solution } from "../solver/solution.ts";
import { endOf, type Method, type Solver } from "../solver/solver.ts";
import { solversWithTableau, tableauOf } from "../solver/tableaus.ts";
import { isCustom, type Loss } from "../terms/losses.ts";

/** Solved flows of an objective's samples: the input of an adjoint. */
export interface Encoded {
  readonly flow: Flow;
  readonly solver: Method;
  /** Ends of the flows and, unless the adjoint's `needs` is `"end"`, every accepted step of each (`saveAt: "steps"`). */
  readonly solution: Solution;
  readonly control: Control;
}

/** Names of all adjoint methods; each is also the name of the function that makes it. */
const ADJOINTS = ["approximate", "full", "direct"] as const;

/**
 * Method that computes d_θ L: L is the sum over the samples of the loss at the end of the flow, θ the decoder's parameters.
 * An immutable value made by the function of its name, such as `approximate()`.
 */
export interface Adjoint {
  readonly name: (typeof ADJOINTS)[number];
  /**
   * Part of each solved flow that the adjoint uses: its end (`"end"`); its accepted steps, by any solver with an end time t1
   * (`"steps"`); or accepted steps of a Runge-Kutta solver, whose tableau it differentiates (`"method"`). `"steps"` and
   * `"method"` also require second derivatives of the loss.
   */
  readonly needs: "end" | "steps" | "method";
  /**
   * Returns how many copies of each sample the objective must hold: one for each Runge-Kutta stage of the adjoint; 1 for
   * `approximate()`.
   */
  copies(solver: Method): number;
  /**
   * Adds d_θ L, the gradient of the summed losses at the ends of the flows with respect to the decoder's parameters θ, to
   * the objective's parameter sums. If the flow of any sample is not finite, the sums are not finite either.
   *
   * @param objective objective of the B samples, with `copies(solver)` copies of each
   * @returns losses at the ends of the flows, [B]
   */
  addGradient(objective: DifferentiableObjective, encoded: Encoded): Promise<Float64Array>;
}

/**
 * Returns the option `adjoint` if it is an adjoint that supports the solver and the loss.
 *
 * @throws LatentflowError `invalid_argument` otherwise
 */
export function checkAdjoint(adjoint: Adjoint, solver: Solver, loss: Loss): Adjoint {
  if (typeof adjoint?.addGradient !== "function" || typeof adjoint.copies !== "function") {
    const expected = alternatives(ADJOINTS.map((name) => `${name}()`));
    throw refused("adjoint", "is", show(adjoint), expected);
  }
  if (adjoint.needs !== "end" && endOf(solver) === Number.POSITIVE_INFINITY) {
    const reason = `, since solver ${showName(solver.name)} does not follow the gradient flow, and its way cannot be gone back`;
    const advice = "; approximate() is exact at rest; or use a solver that follows the flow, such as amd()";
    throw refused("adjoint", "is", showName(adjoint.name), "approximate()", reason + advice);
  }
  if (adjoint.needs === "method" && tableauOf(solver) === undefined) {
    const others = alternatives(solversWithTableau());
    const advice = `, since solver ${showName(solver.name)} has no steps to go back through; or use solver ${others}`;
    throw refused("adjoint", "is", "direct", "full()", advice);
  }
  if (adjoint.needs !== "end" && isCustom(loss) && loss.curvature === undefined) {
    const advice =
      ", since the loss has no second derivatives; or give customLoss a curvature(output, target)";
    throw refused("adjoint", "is", showName(adjoint.name), "approximate()", advice);
  }
  return adjoint;
}
