import { invalid, refused, show, showName } from "../base/check.ts";
import type { Control } from "../solver/base.ts";
import type { Flow } from "../solver/flow.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Solution } from "../solver/solution.ts";
import { endOf, type Method, type Solver, tableauOf } from "../solver/solver.ts";
import { isCustom, type Loss } from "../terms/losses.ts";

/** Samples whose flows have been followed. */
export interface Encoded {
  readonly flow: Flow;
  readonly solver: Method;
  /** Of the objective's samples; with every accepted step recorded (`saveAt: "steps"`) where that is needed. */
  readonly solution: Solution;
  readonly control: Control;
}

/**
 * How the gradient for the decoder's parameters is found, d_θ L with L the sum of the samples' losses where their
 * flows have come to: an immutable value made by `approximate()`, `full()` or `direct()`.
 */
export interface Adjoint {
  readonly name: "approximate" | "full" | "direct";
  /**
   * What it has to know of the way: only its `"end"`; the accepted steps of any solver (`"steps"`); or also what
   * the solver does within a step (`"method"`). For all but the end the loss needs second derivatives.
   */
  readonly needs: "end" | "steps" | "method";
  /** How many copies of each sample it asks of the objective. */
  copies(solver: Method): number;
  /**
   * Adds d_θ L to the objective's parameter sums, sample by sample within a slice of the way. What is not finite
   * in a sample's way makes the sums so.
   *
   * @param objective of the B samples, with as many copies as it asked for
   * @returns [B] the losses at the ends
   */
  addGradient(objective: DifferentiableObjective, encoded: Encoded): Promise<Float64Array>;
}

/** Refuses what is no adjoint, and one that cannot go back along this solver's way or for this loss. */
export function checkAdjoint(where: string, adjoint: Adjoint, solver: Solver, loss: Loss): Adjoint {
  if (typeof adjoint?.addGradient !== "function") {
    throw refused(where, "adjoint", "is", show(adjoint), "approximate(), full() or direct()");
  }
  if (adjoint.needs !== "end" && endOf(solver) === Number.POSITIVE_INFINITY) {
    throw invalid(
      `${where}: adjoint ${showName(adjoint.name)} cannot go back along the way of solver ${showName(solver.name)}, which is not the gradient flow's; use approximate(), which is exact at rest, or a solver that follows the flow, such as amd()`,
    );
  }
  if (adjoint.needs === "method" && tableauOf(solver) === undefined) {
    throw invalid(
      `${where}: adjoint direct cannot go back through solver ${showName(solver.name)}; use euler, rk4, dormandPrince or amd, or adjoint full()`,
    );
  }
  if (adjoint.needs !== "end" && isCustom(loss) && loss.curvature === undefined) {
    throw invalid(
      `${where}: adjoint ${showName(adjoint.name)} needs second derivatives; give customLoss a curvature(output, target), or use approximate()`,
    );
  }
  return adjoint;
}
