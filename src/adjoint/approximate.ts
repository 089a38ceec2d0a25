import { orderOf } from "../solver/flow.ts";
import { type DifferentiableObjective, valuesAt } from "../solver/objective.ts";
import type { Adjoint, Encoded } from "./base.ts";

/**
 * The approximate gradient (equations 11 and 12): ∂_θ l(y, D(z*, θ)) with z* held fixed, one pass forward and back.
 * Exact where the flow has come to rest, since ∇_z l = 0 there.
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
 * Adds ∂_θ l at the ends of the flows, with which every adjoint begins.
 *
 * @returns [B] the losses there, and [B, order · d] their gradients for the states: ∇_z l, and 0 for a velocity
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
