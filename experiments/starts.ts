import { mean } from "../bench/timing.ts";
import { createRandom } from "../src/base/random.ts";
import { type Decoder, encode, loadDecoder } from "../src/index.ts";
import { mnist } from "../src/train/index.ts";
import { showLoss } from "./digits.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report } from "./table.ts";

/** The first test digits, whose floor `showLoss` has. */
const DIGITS = 1000;
const STARTS = 5;
/** A digit ends elsewhere where its loss is lower by more than this share. */
const LOWER = 0.01;

const DECODERS = {
  "the paper's": "../demo/decoder.safetensors",
  convolutions: "../demo/convolutional.safetensors",
} as const;

/**
 * Do flows from 0 get caught where other starts would not? The demo's decoders, 1,000 test digits by the default solver, from 0
 * and from random points as far out as their codes.
 */
export async function compareStarts({ seed, out }: ExperimentSettings): Promise<void> {
  const { test } = await mnist();
  const y = test.slice(0, DIGITS).toFloat32();
  const rows: Row[] = [];
  for (const [name, file] of Object.entries(DECODERS)) {
    const decoder = await loadDecoder(new URL(file, import.meta.url));
    rows.push({ decoder: name, ...(await compare(decoder, y, seed)) });
    decoder.dispose();
  }
  report(out, "starts", rows);
}

async function compare(decoder: Decoder, y: Float32Array, seed: number): Promise<Row> {
  const fromZero = await encode(decoder, y);
  const size = Math.sqrt(mean(fromZero.z.map((value) => value * value)));
  const random = createRandom(seed);
  const best = Float32Array.from(fromZero.loss);
  const others: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const z0 = Float32Array.from(fromZero.z, () => size * Math.sqrt(3) * (2 * random.uniform() - 1));
    const { loss } = await encode(decoder, y, { z0 });
    others.push(mean(loss));
    best.forEach((least, i) => {
      best[i] = Math.min(least, loss[i]!);
    });
  }
  const lower = best.filter((loss, i) => loss < (1 - LOWER) * fromZero.loss[i]!);
  return {
    "size of the codes": size.toFixed(1),
    "from 0": showLoss(mean(fromZero.loss), 5),
    "from elsewhere": `${showLoss(Math.min(...others), 5)} to ${showLoss(Math.max(...others), 5)}`,
    "best of all": showLoss(mean(best), 5),
    "digits that end lower elsewhere": lower.length,
  };
}
