import { type Grid, timeOf } from "./grid.ts";
import type { StepControl } from "./integrate.ts";

/** Makes the step control of a fixed time grid: the same steps for all samples, each accepted if its results are finite. */
export function gridSteps(grid: Grid): StepControl {
  return {
    t1: grid.t1,
    maxSteps: grid.slices,
    needsError: false,
    end: (_row, _t, accepted) => timeOf(grid, accepted + 1),
    judge: ({ allFinite }) => (allFinite ? "accept" : "nonfinite"),
  };
}
