import { orderOf } from "../solver/flow.ts";
import type { Encoded } from "./base.ts";

/** One sample's accepted step, a slice of its way. */
export interface Slice {
  readonly sample: number;
  /** Its start and its end. */
  readonly t: number;
  readonly end: number;
  /** The states there: z, for a flow of second order followed by v. */
  readonly state: Float64Array;
  readonly next: Float64Array;
}

/**
 * Goes back along the recorded ways: calls `visit` with the last slice of every sample, then with the last but
 * one of those that have as many, up to the first. Ends early when the caller aborts.
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
