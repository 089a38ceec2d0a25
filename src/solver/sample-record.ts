import { Sample } from "../kernels/layout.ts";
import type { Solution } from "./solution.ts";

/** Copies what a Sample says of its solve, all but its z, into a solution. */
export function collectRecord(view: DataView, record: number, solution: Solution, sample: number): void {
  const of = (name: Parameters<typeof Sample.get>[2]) => Sample.get(view, record, name);
  solution.objective[sample] = of("objective");
  solution.initialObjective[sample] = of("initialObjective");
  solution.loss[sample] = of("loss");
  solution.initialLoss[sample] = of("initialLoss");
  solution.prior[sample] = of("prior");
  solution.gradientNorm[sample] = Math.sqrt(of("gradientNormSquared"));
  solution.acceptedSteps[sample] = of("acceptedSteps");
  solution.backtracks[sample] = of("backtracks");
  solution.valueEvaluations[sample] = of("valueEvaluations");
  solution.gradientEvaluations[sample] = of("gradientEvaluations");
  solution.matrixEvaluations[sample] = of("matrixEvaluations");
  solution.t[sample] = of("t");
  solution.remainingFall[sample] = of("remainingFall");
}
