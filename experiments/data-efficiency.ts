import { evaluate, rmsprop, train, trainAutoencoder } from "../src/train/index.ts";
import { chooseDigits, createPaperDecoder, type ExperimentSettings, SOLVER, testLoss } from "./paper.ts";
import { type Row, report, seconds } from "./table.ts";

/**
 * Table 1's left columns: gradient flow encoding after one pass over few digits (mini-batch 5, RMSprop, AMD from
 * z0 = 0) beside an autoencoder trained on the same digits, and that autoencoder's decoder inverted by AMD ("mixed").
 * Mean cross entropy over all 10,000 test digits. The paper's figures for the autoencoder are those of one pass; it
 * speaks of twelve, which are computed too.
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
    const options = { optimiser: rmsprop(), batchSize: 5, seed };
    const row = (method: string, passes: number, trainedIn: number, loss: number): Row => ({
      digits: count,
      method,
      passes,
      "trained in s": trainedIn,
      "test loss": loss.toFixed(4),
    });

    const start = performance.now();
    const flow = await train(decoder, digits.train, { ...options, solver: SOLVER });
    addRow(row("gradient flow", 1, seconds(start), await testLoss(flow.decoder, digits.test)));
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
