import { type Decoder, lbfgs } from "../src/index.ts";
import { adam, linear, shift, train, trainAutoencoder } from "../src/train/index.ts";
import type { Element, Job, JobContext, Page, Results, Settings } from "./element.ts";
import { type Measured, measureCodes, measureFlow } from "./measure.ts";
import { means, table, verdict } from "./page.ts";
import { backend, chooseRows, createPaperDecoder, imagesOf, letter, readData, seedsOf } from "./setting.ts";
import { followTraining } from "./training-run.ts";

// Beyond the paper: how well few images can be made to do, whoever trains the decoder, when it is inverted in the test.

/** How a decoder is trained: by the autoencoder, by the flow, or by the one and then the other. */
interface Recipe {
  /** Passes over the images; 0: not at all. */
  readonly autoencoder: number;
  readonly flow: number;
  /** Random shifts by up to so many pixels. */
  readonly pixels: number;
  /** Is it computed with every seed, or was it only a look? */
  readonly isKept?: true;
}

interface Found {
  readonly trainedInSeconds: number;
  /** On 1,000 validation images, by which recipes are chosen. */
  readonly validated: Measured;
  /** By what the test images were encoded with. */
  readonly tests: Readonly<Record<string, Measured>>;
}

/** By the number of different images. */
const RECIPES: Readonly<Record<number, readonly Recipe[]>> = {
  480: [
    { autoencoder: 0, flow: 200, pixels: 3, isKept: true },
    { autoencoder: 0, flow: 100, pixels: 2 },
    { autoencoder: 0, flow: 100, pixels: 1 },
    { autoencoder: 800, flow: 0, pixels: 2 },
    { autoencoder: 800, flow: 0, pixels: 3 },
    { autoencoder: 800, flow: 0, pixels: 4 },
    { autoencoder: 1600, flow: 0, pixels: 3, isKept: true },
    { autoencoder: 1600, flow: 40, pixels: 3, isKept: true },
    { autoencoder: 1600, flow: 40, pixels: 4 },
  ],
  1920: [
    { autoencoder: 0, flow: 60, pixels: 2, isKept: true },
    { autoencoder: 250, flow: 0, pixels: 3 },
    { autoencoder: 500, flow: 0, pixels: 2 },
    { autoencoder: 500, flow: 0, pixels: 3, isKept: true },
    { autoencoder: 500, flow: 0, pixels: 4 },
    { autoencoder: 500, flow: 20, pixels: 3, isKept: true },
  ],
  5760: [
    { autoencoder: 0, flow: 20, pixels: 2, isKept: true },
    { autoencoder: 100, flow: 0, pixels: 2 },
    { autoencoder: 200, flow: 0, pixels: 2, isKept: true },
    { autoencoder: 200, flow: 0, pixels: 3 },
    { autoencoder: 200, flow: 10, pixels: 2, isKept: true },
  ],
  50000: [
    { autoencoder: 0, flow: 6, pixels: 1, isKept: true },
    { autoencoder: 20, flow: 0, pixels: 1 },
    { autoencoder: 40, flow: 0, pixels: 1, isKept: true },
    { autoencoder: 40, flow: 0, pixels: 2 },
    { autoencoder: 40, flow: 3, pixels: 1, isKept: true },
  ],
};
const COUNTS = Object.keys(RECIPES).map(Number);
const GOALS: Readonly<Record<number, number>> = { 480: 0.084, 1920: 0.077, 5760: 0.0735, 50000: 0.0705 };
/** The autoencoder's and the flow's, of table 1. */
const PAPER: Readonly<Record<number, readonly [ae: number, flow: number]>> = {
  480: [0.266, 0.2098],
  1920: [0.2488, 0.1558],
  5760: [0.1954, 0.1136],
  50000: [0.0843, 0.083],
};

const BY = { ours: "lbfgs", letter: "amd", code: "its own code" } as const;

/** Adam at 1e-3 that falls linearly to 0, gradients clipped to 0.5, mini-batches of 16, random shifts. */
const options = (pixels: number, seed: number) => ({
  ...{ optimizer: adam({ learningRate: 1e-3 }), schedule: linear(), gradientClip: 0.5, batchSize: 16 },
  ...{ augment: shift({ pixels }), seed, backend },
});

async function run(
  count: number,
  { autoencoder, flow, pixels }: Recipe,
  seed: number,
  context: JobContext,
  settings: Settings,
): Promise<Found> {
  const { progress } = context;
  const { train: images, validation, test } = await readData("MNIST", settings);
  const y = chooseRows(images, imagesOf(count, settings), seed);
  const epochs = (passes: number) => (settings.quick ? Math.ceil(passes / 100) : passes);
  const byEncoder = followTraining(context, "autoencoder", (share) => progress(0.4 * share));
  const byFlow = followTraining(context, "flow", (share) => progress(0.4 + 0.4 * share));
  let decoder = createPaperDecoder(seed);
  let encoder: Decoder | undefined;
  if (autoencoder > 0) {
    const common = { ...options(pixels, seed), ...byEncoder.options };
    ({ decoder, encoder } = await trainAutoencoder(decoder, y, { ...common, epochs: epochs(autoencoder) }));
  }
  if (flow > 0) {
    const common = { ...options(pixels, seed), ...byFlow.options };
    ({ decoder } = await train(decoder, y, { ...common, solver: lbfgs(), epochs: epochs(flow) }));
  }
  const trainedInSeconds = byEncoder.seconds() + byFlow.seconds();
  const validated = await measureFlow(
    decoder,
    validation.slice(0, Math.min(1000, validation.count)),
    lbfgs(),
  );
  const tests = {
    [BY.ours]: await measureFlow(decoder, test, lbfgs()),
    [BY.letter]: await measureFlow(decoder, test, letter(), (share) => progress(0.8 + 0.2 * share)),
    // An encoder is its decoder's only until that is trained on.
    ...(encoder && flow === 0 && { [BY.code]: await measureCodes(decoder, encoder, test) }),
  };
  return { trainedInSeconds, validated, tests };
}

