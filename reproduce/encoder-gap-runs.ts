import { createSampler } from "../src/train/sampler.ts";
import type { Job, JobContext, Settings } from "./element.ts";
import { type GapFound, METHOD_WAYS, measureAll } from "./encoder-gap-measuring.ts";
import {
  CODE_LEARNING_RATE,
  GAP_COUNTS,
  GAP_METHODS,
  type GapCount,
  type GapMethod,
  MASK,
  RECIPES,
  trainBy,
  trainOnce,
} from "./encoder-gap-training.ts";
import { imagesOf, readData, seedsOf } from "./paper-setting.ts";
import { ALL } from "./trained-decoders.ts";
import { followTraining } from "./training-run.ts";

// What the encoder gap runs: decoders of the large convolutions trained by four methods, each measured by its encoder and by
// its inversion.

export type GapData = "MNIST" | "Fashion-MNIST";
export const GAP_DATA: readonly GapData[] = ["MNIST", "Fashion-MNIST"];

async function run(
  data: GapData,
  count: GapCount,
  method: GapMethod,
  seed: number,
  context: JobContext<GapFound>,
  settings: Settings,
): Promise<GapFound> {
  const splits = await readData(data, settings);
  const rows = createSampler({
    count: splits.train.count,
    batchSize: Math.min(imagesOf(count, settings), splits.train.count),
    seed,
  }).next();
  const y = splits.train.rows(rows);
  const recipe = RECIPES[count];
  const key = JSON.stringify({ method, recipe, MASK, CODE_LEARNING_RATE, count: rows.length });
  const { trained, seconds } = await trainOnce(`${context.folder}_networks`, key, async () => {
    const following = followTraining(context, "training", (share) => context.progress(0.5 * share));
    return {
      trained: await trainBy(method, recipe, y, seed, settings, following),
      seconds: following.seconds(),
    };
  });
  const labels = Uint8Array.from(rows, (row) => splits.train.labels![row]!);
  const measured = await measureAll(method, trained, { y, labels, splits, seed }, context);
  return { trainedInSeconds: seconds, ...measured };
}

export const idOf = (data: GapData, count: GapCount, method: GapMethod, seed: number) =>
  `${data}, ${count} images, ${method}, seed ${seed}`;

/** Seconds of one core for a pass over 1,000 images, and for all measurements. */
const COSTS: Readonly<Record<GapMethod, { readonly pass: number; readonly measuring: number }>> = {
  autoencoder: { pass: 3.2, measuring: 1300 },
  "masked autoencoder": { pass: 3.2, measuring: 120 },
  "kept codes": { pass: 2.3, measuring: 1250 },
  flow: { pass: 60, measuring: 1250 },
};

/** Flows, which cost a pass twenty times as much, are computed with one seed. */
export function seedsFor(method: GapMethod, count: GapCount, settings: Settings): number[] {
  return method === "flow" || count === ALL ? [0] : seedsOf(settings);
}

/** A decoder trained by a method on so many images, and measured by each way there is. */
export const jobFor = (
  data: GapData,
  count: GapCount,
  method: GapMethod,
  seed: number,
  settings: Settings,
): Job<GapFound> => {
  const { passes, flowPasses } = RECIPES[count];
  const { pass, measuring } = COSTS[method];
  return {
    id: idOf(data, count, method, seed),
    data,
    seconds: (pass * count * (method === "flow" ? flowPasses : passes)) / 1000 + measuring,
    run: (context) => run(data, count, method, seed, context, settings),
  };
};

export const ENCODED = GAP_METHODS.filter((method) => METHOD_WAYS[method].includes("encoder"));
const INVERTED_ALONE = GAP_METHODS.filter((method) => !ENCODED.includes(method));

/** Jobs in the order of what they tell: the encoders of a data set first, flows last. */
export const jobsOfGap = (settings: Settings): Job<GapFound>[] =>
  [ENCODED, INVERTED_ALONE].flatMap((methods) =>
    GAP_DATA.flatMap((data) =>
      methods.flatMap((method) =>
        GAP_COUNTS.flatMap((count) =>
          seedsFor(method, count, settings).map((seed) => jobFor(data, count, method, seed, settings)),
        ),
      ),
    ),
  );
