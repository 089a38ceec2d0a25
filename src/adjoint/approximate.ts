import type { DifferentiableObjective } from "../objective.ts";
import type { Solution } from "../solver/base.ts";
import type { Adjoint } from "./base.ts";

/**
 * The approximate gradient (equation 8): ∂_θ l(y, D(z*, θ)) with z* held fixed, one pass forward and back. Exact
 * where the flow has come to rest, since ∇_z l = 0 there.
 */
export function approximate(): Adjoint {
  return Object.freeze<Adjoint>({
    name: "approximate",
    needs: "end",
    copies: () => 1,
    addGradient: async (objective, { solution }) => (await addGradientAtEnd(objective, solution)).losses,
  });
}

/**
 * Adds ∂_θ l at the ends of the ways, with which every adjoint begins.
 *
 * @returns [B] the losses there, and [B, d] ∇_z l
 */
export async function addGradientAtEnd(
  objective: DifferentiableObjective,
  solution: Solution,
): Promise<{ losses: Float64Array; gradients: Float64Array }> {
  const samples = Int32Array.from(solution.loss, (_, sample) => sample);
  const losses = await objective.value(samples, solution.z);
  const gradients = await objective.gradient(samples);
  await objective.addParameterGradient(samples);
  return { losses, gradients };
}
