import { join } from "node:path";
import { type Decoder, lbfgs } from "../src/index.ts";
import { adam, linear, meanCode, shift, train, trainAutoencoder } from "../src/train/index.ts";
import type { Job, JobContext, Settings } from "./element.ts";
import {
  backend,
  chooseRows,
  createConvolutionalDecoder,
  createPaperDecoder,
  fromZero,
  imagesOf,
  letter,
  PRIOR,
  readData,
  seedsOf,
} from "./paper-setting.ts";
import { type Measured, measureCodes, measureFlow } from "./reconstruction.ts";
import { ALL, BY } from "./trained-decoders.ts";
import { followTraining } from "./training-run.ts";

// What the frontier of little data runs: recipes to train a decoder by, and its tests.

/** What is trained, and how dear that is. */
export interface Network {
  /** After what it is trained by; the paper's decoder goes without saying. */
  readonly label: string;
  readonly create: (seed: number) => Decoder;
  readonly learningRate: number;
  /** Of the flow where the autoencoder went before: a larger one would undo what that has learnt. */
  readonly laterLearningRate: number;
  /** For 1,000 images seen once, and for 1,000 encoded by each test, on one core. */
  readonly seconds: { readonly autoencoder: number; readonly flow: number; readonly tests: number };
  /** Does AMD to the letter encode 10,000 images in minutes? Not where the decoder has convolutions. */
  readonly isQuickByAmd: boolean;
}

/** For 1,000 images encoded by AMD to the letter. */
const AMD_SECONDS = 15;

export const NETWORKS = {
  paper: {
    label: "",
    create: createPaperDecoder,
    learningRate: 1e-3,
    laterLearningRate: 1e-3,
    seconds: { autoencoder: 0.35, flow: 3.1, tests: 3 },
    isQuickByAmd: true,
  },
  small: {
    label: "small convolutions",
    create: (seed) => createConvolutionalDecoder("small", seed),
    learningRate: 3e-3,
    laterLearningRate: 3e-4,
    seconds: { autoencoder: 0.3, flow: 2.5, tests: 2.5 },
    isQuickByAmd: false,
  },
  large: {
    label: "large convolutions",
    create: (seed) => createConvolutionalDecoder("large", seed),
    learningRate: 1e-3,
    laterLearningRate: 1e-4,
    seconds: { autoencoder: 1.7, flow: 30, tests: 16 },
    isQuickByAmd: false,
  },
} as const satisfies Record<string, Network>;

/** How a decoder is trained: by the autoencoder, by the flow, or by the one and then the other. */
export interface Recipe {
  readonly network: keyof typeof NETWORKS;
  /** Passes over the images; 0: not at all. */
  readonly autoencoder: number;
  readonly flow: number;
  /** Is the flow held by PRIOR? */
  readonly hasPrior: boolean;
  /** Random shifts by up to so many pixels. */
  readonly pixels: number;
  /** Is it computed with every seed, or was it only a look beside one that is? */
  readonly hasAllSeeds: boolean;
}

const recipe =
  (network: Recipe["network"], hasAllSeeds: boolean) =>
  (autoencoder: number, flow: number, pixels: number): Recipe => ({
    network,
    autoencoder,
    flow,
    hasPrior: false,
    pixels,
    hasAllSeeds,
  });
const [paper, lookAtPaper] = [recipe("paper", true), recipe("paper", false)];
const [small, lookAtSmall] = [recipe("small", true), recipe("small", false)];
const [large, lookAtLarge] = [recipe("large", true), recipe("large", false)];

const withPrior = (recipe: Recipe): Recipe => ({ ...recipe, hasPrior: true });

export interface Found {
  readonly trainedInSeconds: number;
  /** On 1,000 validation images, by which recipes are chosen; encoded as `wayOf` says. */
  readonly validated: Measured;
  /** By what the test images were encoded with. */
  readonly tests: Readonly<Record<string, Measured>>;
}

