import { startsOf } from "../../decoder/start.ts";
import { orderOf } from "../../solver/flow.ts";
import { allRows } from "../../solver/objective.ts";
import { Solution } from "../../solver/solution.ts";
import type { CheckedPair, Problem, Session } from "../backend.ts";
import { firstSamples } from "./problem.ts";

/** Maximum number of samples whose losses and gradients are compared. */
const COMPARED = 4;
/**
 * Difference between the losses or gradients of two backends, relative to the norm of the reference's, that counts as an error.
 */
const TOLERANCE = 1e-3;

/**
 * Minimum number of times that the solver calls `pause` in a measurement of speed, unless the solver ends before. A shorter
 * measurement would miss the curvature matrices, which lbfgs computes only at some steps.
 */
const TIMED = 3;
/** Minimum length of a measurement of speed in milliseconds, unless the solver ends before. */
const SHORTEST = 100;

/**
 * Compares a backend's losses and gradients of a few samples with a reference's; returns a description of the difference, or
 * undefined if there is none above the tolerance.
 */
export async function findDisparity(
  candidate: Session,
  reference: Session,
  problem: Problem,
): Promise<string | undefined> {
  const few = firstSamples(problem, COMPARED);
  const [got, expected] = [await evaluate(candidate, few), await evaluate(reference, few)];
  const lossError = relativeDistance(got.losses, expected.losses);
  const gradientError = relativeDistance(got.gradients, expected.gradients);
  // Written so that NaN counts as a difference too.
  if (lossError < TOLERANCE && gradientError < TOLERANCE) return undefined;
  const errors = `losses by ${lossError.toExponential(1)}, gradients by ${gradientError.toExponential(1)}`;
  return `computes wrongly: ${errors}, of which ${TOLERANCE} would be allowed`;
}

/** Runs a backend until the solver first calls `pause`, so that the backend's graphs and pipelines exist. */
export async function warmUp(session: Session, problem: Problem, pair: CheckedPair): Promise<void> {
  await measureSpeed(session, problem, pair, 1, 0);
}

/**
 * Returns a backend's speed with the solver of the call: the number of evaluations of one sample's loss per second. `warmUp`
 * must have been called before. Solves until the solver has called `pause` `times` times and `milliseconds` have passed, or
 * until it ends.
 */
export async function measureSpeed(
  session: Session,
  problem: Problem,
  pair: CheckedPair,
  times = TIMED,
  milliseconds = SHORTEST,
): Promise<number> {
  const { sampleCount, decoder } = problem;
  const { latentSize, start: z0 } = decoder;
  const starts = z0 && startsOf(z0, decoder, 0, sampleCount);
  const solution = new Solution(sampleCount, latentSize, starts, { order: orderOf(pair.flow) });
  let pauses = 0;
  const start = performance.now();
  await session.solve(problem, pair, solution, {
    aborted: () => pauses >= times && performance.now() - start >= milliseconds,
    pause: async () => void pauses++,
  });
  const evaluations = solution.valueEvaluations.reduce((sum, count) => sum + count, 0);
  return (1000 * evaluations) / (performance.now() - start);
}

async function evaluate(session: Session, problem: Problem) {
  const { decoder, sampleCount } = problem;
  const objective = await session.objective(problem, 0, sampleCount);
  const rows = allRows(sampleCount);
  // Not at z = 0, where an error might not show.
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
