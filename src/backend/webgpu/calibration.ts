import { startsOf } from "../../decoder/start.ts";
import { orderOf } from "../../solver/flow.ts";
import { allRows } from "../../solver/objective.ts";
import { Solution } from "../../solver/solution.ts";
import type { CheckedPair, Problem, Session } from "../backend.ts";
import { firstSamples } from "./problem.ts";

/** So many samples are compared with the other backend's, and may be off by so much of their norm. */
const COMPARED = 4;
const TOLERANCE = 1e-3;

/**
 * A backend is timed over so many pauses of its solver, and for so many milliseconds, unless it is done sooner: a GPU's
 * first few rounds would say nothing of the matrices that lbfgs asks for on its way.
 */
const TIMED = 3;
const SHORTEST = 100;

/**
 * How a backend's losses and gradients of a few samples differ from another's: what is wrong, for people, or
 * undefined.
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
  // Written so that NaN is a disparity too.
  if (lossError < TOLERANCE && gradientError < TOLERANCE) return undefined;
  const errors = `losses by ${lossError.toExponential(1)}, gradients by ${gradientError.toExponential(1)}`;
  return `computes wrongly: ${errors}, of which ${TOLERANCE} would be allowed`;
}

/**
 * How many evaluations of samples a backend makes in a second with the solver that was asked for. What has to be made
 * first is made, and left out, if `warmUp` has been called before.
 */
export function measureSpeed(session: Session, problem: Problem, pair: CheckedPair): Promise<number> {
  return run(session, problem, pair, TIMED, SHORTEST);
}

/** Has a backend make what it needs for the problem. */
export async function warmUp(session: Session, problem: Problem, pair: CheckedPair): Promise<void> {
  await run(session, problem, pair, 1, 0);
}

/** Solves until the solver has paused so many times and so many milliseconds have gone by. */
async function run(
  session: Session,
  problem: Problem,
  pair: CheckedPair,
  times: number,
  milliseconds: number,
): Promise<number> {
  const { sampleCount, decoder } = problem;
  const { latentSize, start: z0 } = decoder;
  const starts = z0 && startsOf(z0, decoder, 0, sampleCount);
  const solution = new Solution(sampleCount, latentSize, starts, { order: orderOf(pair.flow) });
  let pauses = 0;
  const start = performance.now();
  await session.solve(problem, pair, solution, {
    aborted: () => pauses >= times && performance.now() - start >= milliseconds,
    pause: async () => {
      pauses++;
    },
  });
  const evaluations = solution.valueEvaluations.reduce((sum, count) => sum + count, 0);
  return (1000 * evaluations) / (performance.now() - start);
}

async function evaluate(session: Session, problem: Problem) {
  const { decoder, sampleCount } = problem;
  const objective = await session.objective(problem, 0, sampleCount);
  const rows = allRows(sampleCount);
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
