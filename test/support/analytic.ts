import { type Flow, orderOf } from "../../src/solver/flow.ts";
import { integrate, type StepControl } from "../../src/solver/integrate.ts";
import type { Objective } from "../../src/solver/objective.ts";
import { Recording } from "../../src/solver/recording.ts";
import type { Tableau } from "../../src/solver/runge-kutta.ts";
import type { SaveAt } from "../../src/solver/save-at.ts";
import { Solution } from "../../src/solver/solution.ts";
import { solveObjective } from "../../src/solver/solve-objective.ts";
import type { Method } from "../../src/solver/solver.ts";
import { uninterrupted } from "./control.ts";

/** One sample's loss of its latent, in float64. */
export interface AnalyticLoss {
  value(z: Float64Array): number;
  gradient(z: Float64Array): number[];
}

/** Σ λ_k z_k² / 2, whose gradient flow is z_k exp(-λ_k t). */
export function quadratic(...lambda: number[]): AnalyticLoss {
  return {
    value: (z) => lambda.reduce((sum, l, k) => sum + (l * z[k]! ** 2) / 2, 0),
    gradient: (z) => lambda.map((l, k) => l * z[k]!),
  };
}

/** Σ scale · z_k⁴ / 4, whose gradient flow is z_k / √(1 + 2 scale z_k² t). */
export function quartic(scale = 1): AnalyticLoss {
  return {
    value: (z) => z.reduce((sum, x) => sum + (scale * x ** 4) / 4, 0),
    gradient: (z) => Array.from(z, (x) => scale * x ** 3),
  };
}

/** An objective of analytic losses, one for each sample, that checks how it is called. */
function analyticObjective(latentSize: number, losses: readonly AnalyticLoss[]): Objective {
  const points = new Map<number, Float64Array>();
  return {
    sampleCount: losses.length,
    latentSize,
    async value(rows, z) {
      if (z.length !== rows.length * latentSize)
        throw new Error(`${z.length} numbers for ${rows.length} rows`);
      if (new Set(rows).size !== rows.length) throw new Error("a row is chosen twice");
      return Float64Array.from(rows, (row, i) => {
        const point = z.slice(i * latentSize, (i + 1) * latentSize);
        points.set(row, point);
        return losses[row]!.value(point);
      });
    },
    async gradient(rows) {
      return Float64Array.from(Array.from(rows, (row) => losses[row]!.gradient(points.get(row)!)).flat());
    },
    dispose() {},
  };
}

/** A Runge-Kutta method with a step control of the test's own. */
export interface Integration {
  readonly tableau: Tableau;
  readonly steps: StepControl;
}

/** Solves analytic losses from z0 and returns what the solver left behind. */
export async function solveAnalytic(
  losses: readonly AnalyticLoss[],
  flow: Flow,
  solver: Method | Integration,
  z0: readonly number[],
  saveAt?: SaveAt,
): Promise<Solution> {
  const latentSize = z0.length / losses.length;
  const solution = new Solution(losses.length, latentSize, undefined, {
    order: orderOf(flow),
    recording: saveAt && new Recording(saveAt, losses.length),
  });
  solution.z.set(z0);
  const objective = analyticObjective(latentSize, losses);
  const problem = { objective, flow, solution, first: 0, control: uninterrupted };
  await ("steps" in solver
    ? integrate(solver.tableau, solver.steps, problem)
    : solveObjective(solver, problem));
  return solution;
}
