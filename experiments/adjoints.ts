import { logGrid, rk4 } from "../src/index.ts";
import { approximate, direct, full, rmsprop, train } from "../src/train/index.ts";
import { chooseDigits, createPaperDecoder, type ExperimentSettings, testLoss } from "./paper.ts";
import { type Row, report, seconds } from "./table.ts";

/**
 * The end of the flow, τ. The paper names none, the authors' code has 1e4 to 1.5e4 with α falling; at α = 1 the
 * flows of a young decoder come near rest by this time, and 100 slices are short enough for RK4 to be stable.
 */
const T1 = 1000;

/** One pass over the same 480 digits with each adjoint, through classic RK4 on 100 slices (section 3). */
export async function compareAdjoints({ seed, out }: ExperimentSettings): Promise<void> {
  const digits = await chooseDigits(480, seed);
  const solver = rk4({ grid: logGrid({ t1: T1, slices: 100, base: 4 }) });
  const rows: Row[] = [];
  for (const adjoint of [approximate(), full(), direct()]) {
    const start = performance.now();
    const run = await train(createPaperDecoder(seed), digits.train, {
      ...{ solver, adjoint, seed },
      optimizer: rmsprop(),
    });
    const trained = seconds(start);
    const last = run.history.slice(-20);
    rows.push({
      adjoint: adjoint.name,
      "test loss": (await testLoss(run.decoder, digits.test)).toFixed(4),
      "last 100 training digits": (last.reduce((sum, { loss }) => sum + loss, 0) / last.length).toFixed(4),
      "trained in s": trained,
    });
  }
  report(out, "adjoints", rows);
}
