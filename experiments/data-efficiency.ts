import { lbfgs } from "../src/index.ts";
import { evaluate, rmsprop, train, trainAutoencoder } from "../src/train/index.ts";
import { chooseDigits, createPaperDecoder, type ExperimentSettings, SOLVER, testLoss } from "./paper.ts";
import { type Row, report, seconds } from "./table.ts";

/**
 * Table 1's left columns: gradient flow encoding after one pass over few digits (mini-batch 5, RMSprop, AMD from
 * z0 = 0) beside an autoencoder trained on the same digits, and that autoencoder's decoder inverted by AMD ("mixed").
 * Mean cross entropy over all 10,000 test digits. And the same with lbfgs, in training and in the test. The paper's
 * figures for the autoencoder are those of one pass; it speaks of twelve, which are computed too.
 */
export async function measureDataEfficiency({ seed, out }: ExperimentSettings): Promise<void> {
  const rows: Row[] = [];
  const addRow = (row: Row) => {
    console.log(Object.values(row).join(", "));
    rows.push(row);
  };
  for (const count of [480, 1920]) {
    const digits = await chooseDigits(count, seed);
    const decoder = createPaperDecoder(seed);
    const options = { optimizer: rmsprop(), batchSize: 5, seed };
    const row = (method: string, passes: number, trainedIn: number, loss: number): Row => ({
      digits: count,
      method,
      passes,
      "trained in s": trainedIn,
      "test loss": loss.toFixed(4),
    });

    for (const solver of [SOLVER, lbfgs()]) {
      const start = performance.now();
      const run = await train(decoder, digits.train, { ...options, solver });
      addRow(
        row(
          `gradient flow, ${solver.name}`,
          1,
          seconds(start),
          await testLoss(run.decoder, digits.test, solver),
        ),
      );
    }
    for (const epochs of [1, 12]) {
      const start = performance.now();
      const run = await trainAutoencoder(decoder, digits.train, { ...options, epochs });
      const trained = seconds(start);
      const { meanLoss } = await evaluate(run.decoder, digits.test, { encoder: run.encoder });
      addRow(row("autoencoder", epochs, trained, meanLoss));
      addRow(row("mixed", epochs, trained, await testLoss(run.decoder, digits.test)));
    }
  }
  report(out, "data-efficiency", rows);
}