function nameOf({ autoencoder, flow, pixels }: Recipe): string {
  const parts = [autoencoder > 0 && `autoencoder, ${autoencoder} passes`, flow > 0 && `flow, ${flow} passes`];
  return `${parts.filter(Boolean).join("; then ")}; shifts of ${pixels}`;
}

const idOf = (count: number, recipe: Recipe, seed: number) =>
  `${count} images, ${nameOf(recipe)}, seed ${seed}`;

/** All images are trained on with one seed. */
function seedsFor(count: number, { isKept }: Recipe, settings: Settings): number[] {
  return isKept && count < 50_000 ? seedsOf(settings) : [0];
}

/** The kept recipes of each number of images: by the flow, by the autoencoder, and by both. */
const WAYS = [
  ["the flow", ({ autoencoder }: Recipe) => autoencoder === 0],
  ["the autoencoder, inverted in the test", ({ flow }: Recipe) => flow === 0],
  ["the autoencoder, then the flow", ({ autoencoder, flow }: Recipe) => autoencoder > 0 && flow > 0],
] as const;

export const frontier: Element<Found> = {
  name: "frontier",
  title: "Beyond the paper: the frontier of little data",
  jobs: (settings) =>
    COUNTS.flatMap((count) =>
      RECIPES[count]!.flatMap((recipe) =>
        seedsFor(count, recipe, settings).map(
          (seed): Job<Found> => ({
            id: idOf(count, recipe, seed),
            seconds: (count * (0.6 * recipe.autoencoder + 9 * recipe.flow)) / 1000 + 400,
            run: (context) => run(count, recipe, seed, context, settings),
          }),
        ),
      ),
    ),
  page(results: Results<Found>, settings: Settings): Page {
    const figure = (count: number, recipe: Recipe, by: string) =>
      means(
        seedsFor(count, recipe, settings).map(
          (seed) => results.get(idOf(count, recipe, seed))?.tests[by]?.loss,
        ),
      );
    const minutes = (count: number, recipe: Recipe) =>
      means(
        seedsFor(count, recipe, settings).map((seed) => {
          const found = results.get(idOf(count, recipe, seed));
          return found && found.trainedInSeconds / 60;
        }),
        1,
      );
    const rows = COUNTS.flatMap((count) =>
      RECIPES[count]!.map((recipe) => [
        `${count}`,
        nameOf(recipe),
        ...[BY.ours, BY.letter].map((by) => figure(count, recipe, by).text),
        recipe.autoencoder > 0 && recipe.flow === 0 ? figure(count, recipe, BY.code).text : "",
        minutes(count, recipe).text,
      ]),
    );
    /** The recipe that is best on the validation images, of those that have been computed. */
    const best = (count: number) => {
      const validated = (recipe: Recipe) =>
        means(
          seedsFor(count, recipe, settings).map(
            (seed) => results.get(idOf(count, recipe, seed))?.validated.loss,
          ),
        ).mean ?? Number.POSITIVE_INFINITY;
      const [first] = [...RECIPES[count]!].sort((a, b) => validated(a) - validated(b));
      return first && Number.isFinite(validated(first)) ? first : undefined;
    };
    const goals = COUNTS.map((count) => {
      const recipe = best(count);
      const own = recipe ? figure(count, recipe, BY.ours) : means([undefined]);
      return `- ${count} images: at most ${GOALS[count]}; ${own.text}${recipe ? ` (${nameOf(recipe)})` : ""}: ${verdict(own, GOALS[count]!)}`;
    });
    const lines = WAYS.map(([name, isOne]) => ({
      name,
      points: COUNTS.flatMap((count) => {
        const recipe = RECIPES[count]!.find((one) => one.isKept && isOne(one));
        const { mean, deviation } = recipe
          ? figure(count, recipe, BY.ours)
          : { mean: undefined, deviation: undefined };
        return mean === undefined ? [] : [{ x: count, y: mean, deviation: deviation ?? 0 }];
      }),
    }));
    const paper = (["the paper's AE", "the paper's GFE-amd"] as const).map((name, i) => ({
      name,
      isDashed: true,
      points: COUNTS.map((count) => ({ x: count, y: PAPER[count]![i]!, deviation: 0 })),
    }));
    return {
      markdown: `Mean cross entropy of the 10,000 test digits. Adam at 1e-3 that falls linearly to 0, gradients clipped to 0.5,
mini-batches of 16, random shifts by up to so many pixels, several passes; the paper's decoder. *Minutes* are of training, on
one core. Where a figure has no ± one seed was run.

${table(["images", "trained by", "by `lbfgs`", "by `amd`", "its own code", "minutes"], rows)}

What is best is chosen by the loss of 1,000 validation digits, of what has been computed. Goals, and the test loss of the best:

${goals.join("\n")}
`,
      charts: {
        frontier: {
          title: "Test digits against the number of images",
          xTitle: "different images trained on",
          yTitle: "cross entropy, nats a pixel",
          xScale: "log",
          lines: [...lines, ...paper],
        },
      },
      summary: {
        paper: "(not in the paper)",
        letter: "",
        ours: COUNTS.map((count) => {
          const recipe = best(count);
          return recipe ? figure(count, recipe, BY.ours).text : "…";
        }).join(", "),
      },
    };
  },
};
