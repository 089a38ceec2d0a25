import { join } from "node:path";
import {
  type Decoder,
  dormandPrince,
  encode,
  type GradientFlow,
  type Solver,
  summary,
} from "../src/index.ts";
import { rmsprop, train } from "../src/train/index.ts";
import { writeChart } from "./chart.ts";
import { chooseDigits, createPaperDecoder, type ExperimentSettings, SOLVER } from "./paper.ts";
import { type Row, report } from "./table.ts";

/** The decoder is looked at when it has seen so many digits. */
const DIGITS_SEEN = [0, 60, 120, 240, 480, 960, 1920, 3840];
/** Test digits that are encoded at each. */
const ENCODED = 16;
/** The end of the flow is AMD's, the authors'; enough steps for whatever Dormand-Prince wants. */
const T1 = SOLVER.t1;
const MAX_STEPS = 100_000;

/**
 * What the paper says of stiffness: as training goes on, a general adaptive solver's steps shrink and its cost
 * explodes, while AMD's stays. Evaluations are of the loss and its gradient, forward and back. The training is one
 * pass in pieces, at whose ends RMSprop's mean of squares starts anew.
 */
export async function measureStiffness({ seed, out }: ExperimentSettings): Promise<void> {
  const digits = await chooseDigits(DIGITS_SEEN.at(-1)!, seed);
  const y = digits.test.slice(0, ENCODED).toFloat32();
  const size = y.length / ENCODED;
  let decoder = createPaperDecoder(seed);
  const rows: Row[] = [];
  for (const [i, seen] of DIGITS_SEEN.entries()) {
    if (i > 0) {
      const piece = digits.train.subarray(DIGITS_SEEN[i - 1]! * size, seen * size);
      ({ decoder } = await train(decoder, piece, { optimizer: rmsprop(), solver: SOLVER, seed }));
    }
    const general = await evaluations(decoder, y, dormandPrince({ t1: T1, maxSteps: MAX_STEPS }));
    const adaptive = await evaluations(decoder, y, SOLVER);
    rows.push({
      "digits seen": seen,
      "Dormand-Prince evaluations": general.perSample,
      "Dormand-Prince loss": general.loss,
      "AMD evaluations": adaptive.perSample,
      "AMD loss": adaptive.loss,
    });
    console.log(`${seen} digits seen: Dormand-Prince ${general.perSample}, AMD ${adaptive.perSample}`);
  }
  report(out, "stiffness", rows);
  const line = (name: string, column: string) => ({
    name,
    points: rows.map((row) => [Number(row["digits seen"]), Number(row[column])] as const),
  });
  const file = join(out, "stiffness.png");
  writeChart(file, {
    title: "Evaluations to encode a digit, as training goes on",
    xTitle: "training digits seen",
    yTitle: "evaluations of loss and gradient",
    yScale: "log",
    lines: [
      line("Dormand-Prince to τ = 10,000", "Dormand-Prince evaluations"),
      line("AMD to its own stop", "AMD evaluations"),
    ],
  });
  console.log(file);
}

/** Evaluations a sample, those of a value alone, as AMD's backtracks, as half. */
async function evaluations(decoder: Decoder, y: Float32Array, solver: Solver<GradientFlow<1>>) {
  const result = await encode(decoder, y, { solver });
  const { valueEvaluations, gradientEvaluations } = result.stats;
  const passes = [...valueEvaluations, ...gradientEvaluations].reduce((sum, count) => sum + count, 0);
  return {
    perSample: Math.round(passes / 2 / result.status.length),
    loss: summary(result).meanLoss.toFixed(4),
  };
}
