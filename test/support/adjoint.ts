import type { Adjoint } from "../../src/adjoint/base.ts";
import type { Backend, Decoder, Flow, Loss, Solver } from "../../src/index.ts";
import { orderOf } from "../../src/solver/flow.ts";
import { integrate, type StepControl } from "../../src/solver/integrate.ts";
import type { Objective } from "../../src/solver/objective.ts";
import { Recording } from "../../src/solver/recording.ts";
import { Solution } from "../../src/solver/solution.ts";
import { solveObjective } from "../../src/solver/solve-objective.ts";
import { tableauOf } from "../../src/solver/tableaus.ts";
import { uninterrupted } from "./control.ts";
import { bindObjective } from "./objective.ts";
import { randomArray } from "./random.ts";
import { objectiveOf } from "./reference.ts";
import { decoderOf } from "./safetensors-file.ts";

/** Which flow from where, how it is followed, and with which weights. */
export interface Way {
  readonly flow: Flow;
  readonly solver: Solver;
  /** Step control in place of the solver's, for its Runge-Kutta method. */
  readonly steps?: StepControl;
  readonly z0?: Float32Array;
  /** A row for each sample. */
  readonly weights?: Float32Array;
}

function followWay({ flow, solver, steps }: Way, objective: Objective, solution: Solution): Promise<void> {
  const problem = { objective, flow, solution, first: 0, control: uninterrupted };
  return steps ? integrate(tableauOf(solver)!, steps, problem) : solveObjective(solver, problem);
}

/** Follows the flows of all samples and adds up d_θ L, on a backend. */
export async function gradientOf(
  backend: Backend,
  decoder: Decoder,
  loss: Loss,
  y: Float32Array,
  way: Way,
  adjoint: Adjoint,
): Promise<{ solution: Solution; losses: Float64Array; gradient: Float32Array }> {
  const { flow, solver, z0, weights } = way;
  const copies = adjoint.copies(solver);
  const count = y.length / decoder.outputSize;
  const solution = new Solution(count, decoder.latentSize, z0, {
    order: orderOf(flow),
    recording: new Recording("steps", count),
  });
  const flat = await bindObjective(backend, decoder, loss, y, weights);
  await followWay(way, flat, solution);
  flat.dispose();
  const objective = await bindObjective(backend, decoder, loss, y, weights, copies);
  const losses = await adjoint.addGradient(objective, { flow, solver, solution, control: uninterrupted });
  const gradient = await objective.takeParameterSums();
  objective.dispose();
  return { solution, losses, gradient };
}

/** The sum of the samples' losses where their flows come to, in float64. */
async function solvedLoss(decoder: Decoder, loss: Loss, y: Float32Array, way: Way): Promise<number> {
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const count = y.length / n;
  const points = new Map<number, Float64Array>();
  const at = (row: number) => {
    const part = (values: Float32Array) => values.subarray(row * n, (row + 1) * n);
    return objectiveOf(decoder, loss, points.get(row)!, part(y), way.weights && part(way.weights));
  };
  const objective: Objective = {
    sampleCount: count,
    latentSize: d,
    async value(rows, z) {
      for (const [i, row] of rows.entries()) points.set(row, z.slice(i * d, (i + 1) * d));
      return Float64Array.from(rows, (row) => at(row).value);
    },
    gradient: async (rows) => Float64Array.from(Array.from(rows, (row) => at(row).gradient).flat()),
    dispose() {},
  };
  const solution = new Solution(count, d, way.z0, { order: orderOf(way.flow) });
  await followWay(way, objective, solution);
  return solution.objective.reduce((sum, value) => sum + value, 0);
}

/**
 * How far a gradient is from the difference quotient of the whole solve, relative to that, in a direction that
 * touches every parameter.
 */
export async function errorByDifferences(
  gradient: Float32Array,
  decoder: Decoder,
  loss: Loss,
  y: Float32Array,
  way: Way,
): Promise<number> {
  const direction = randomArray(9, decoder.parameterCount);
  const moved = (by: number) => {
    const copy = decoderOf(decoder.toSafetensors());
    for (const [k, value] of direction.entries()) copy.parameters[k]! += by * value;
    return copy;
  };
  const h = 1e-4;
  const [plus, minus] = [moved(h), moved(-h)];
  const expected = (await solvedLoss(plus, loss, y, way)) - (await solvedLoss(minus, loss, y, way));
  // The parameters are float32: by what they were really moved.
  const got = gradient.reduce(
    (sum, slope, k) => sum + slope * (plus.parameters[k]! - minus.parameters[k]!),
    0,
  );
  return Math.abs(got / expected - 1);
}
