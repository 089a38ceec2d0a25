import { attached } from "../../brand.ts";
import { Solution, type Solver } from "../../solver/base.ts";
import type { FusedSolve, PreparedBackend, Problem } from "../base.ts";

/** So many samples are compared with the other backend's, and may be off by so much of their norm. */
const COMPARED = 4;
const TOLERANCE = 1e-3;

/** A backend is timed over so many pauses of its solver, or evaluations of its objective. */
const TIMED = 3;

/** The first samples of a problem, copied: a trial may outlast the call whose data they are. */
export function firstSamples(problem: Problem, most: number): Problem {
  const { decoder, targets, weights } = problem;
  const sampleCount = Math.min(problem.sampleCount, most);
  const n = decoder.outputSize;
  const cut = (values: Float32Array) => values.slice(0, Math.min(values.length, sampleCount * n));
  return {
    ...{ ...problem, sampleCount },
    targets: cut(attached("y", targets)),
    weights: weights && cut(attached("weights", weights)),
  };
}

/**
 * How a backend's losses and gradients of a few samples differ from another's: what is wrong, for people, or
 * undefined.
 */
export async function findDisparity(
  candidate: PreparedBackend,
  reference: PreparedBackend,
  problem: Problem,
): Promise<string | undefined> {
  const few = firstSamples(problem, COMPARED);
  const [got, expected] = [await evaluate(candidate, few), await evaluate(reference, few)];
  const lossError = relativeDistance(got.losses, expected.losses);
  const gradientError = relativeDistance(got.gradients, expected.gradients);
  // Written so that NaN is a disparity too.
  if (lossError < TOLERANCE && gradientError < TOLERANCE) return undefined;
  const errors = `losses by ${lossError.toExponential(1)}, gradients by ${gradientError.toExponential(1)}`;
  return `computes wrongly: ${errors}, of which ${TOLERANCE} would be allowed`;
}

/**
 * How many samples are evaluated in a second: by the solver as a whole where the backend has it fused, and else by
 * its objective. What has to be made first is made, and left out, if `warmUp` has been called before.
 */
export function measureSpeed(
  prepared: PreparedBackend,
  problem: Problem,
  solver: Solver | undefined,
): Promise<number> {
  return run(prepared, problem, solver, TIMED);
}

/** Has a backend make what it needs for the problem. */
export async function warmUp(
  prepared: PreparedBackend,
  problem: Problem,
  solver: Solver | undefined,
): Promise<void> {
  await run(prepared, problem, solver, 1);
}

async function run(
  prepared: PreparedBackend,
  problem: Problem,
  solver: Solver | undefined,
  times: number,
): Promise<number> {
  const fused = solver && prepared.fused(solver, problem.loss);
  const start = performance.now();
  const evaluations = await (fused ? runFused(fused, problem, times) : evaluateAll(prepared, problem, times));
  return (1000 * evaluations) / (performance.now() - start);
}

/** The evaluations until a fused solver has paused so many times. */
async function runFused(fused: FusedSolve, problem: Problem, times: number): Promise<number> {
  const solution = new Solution(problem.sampleCount, problem.decoder.latentSize);
  let pauses = 0;
  await fused(problem, solution, {
    aborted: () => pauses >= times,
    pause: async () => {
      pauses++;
    },
  });
  return solution.valueEvaluations.reduce((sum, count) => sum + count, 0);
}

async function evaluateAll(prepared: PreparedBackend, problem: Problem, times: number): Promise<number> {
  const count = Math.min(problem.sampleCount, prepared.objectiveSize(problem));
  const objective = prepared.objective(problem, 0, count);
  const rows = Int32Array.from({ length: count }, (_, row) => row);
  const z = new Float64Array(count * problem.decoder.latentSize);
  try {
    for (let i = 0; i < times; i++) {
      await objective.value(rows, z);
      await objective.gradient(rows);
    }
    return times * count;
  } finally {
    objective.dispose();
  }
}

async function evaluate(prepared: PreparedBackend, problem: Problem) {
  const { decoder, sampleCount } = problem;
  const objective = prepared.objective(problem, 0, sampleCount);
  const rows = Int32Array.from({ length: sampleCount }, (_, row) => row);
  // Anywhere but 0, where what is wrong might not show.
  const z = Float64Array.from({ length: sampleCount * decoder.latentSize }, (_, i) => Math.sin(i + 1));
  try {
    const losses = await objective.value(rows, z);
    return { losses, gradients: await objective.gradient(rows) };
  } finally {
    objective.dispose();
  }
}

function relativeDistance(a: Float64Array, b: Float64Array): number {
  const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const distance = norm(a.map((value, i) => value - b[i]!));
  return distance === 0 ? 0 : distance / norm(b);
}
