import type { Control } from "./base.ts";
import type { Flow } from "./flow.ts";
import type { Objective } from "./objective.ts";
import type { Solution } from "./solution.ts";

/** Samples whose flows a solver follows together, on any backend. */
export interface FlowProblem {
  /** Objective of the samples first … first + sampleCount - 1 of the solution. */
  readonly objective: Objective;
  readonly flow: Flow;
  /** Solution of all samples of the call: it holds z0 on entry; the results of row r are written at first + r. */
  readonly solution: Solution;
  readonly first: number;
  readonly control: Control;
}
