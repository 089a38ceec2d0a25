import { countingBackend } from "../bench/timed-backend.ts";
import { createPaperDecoder } from "../reproduce/paper-setting.ts";
import { lbfgs } from "../src/index.ts";
import { AMD_IN_TRAINING } from "../src/train/check-options.ts";
import { rmsprop, train } from "../src/train/index.ts";
import { chooseDigits, showLoss, testLoss } from "./digits.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report, seconds } from "./table.ts";

const DIGITS = 480;
const EPOCHS = 4;
/** Test digits, whose floor `showLoss` has, that the trained decoder is tried on, by lbfgs. */
const TESTED = 1000;

/**
 * What `warmStart` gains: 480 digits trained several times over, each flow from where the digit's last one ended or
 * from 0. Passes are those of the flows alone, forward or back, of one digit in one epoch.
 */
export async function compareWarmStarts({ seed, out }: ExperimentSettings): Promise<void> {
  const digits = await chooseDigits(DIGITS, seed);
  const rows: Row[] = [];
  for (const solver of [lbfgs(), AMD_IN_TRAINING]) {
    for (const warmStart of [false, true]) {
      const { backend, passes } = countingBackend();
      const start = performance.now();
      const run = await train(createPaperDecoder(seed), digits.train, {
        solver,
        warmStart,
        backend,
        seed,
        epochs: EPOCHS,
        optimizer: rmsprop(),
      });
      const trained = seconds(start);
      const row = {
        solver: solver.name,
        start: warmStart ? "where the last flow ended" : "0",
        epochs: EPOCHS,
        "test loss": showLoss(await testLoss(run.decoder, digits.test.slice(0, TESTED))),
        "trained in s": trained,
        "passes a digit": (passes() / DIGITS / EPOCHS).toFixed(1),
      };
      console.log(Object.values(row).join(", "));
      rows.push(row);
    }
  }
  report(out, "warm-starts", rows);
}