/** By the number of different images: passes of the autoencoder, passes of the flow, pixels. A look changes one thing. */
export const RECIPES: Readonly<Record<number, readonly Recipe[]>> = {
  480: [
    ...[paper(0, 200, 3), lookAtPaper(0, 100, 3)],
    ...[lookAtPaper(0, 200, 2), lookAtPaper(0, 200, 4)],
    ...[paper(1600, 0, 3), lookAtPaper(800, 0, 3)],
    ...[lookAtPaper(1600, 0, 1), lookAtPaper(1600, 0, 2), lookAtPaper(1600, 0, 4)],
    ...[paper(1600, 40, 3), withPrior(paper(1600, 40, 3))],
    ...[small(800, 0, 3), lookAtSmall(400, 0, 3), small(1600, 0, 3), lookAtSmall(3200, 0, 3)],
    ...[lookAtSmall(800, 0, 1), small(800, 0, 2), lookAtSmall(800, 0, 4)],
    ...[small(800, 40, 3), lookAtSmall(0, 200, 3), lookAtSmall(0, 200, 2)],
    ...[large(400, 0, 3), lookAtLarge(800, 0, 3), lookAtLarge(400, 0, 2)],
    large(0, 200, 3),
  ],
  1920: [
    paper(0, 60, 2),
    ...[paper(500, 0, 3), lookAtPaper(250, 0, 3), lookAtPaper(500, 0, 4)],
    ...[lookAtPaper(500, 0, 1), lookAtPaper(500, 0, 2)],
    ...[paper(500, 20, 3), withPrior(paper(500, 20, 3))],
    ...[small(400, 0, 3), lookAtSmall(200, 0, 3), lookAtSmall(800, 0, 3)],
    ...[lookAtSmall(400, 0, 1), small(400, 0, 2), lookAtSmall(400, 0, 4)],
    small(400, 10, 3),
    ...[large(120, 0, 3), lookAtLarge(240, 0, 3), lookAtLarge(120, 0, 2)],
    large(0, 60, 2),
  ],
  5760: [
    paper(0, 20, 2),
    ...[paper(200, 0, 2), lookAtPaper(100, 0, 2)],
    ...[lookAtPaper(200, 0, 1), lookAtPaper(200, 0, 3)],
    ...[paper(200, 10, 2), withPrior(paper(200, 10, 2))],
    lookAtSmall(200, 0, 2),
    ...[large(60, 0, 2), lookAtLarge(120, 0, 2), lookAtLarge(60, 0, 1), lookAtLarge(60, 0, 3)],
    lookAtLarge(60, 2, 2),
  ],
  50000: [
    paper(0, 6, 1),
    ...[paper(40, 0, 1), lookAtPaper(20, 0, 1), lookAtPaper(40, 0, 0), lookAtPaper(40, 0, 2)],
    ...[paper(40, 3, 1), withPrior(paper(40, 3, 1))],
    ...[large(12, 0, 0), lookAtLarge(24, 0, 0), lookAtLarge(12, 0, 1)],
    large(12, 1, 0),
  ],
};
export const COUNTS = Object.keys(RECIPES).map(Number);
/** How every network is trained, beside what is its own. */
export const TRAINING = { gradientClip: 0.5, batchSize: 16 } as const;

/** Adam that falls linearly to 0, random shifts. */
const options = (learningRate: number, pixels: number, seed: number) => ({
  ...TRAINING,
  optimizer: adam({ learningRate }),
  schedule: linear(),
  seed,
  backend,
  ...(pixels > 0 && { augment: shift({ pixels }) }),
});

async function run(
  count: number,
  recipe: Recipe,
  seed: number,
  context: JobContext,
  settings: Settings,
): Promise<Found> {
  const { progress } = context;
  const { autoencoder, flow, hasPrior, pixels } = recipe;
  const network: Network = NETWORKS[recipe.network];
  const { train: images, validation, test } = await readData("MNIST", settings);
  const y = chooseRows(images, imagesOf(count, settings), seed);
  const epochs = (passes: number) => (settings.quick ? Math.ceil(passes / 100) : passes);
  let trainedInSeconds = 0;
  let decoder = network.create(seed);
  let encoder: Decoder | undefined;
  if (autoencoder > 0) {
    const following = followTraining(context, "autoencoder", (share) => progress(0.4 * share));
    const common = { ...options(network.learningRate, pixels, seed), ...following.options };
    const trained = await trainAutoencoder(decoder, y, { ...common, epochs: epochs(autoencoder) });
    encoder = trained.encoder;
    decoder = fromZero(trained.decoder);
    trainedInSeconds += following.seconds();
  }
  if (flow > 0) {
    const learningRate = autoencoder > 0 ? network.laterLearningRate : network.learningRate;
    const following = followTraining(context, "flow", (share) => progress(0.4 + 0.4 * share));
    const common = { ...options(learningRate, pixels, seed), ...following.options };
    const held = hasPrior && { prior: PRIOR };
    ({ decoder } = await train(decoder, y, { ...common, ...held, solver: lbfgs(), epochs: epochs(flow) }));
    // An encoder is its decoder's only until that is trained on.
    encoder = undefined;
    trainedInSeconds += following.seconds();
  }
  const validating = validation.slice(0, VALIDATED);
  const z0 = encoder && (await meanCode(encoder, y, { backend }));
  const validated = await measureFlow(decoder, validating, lbfgs(), { z0 });
  const tests = {
    [BY.ours]: await measureFlow(decoder, test, lbfgs()),
    ...(z0 && { [BY.mean]: await measureFlow(decoder, test, lbfgs(), { z0 }) }),
    ...(isTestedByAmd(recipe) && {
      [BY.letter]: await measureFlow(decoder, test, letter(), {
        progress: (share) => progress(0.8 + 0.2 * share),
        file: join(context.folder, "test by amd.json"),
      }),
    }),
    ...(encoder && { [BY.code]: await measureCodes(decoder, encoder, test) }),
  };
  return { trainedInSeconds, validated, tests };
}

