import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CODE_TRAVEL, RECIPES, trainBy } from "../reproduce/encoder-gap-training.ts";
import { showCount } from "../reproduce/page.ts";
import { backend, chooseRows } from "../reproduce/paper-setting.ts";
import { followTraining } from "../reproduce/training-run.ts";
import { evaluate, mnist } from "../src/train/index.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report } from "./table.ts";

/** Digits that the decoder is trained on, and validation digits that the rate is chosen by. */
const [TRAINED, CHOSEN_BY] = [480, 1000] as const;
/** Learning rates tried, as multiples of the one that the encoder gap's decoders are trained with. */
const MULTIPLES = [0.3, 1, 3, 10] as const;

/**
 * Compares learning rates of kept codes: the encoder gap's decoder of 480 digits is trained by each, and 1,000 validation digits are
 * inverted with it.
 */
export async function compareCodeRates({ seed, out }: ExperimentSettings): Promise<void> {
  const { train, validation } = await mnist();
  const y = chooseRows(train, TRAINED, seed);
  const recipe = RECIPES[TRAINED];
  const rows: Row[] = [];
  for (const multiple of MULTIPLES) {
    const travel = multiple * CODE_TRAVEL;
    const folder = join(out, `kept-codes-${multiple}`);
    mkdirSync(folder, { recursive: true });
    const following = followTraining({ folder }, `seed ${seed}`, () => {});
    const settings = { quick: false, seeds: 1 };
    const { decoder } = await trainBy("kept codes", recipe, y, seed, settings, following, travel);
    const { meanLoss } = await evaluate(decoder, validation.slice(0, CHOSEN_BY), { backend });
    decoder.dispose();
    const row = {
      digits: showCount(TRAINED),
      passes: recipe.passes,
      "learning rate × passes": travel.toFixed(2),
      "learning rate": (travel / recipe.passes).toPrecision(2),
      "validation loss": meanLoss.toFixed(4),
      "trained in s": Math.round(following.seconds()),
    };
    console.log(Object.values(row).join(" | "));
    rows.push(row);
  }
  report(out, "kept-codes", rows);
}
