import { orderOf } from "../solver/flow.ts";
import { type DifferentiableObjective, valuesAt } from "../solver/objective.ts";
import type { Adjoint, Encoded } from "./base.ts";

/**
 * Makes the adjoint that computes the approximate gradient (equations 11 and 12 of the paper, arXiv 2412.00864): ∂_θ l(y, D(z*,
 * θ)) with the code z* held fixed, θ the decoder's parameters, by one forward and one backward pass. Exact if the flow has come
 * to rest, since ∇_z l = 0 there.
 *
 * @example
 * await train(decoder, images, { adjoint: approximate() });
 */
export function approximate(): Adjoint {
  return Object.freeze<Adjoint>({
    name: "approximate",
    needs: "end",
    copies: () => 1,
    addGradient: async (objective, encoded) => (await addGradientAtEnd(objective, encoded)).losses,
  });
}

/**
 * Adds the losses' gradient ∂_θ l with respect to the decoder's parameters θ, at the ends of the samples' flows, to the
 * objective's parameter sums: the first step of every adjoint.
 *
 * @returns `losses`, [B], at the ends of the flows, and `dStates`, [B, order · d] with the flow's order, 1 or 2: in each row
 *   ∇_z l, followed for order 2 by d zeros, the gradient with respect to the velocity
 */
export async function addGradientAtEnd(
  objective: DifferentiableObjective,
  { flow, solution }: Encoded,
): Promise<{ losses: Float64Array; dStates: Float64Array }> {
  const samples = Int32Array.from(solution.objective, (_, sample) => sample);
  const { losses } = await valuesAt(objective, samples, solution.z);
  const gradients = await objective.gradient(samples);
  await objective.addParameterGradient(samples);
  const order = orderOf(flow);
  const dStates = new Float64Array(order * gradients.length);
  const d = objective.latentSize;
  for (let at = 0; at < gradients.length; at += d) {
    dStates.set(gradients.subarray(at, at + d), order * at);
  }
  return { losses, dStates };
}