export function nameOf({ network, autoencoder, flow, hasPrior, pixels }: Recipe): string {
  const passes = (count: number) => (count === 1 ? "1 pass" : `${count} passes`);
  const parts = [
    autoencoder > 0 && `autoencoder, ${passes(autoencoder)}`,
    flow > 0 && `flow, ${passes(flow)}${hasPrior ? " with a prior" : ""}`,
  ];
  const { label }: Network = NETWORKS[network];
  const shifts = pixels > 0 ? `shifts of ${pixels}` : "no shifts";
  return [parts.filter(Boolean).join("; then "), shifts, label].filter(Boolean).join("; ");
}

export const idOf = (count: number, recipe: Recipe, seed: number) =>
  `${count} images, ${nameOf(recipe)}, seed ${seed}`;

/** So many images are encoded at the end by each start there is, in thousands. */
const [THOUSANDS_VALIDATED, THOUSANDS_TESTED] = [1, 10];
/** Validation images that recipes are chosen by. */
export const VALIDATED = 1000 * THOUSANDS_VALIDATED;

function secondsOf(count: number, recipe: Recipe): number {
  const { seconds }: Network = NETWORKS[recipe.network];
  const training = seconds.autoencoder * recipe.autoencoder + seconds.flow * recipe.flow;
  const starts = recipe.autoencoder > 0 && recipe.flow === 0 ? 2 : 1;
  const testing = (THOUSANDS_VALIDATED + starts * THOUSANDS_TESTED) * seconds.tests;
  const byAmd = isTestedByAmd(recipe) ? THOUSANDS_TESTED * AMD_SECONDS : 0;
  return (count * training) / 1000 + testing + byAmd;
}

/** It takes longer than all other tests together: a look goes without, and what is beside the recipes without a prior. */
export const isTestedByAmd = ({ network, hasAllSeeds, hasPrior }: Recipe) =>
  NETWORKS[network].isQuickByAmd && hasAllSeeds && !hasPrior;

/** With all images there is one. */
export function seedsFor(count: number, { hasAllSeeds }: Recipe, settings: Settings): number[] {
  return hasAllSeeds && count < ALL ? seedsOf(settings) : [0];
}

/** By what its decoder is best encoded with: an autoencoder's from its mean code, one that flows have trained from 0. */
export const wayOf = ({ autoencoder, flow }: Recipe): string =>
  autoencoder > 0 && flow === 0 ? BY.mean : BY.ours;

/** A decoder trained by a recipe on so many images, and tested. */
export const jobFor = (count: number, recipe: Recipe, seed: number, settings: Settings): Job<Found> => ({
  id: idOf(count, recipe, seed),
  data: "MNIST",
  seconds: secondsOf(count, recipe),
  run: (context) => run(count, recipe, seed, context, settings),
});

/** Every recipe with every seed it is to have. */
export const jobsOfRecipes = (settings: Settings): Job<Found>[] =>
  COUNTS.flatMap((count) =>
    RECIPES[count]!.flatMap((recipe) =>
      seedsFor(count, recipe, settings).map((seed) => jobFor(count, recipe, seed, settings)),
    ),
  );
