import type { Control } from "./base.ts";
import type { Flow } from "./flow.ts";
import type { Objective } from "./objective.ts";
import type { Solution } from "./solution.ts";

/** Samples whose flows are followed together, on any backend. */
export interface FlowProblem {
  /** The samples first … first + objective.sampleCount - 1. */
  readonly objective: Objective;
  readonly flow: Flow;
  /** Holds z0 on entry; each sample's results are written at first + its index. */
  readonly solution: Solution;
  readonly first: number;
  readonly control: Control;
}
