import { total } from "../bench/timing.ts";
import type { DifferentiableObjective } from "../src/solver/objective.ts";
import type { Adjoint } from "../src/train/index.ts";

/** Calls of the decoder, each of one digit. */
export interface Calls {
  digits: number;
  /** Values with their gradients, as the flow was followed. */
  forwards: number;
  /** Values with their gradients, for the adjoint. */
  gradients: number;
  /** Hessian-vector products. */
  tangents: number;
  /** Mixed terms ∂_θ(aᵀ∇_z l). */
  mixed: number;
}

export const noCalls = (): Calls => ({ digits: 0, forwards: 0, gradients: 0, tangents: 0, mixed: 0 });

/** An adjoint that does what `adjoint` does, and adds to `calls` what that takes. */
export function countedAdjoint(adjoint: Adjoint, calls: Calls): Adjoint {
  return {
    ...adjoint,
    addGradient(objective, encoded) {
      const { gradientEvaluations } = encoded.solution;
      calls.digits += gradientEvaluations.length;
      calls.forwards += total(gradientEvaluations);
      return adjoint.addGradient(counted(objective, calls), encoded);
    },
  };
}

function counted(objective: DifferentiableObjective, calls: Calls): DifferentiableObjective {
  const { sampleCount, latentSize, parameterCount } = objective;
  return {
    sampleCount,
    latentSize,
    parameterCount,
    value: (rows, z) => objective.value(rows, z),
    ...(objective.terms && { terms: objective.terms }),
    gradient(rows) {
      calls.gradients += rows.length;
      return objective.gradient(rows);
    },
    tangent(rows, v) {
      calls.tangents += rows.length;
      return objective.tangent(rows, v);
    },
    addMixedGradient(rows) {
      calls.mixed += rows.length;
      return objective.addMixedGradient(rows);
    },
    addParameterGradient: (rows) => objective.addParameterGradient(rows),
    takeParameterSums: () => objective.takeParameterSums(),
    dispose: () => objective.dispose(),
  };
}
