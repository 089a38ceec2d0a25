import { orderOf } from "../solver/flow.ts";
import type { Encoded } from "./base.ts";

/** One accepted step of one sample's flow: a slice of its trajectory. */
export interface Slice {
  /** Index of the sample in its mini-batch. */
  readonly sample: number;
  /** Time at the start of the slice. */
  readonly t: number;
  /** Time at the end of the slice. */
  readonly end: number;
  /** State at the start: z, for a flow of second order followed by the velocity v. */
  readonly state: Float64Array;
  /** State at the end. */
  readonly next: Float64Array;
}

/**
 * Goes back along the recorded flows: calls `visit` with the last slice of every sample, then with the one before of
 * all samples that have so many, up to the first slices. Ends early when the caller aborts.
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
