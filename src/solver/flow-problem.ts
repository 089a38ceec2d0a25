import type { Control } from "./base.ts";
import type { Flow } from "./flow.ts";
import type { Objective } from "./objective.ts";
import type { Solution } from "./solution.ts";

/** Samples whose flows a solver follows together, on any backend. */
export interface FlowProblem {
  /** Objective of `sampleCount` samples of the solution, from the sample of index `first` on. */
  readonly objective: Objective;
  readonly flow: Flow;
  /**
   * Solution of all samples of the call: it holds z0 on entry; the results of sample r of the objective are written at index
   * `first` + r.
   */
  readonly solution: Solution;
  /** Index in `solution` of the objective's first sample. */
  readonly first: number;
  readonly control: Control;
}
