import { type GradientFlow, lbfgs, type Solver } from "../src/index.ts";
import { linear, type RunOptions, type TrainOptions, train, trainAutoencoder } from "../src/train/index.ts";
import type { Job, JobContext, Settings } from "./element.ts";
import { adamOfFigure1, createPaperDecoder, letter, PRIOR, readData, training } from "./paper-setting.ts";
import { followTraining, type Point } from "./training-run.ts";

// What figure 1 runs: one decoder trained by each method, for as long as the paper's.

/** Images processed, drawn with replacement from all training images. */
export const IMAGES = 800_000;
/** Of a quick run. */
export const QUICK_IMAGES = 100;
/** The flow has learnt much before 10,000 images: many validations by few digits, not few by many. */
const EVERY_IMAGES = 1000;
export const VALIDATED = 100;

interface Figure1Method {
  readonly label: string;
  /** None: the autoencoder. */
  readonly solver?: () => Solver<GradientFlow<1>>;
  /** For 1,000 images trained on and 1,000 validated, on one core. */
  readonly seconds: readonly [trained: number, validated: number];
  /** After how many images the run is broken off, where all of them would take days, or what it is to tell shows sooner. */
  readonly stopsAfter?: number;
  /** What is otherwise than for the others. */
  readonly changes?: Pick<TrainOptions, "schedule" | "gradientClip" | "prior">;
}

export const AUTOENCODER = "autoencoder";
export const FLOW = "GFE-amd";
export const OURS = "lbfgs";
/** Beside OURS: it tells whether the learning rate and large gradients are why that goes astray. */
export const TAMED = "lbfgs, falling rate and clipping";
export const CLIP = 0.5;
/** Beside OURS, too: it tells whether codes that move outwards, where nothing holds them, are why. */
export const HELD = "lbfgs, with a prior";

export const METHODS: Readonly<Record<string, Figure1Method>> = {
  [AUTOENCODER]: { label: "AE", seconds: [1.1, 0.1] },
  [FLOW]: { label: "GFE-amd", solver: letter, seconds: [150, 100], stopsAfter: 60_000 },
  [OURS]: { label: "lbfgs, latentflow's default", solver: lbfgs, seconds: [4, 5] },
  [TAMED]: {
    label: "lbfgs, falling rate and clipping",
    solver: lbfgs,
    seconds: [4, 5],
    changes: { schedule: linear(), gradientClip: CLIP },
  },
  [HELD]: {
    label: "lbfgs with a prior",
    solver: lbfgs,
    seconds: [3, 4],
    stopsAfter: 200_000,
    changes: { prior: PRIOR },
  },
};

export const idOf = (name: string) => `${IMAGES} images, ${name}, seed 0`;

/** How much there is to do, on one core. */
function secondsOf({ seconds: [trained, validated], stopsAfter = IMAGES }: Figure1Method): number {
  return (stopsAfter / 1000) * (trained + (validated * VALIDATED) / EVERY_IMAGES);
}

/** One seed: each flow takes hours. */
export const jobsOfMethods = (settings: Settings): Job<readonly Point[]>[] =>
  Object.entries(METHODS).map(([name, method]) => ({
    id: idOf(name),
    data: "MNIST",
    seconds: secondsOf(method),
    run: (context) => follow(method, context, settings),
  }));

async function follow(
  { solver, stopsAfter = IMAGES, changes }: Figure1Method,
  context: JobContext<readonly Point[]>,
  settings: Settings,
): Promise<readonly Point[]> {
  const data = await readData("MNIST", settings);
  const total = settings.quick ? QUICK_IMAGES : IMAGES;
  const last = (total * stopsAfter) / IMAGES;
  const images = data.train.slice(0, total);
  const following = followTraining(context, "training", (share) => context.progress((share * total) / last));
  const breaking = new AbortController();
  const options: RunOptions = {
    ...training(0),
    optimizer: adamOfFigure1(),
    replacement: true,
    epochs: Math.max(1, Math.round(total / images.count)),
    validation: {
      data: data.validation.slice(0, VALIDATED),
      // As many validations in a run of so few images would be most of the work.
      everyImages: settings.quick ? Math.ceil(total / 40) : EVERY_IMAGES,
    },
    ...following.options,
    signal: breaking.signal,
    onEvent(event) {
      following.options.onEvent(event);
      if (event.kind === "checkpoint") context.soFar(following.points());
      if (event.kind === "validation" && event.images >= last && last < total) breaking.abort();
    },
  };
  const decoder = createPaperDecoder(0);
  const run = solver
    ? train(decoder, images, { ...options, ...changes, solver: solver() })
    : trainAutoencoder(decoder, images, options);
  await run.catch((error: unknown) => {
    if (!breaking.signal.aborted) throw error;
  });
  return following.points();
}
