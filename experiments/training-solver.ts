import { median } from "../bench/timing.ts";
import { createPaperDecoder } from "../reproduce/paper-setting.ts";
import { type Amd, type Lbfgs, lbfgs } from "../src/index.ts";
import { AMD_IN_TRAINING } from "../src/train/check-options.ts";
import { rmsprop, train } from "../src/train/index.ts";
import { chooseDigits, showLoss, testLoss } from "./digits.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report, seconds } from "./table.ts";

const COUNTS = [480, 1920];
const SEEDS = 3;
/** Test digits, whose floor `showLoss` has, that the trained decoders are tried on, by lbfgs. */
const TESTED = 1000;

/** What a training run came to. */
interface Outcome {
  readonly loss: number;
  readonly trained: number;
}

/**
 * Which solver `train` is best left to: one pass over few digits, mini-batch 5, RMSprop, by AMD as `train` has it and by
 * lbfgs; seeds one after the other from the one given, and their medians. Both decoders are tested by lbfgs.
 */
export async function compareTrainingSolvers({ seed: firstSeed, out }: ExperimentSettings): Promise<void> {
  const rows: Row[] = [];
  for (const count of COUNTS) {
    const outcomes: { readonly amd: Outcome; readonly lbfgs: Outcome }[] = [];
    for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
      const outcome = {
        amd: await trainWith(AMD_IN_TRAINING, count, seed),
        lbfgs: await trainWith(lbfgs(), count, seed),
      };
      outcomes.push(outcome);
      const row = rowOf(count, seed, outcome);
      console.log(Object.values(row).join(", "));
      rows.push(row);
    }
    const of = (solver: "amd" | "lbfgs", what: keyof Outcome) =>
      median(outcomes.map((outcome) => outcome[solver][what]));
    const both = (solver: "amd" | "lbfgs") => ({ loss: of(solver, "loss"), trained: of(solver, "trained") });
    rows.push(rowOf(count, "median", { amd: both("amd"), lbfgs: both("lbfgs") }));
  }
  report(out, "training-solver", rows);
}

async function trainWith(solver: Amd | Lbfgs, count: number, seed: number): Promise<Outcome> {
  const digits = await chooseDigits(count, seed);
  const start = performance.now();
  const run = await train(createPaperDecoder(seed), digits.train, {
    solver,
    seed,
    batchSize: 5,
    optimizer: rmsprop(),
  });
  const trained = seconds(start);
  return { loss: await testLoss(run.decoder, digits.test.slice(0, TESTED)), trained };
}

function rowOf(
  digits: number,
  seed: number | "median",
  { amd, lbfgs }: Record<"amd" | "lbfgs", Outcome>,
): Row {
  return {
    digits,
    seed,
    "amd test loss": showLoss(amd.loss),
    "lbfgs test loss": showLoss(lbfgs.loss),
    "amd trained in s": amd.trained,
    "lbfgs trained in s": lbfgs.trained,
  };
}
