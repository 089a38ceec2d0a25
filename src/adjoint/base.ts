import { subject } from "../base/message.ts";
import { invalid, refused } from "../base/refuse.ts";
import { alternatives, show, showName } from "../base/show.ts";
import type { Control } from "../solver/base.ts";
import type { Flow } from "../solver/flow.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Solution } from "../solver/solution.ts";
import { endOf, type Method, type Solver, solversWith, tableauOf } from "../solver/solver.ts";
import { isCustom, type Loss } from "../terms/losses.ts";

/** Samples whose flows have been solved. */
export interface Encoded {
  readonly flow: Flow;
  readonly solver: Method;
  /** Solution of the objective's samples, with every accepted step recorded (`saveAt: "steps"`) unless `needs` is `"end"`. */
  readonly solution: Solution;
  readonly control: Control;
}

/** Names of the adjoints. */
const ADJOINTS = ["approximate", "full", "direct"] as const;

/**
 * Method that computes d_θ L, the gradient of the summed losses at the ends of the flows for the decoder's parameters:
 * an immutable value made by the function of its name, as `approximate()`.
 */
export interface Adjoint {
  readonly name: (typeof ADJOINTS)[number];
  /**
   * Required knowledge of a flow: its `"end"`; its accepted steps, by any solver (`"steps"`); or also the solver's
   * tableau within a step (`"method"`). All but the end need second derivatives of the loss.
   */
  readonly needs: "end" | "steps" | "method";
  /** Number of copies of each sample that the objective has to have. */
  copies(solver: Method): number;
  /**
   * Adds d_θ L to the objective's parameter sums. A sample whose flow is not finite makes the sums not finite.
   *
   * @param objective objective of the B samples, with as many copies as `copies` says
   * @returns [B] the losses at the ends
   */
  addGradient(objective: DifferentiableObjective, encoded: Encoded): Promise<Float64Array>;
}

/** Checks an adjoint: a value of another kind, or one that does not suit the solver or the loss, is refused. */
export function checkAdjoint(where: string, adjoint: Adjoint, solver: Solver, loss: Loss): Adjoint {
  if (typeof adjoint?.addGradient !== "function") {
    const expected = alternatives(ADJOINTS.map((name) => `${name}()`));
    throw refused(where, "adjoint", "is", show(adjoint), expected);
  }
  if (adjoint.needs !== "end" && endOf(solver) === Number.POSITIVE_INFINITY) {
    throw invalid(
      `${where}: ${subject("adjoint")} ${showName(adjoint.name)} cannot go back along the way of solver ${showName(solver.name)}, which is not the gradient flow's; use approximate(), which is exact at rest, or a solver that follows the flow, such as amd()`,
    );
  }
  if (adjoint.needs === "method" && tableauOf(solver) === undefined) {
    throw invalid(
      `${where}: ${subject("adjoint")} direct cannot go back through solver ${showName(solver.name)}; use ${alternatives(solversWith("tableau"))}, or adjoint full()`,
    );
  }
  if (adjoint.needs !== "end" && isCustom(loss) && loss.curvature === undefined) {
    throw invalid(
      `${where}: ${subject("adjoint")} ${showName(adjoint.name)} needs second derivatives; give customLoss a curvature(output, target), or use approximate()`,
    );
  }
  return adjoint;
}
