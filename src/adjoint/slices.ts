import { orderOf } from "../solver/flow.ts";
import type { Encoded } from "./base.ts";

/** One accepted step of the solver on one sample's flow. */
export interface Slice {
  /** Index of the sample in its mini-batch. */
  readonly sample: number;
  /** Time at the start of the accepted step. */
  readonly t: number;
  /** Time at the end of the accepted step. */
  readonly end: number;
  /** State at the start of the accepted step: z, [d]; for a flow of second order z and then the velocity v, [2d]. */
  readonly state: Float64Array;
  /** State at the end of the accepted step: z, [d]; for a flow of second order z and then the velocity v, [2d]. */
  readonly next: Float64Array;
}

/**
 * Visits the accepted steps of all samples backwards: calls `visit` first with every sample's last step, then with every
 * sample's last step but one, and so on to the first steps; samples that have no more steps are left out. Returns early if
 * the caller has aborted.
 */
export async function walkBack(
  { flow, solution, control }: Encoded,
  visit: (slices: readonly Slice[]) => Promise<void>,
): Promise<void> {
  const { samples } = solution.recording!;
  const size = (orderOf(flow) * solution.z.length) / samples.length;
  for (let back = 1; !control.aborted(); back++) {
    const slices = samples.flatMap(({ t, states }, sample): Slice[] => {
      const last = t.length - back;
      if (last < 1) return [];
      const state = (index: number) => Float64Array.from(states.slice(index * size, (index + 1) * size));
      return [{ sample, t: t[last - 1]!, end: t[last]!, state: state(last - 1), next: state(last) }];
    });
    if (slices.length === 0) return;
    await visit(slices);
    await control.pause();
  }
}
