import { createSampler } from "../src/train/sampler.ts";
import type { Job, JobContext, Settings } from "./element.ts";
import { type GapFound, METHOD_WAYS, measureAll } from "./encoder-gap-measuring.ts";
import {
  GAP_COUNTS,
  GAP_METHODS,
  type GapCount,
  type GapMethod,
  keyOf,
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
  const key = keyOf(method, recipe, rows.length);
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
  "kept codes": { pass: 0.8, measuring: 1250 },
  flow: { pass: 60, measuring: 1250 },
};

/** Returns the seeds of a method: one for decoders without an encoder, and for all images, so that all runs fit in a core's day. */
export function seedsFor(method: GapMethod, count: GapCount, settings: Settings): number[] {
  return count === ALL || !ENCODED.includes(method) ? [0] : seedsOf(settings);
}

/** True if there is a run: on Fashion-MNIST, flows, whose passes cost twenty times as much, are run for the fewest images alone. */
export function isComputed(data: GapData, count: GapCount, method: GapMethod): boolean {
  return method !== "flow" || data === "MNIST" || count === GAP_COUNTS[0];
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

/** Methods that train an encoder. */
export const ENCODED = GAP_METHODS.filter((method) => METHOD_WAYS[method].includes("encoder"));
const INVERTED_ALONE = GAP_METHODS.filter((method) => !ENCODED.includes(method));

/** Jobs in the order of what they tell: the encoders of a data set first, flows last. */
export const jobsOfGap = (settings: Settings): Job<GapFound>[] =>
  [ENCODED, INVERTED_ALONE].flatMap((methods) =>
    GAP_DATA.flatMap((data) =>
      methods.flatMap((method) =>
        GAP_COUNTS.filter((count) => isComputed(data, count, method)).flatMap((count) =>
          seedsFor(method, count, settings).map((seed) => jobFor(data, count, method, seed, settings)),
        ),
      ),
    ),
  );
