import { type Decoder, lbfgs } from "../src/index.ts";
import { adam, linear, shift, train, trainAutoencoder } from "../src/train/index.ts";
import type { Element, Job, JobContext, Page, Results, Settings } from "./element.ts";
import { type Measured, measureCodes, measureFlow } from "./measure.ts";
import { means, table, verdict } from "./page.ts";
import {
  backend,
  chooseRows,
  createConvolutionalDecoder,
  createPaperDecoder,
  imagesOf,
  letter,
  readData,
  seedsOf,
} from "./setting.ts";
import { followTraining } from "./training-run.ts";

// Beyond the paper: how well few images can be made to do, whoever trains the decoder, when it is inverted in the test.

/** What is trained, and how dear that is. */
interface Network {
  /** After what it is trained by; the paper's decoder goes without saying. */
  readonly label: string;
  readonly create: (seed: number) => Decoder;
  readonly learningRate: number;
  /** Of the flow where the autoencoder went before: a larger one would undo what that has learnt. */
  readonly laterLearningRate: number;
  /** For 1,000 images seen once, on one core. */
  readonly seconds: { readonly autoencoder: number; readonly flow: number };
  /** AMD to the letter takes hours over 10,000 images where the decoder has convolutions. */
  readonly isTestedByAmd: boolean;
}

const NETWORKS = {
  paper: {
    label: "",
    create: createPaperDecoder,
    learningRate: 1e-3,
    laterLearningRate: 1e-3,
    seconds: { autoencoder: 0.6, flow: 9 },
    isTestedByAmd: true,
  },
  small: {
    label: "small convolutions",
    create: (seed) => createConvolutionalDecoder("small", seed),
    learningRate: 3e-3,
    laterLearningRate: 3e-4,
    seconds: { autoencoder: 0.6, flow: 10 },
    isTestedByAmd: false,
  },
  large: {
    label: "large convolutions",
    create: (seed) => createConvolutionalDecoder("large", seed),
    learningRate: 1e-3,
    laterLearningRate: 1e-4,
    seconds: { autoencoder: 3.6, flow: 13 },
    isTestedByAmd: false,
  },
} as const satisfies Record<string, Network>;

/** How a decoder is trained: by the autoencoder, by the flow, or by the one and then the other. */
interface Recipe {
  readonly network: keyof typeof NETWORKS;
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
    { network: "paper", autoencoder: 0, flow: 200, pixels: 3, isKept: true },
    { network: "paper", autoencoder: 0, flow: 100, pixels: 2 },
    { network: "paper", autoencoder: 0, flow: 100, pixels: 1 },
    { network: "paper", autoencoder: 800, flow: 0, pixels: 2 },
    { network: "paper", autoencoder: 800, flow: 0, pixels: 3 },
    { network: "paper", autoencoder: 800, flow: 0, pixels: 4 },
    { network: "paper", autoencoder: 1600, flow: 0, pixels: 3, isKept: true },
    { network: "paper", autoencoder: 1600, flow: 40, pixels: 3, isKept: true },
    { network: "paper", autoencoder: 1600, flow: 40, pixels: 4 },
    { network: "small", autoencoder: 800, flow: 0, pixels: 3 },
    { network: "small", autoencoder: 800, flow: 40, pixels: 3, isKept: true },
    { network: "large", autoencoder: 400, flow: 0, pixels: 3 },
  ],
  1920: [
    { network: "paper", autoencoder: 0, flow: 60, pixels: 2, isKept: true },
    { network: "paper", autoencoder: 250, flow: 0, pixels: 3 },
    { network: "paper", autoencoder: 500, flow: 0, pixels: 2 },
    { network: "paper", autoencoder: 500, flow: 0, pixels: 3, isKept: true },
    { network: "paper", autoencoder: 500, flow: 0, pixels: 4 },
    { network: "paper", autoencoder: 500, flow: 20, pixels: 3, isKept: true },
    { network: "small", autoencoder: 400, flow: 10, pixels: 3, isKept: true },
    { network: "large", autoencoder: 120, flow: 0, pixels: 3 },
  ],
  5760: [
    { network: "paper", autoencoder: 0, flow: 20, pixels: 2, isKept: true },
    { network: "paper", autoencoder: 100, flow: 0, pixels: 2 },
    { network: "paper", autoencoder: 200, flow: 0, pixels: 2, isKept: true },
    { network: "paper", autoencoder: 200, flow: 0, pixels: 3 },
    { network: "paper", autoencoder: 200, flow: 10, pixels: 2, isKept: true },
    { network: "large", autoencoder: 60, flow: 2, pixels: 2, isKept: true },
  ],
  50000: [
    { network: "paper", autoencoder: 0, flow: 6, pixels: 1, isKept: true },
    { network: "paper", autoencoder: 20, flow: 0, pixels: 1 },
    { network: "paper", autoencoder: 40, flow: 0, pixels: 1, isKept: true },
    { network: "paper", autoencoder: 40, flow: 0, pixels: 2 },
    { network: "paper", autoencoder: 40, flow: 3, pixels: 1, isKept: true },
    { network: "large", autoencoder: 12, flow: 0, pixels: 0 },
    { network: "large", autoencoder: 12, flow: 1, pixels: 0, isKept: true },
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

/** Adam that falls linearly to 0, gradients clipped to 0.5, mini-batches of 16, random shifts. */
const options = (learningRate: number, pixels: number, seed: number) => ({
  ...{
    optimizer: adam({ learningRate }),
    schedule: linear(),
    gradientClip: 0.5,
    batchSize: 16,
    seed,
    backend,
  },
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
  const { autoencoder, flow, pixels } = recipe;
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
    ({ decoder, encoder } = await trainAutoencoder(decoder, y, { ...common, epochs: epochs(autoencoder) }));
    trainedInSeconds += following.seconds();
  }
  if (flow > 0) {
    const learningRate = autoencoder > 0 ? network.laterLearningRate : network.learningRate;
    const following = followTraining(context, "flow", (share) => progress(0.4 + 0.4 * share));
    const common = { ...options(learningRate, pixels, seed), ...following.options };
    ({ decoder } = await train(decoder, y, { ...common, solver: lbfgs(), epochs: epochs(flow) }));
    trainedInSeconds += following.seconds();
  }
  const validated = await measureFlow(
    decoder,
    validation.slice(0, Math.min(1000, validation.count)),
    lbfgs(),
  );
  const tests = {
    [BY.ours]: await measureFlow(decoder, test, lbfgs()),
    ...(network.isTestedByAmd && {
      [BY.letter]: await measureFlow(decoder, test, letter(), (share) => progress(0.8 + 0.2 * share)),
    }),
    // An encoder is its decoder's only until that is trained on.
    ...(encoder && flow === 0 && { [BY.code]: await measureCodes(decoder, encoder, test) }),
  };
  return { trainedInSeconds, validated, tests };
}

function nameOf({ network, autoencoder, flow, pixels }: Recipe): string {
  const passes = (count: number) => (count === 1 ? "1 pass" : `${count} passes`);
  const parts = [
    autoencoder > 0 && `autoencoder, ${passes(autoencoder)}`,
    flow > 0 && `flow, ${passes(flow)}`,
  ];
  const { label }: Network = NETWORKS[network];
  const shifts = pixels > 0 ? `shifts of ${pixels}` : "no shifts";
  return [parts.filter(Boolean).join("; then "), shifts, label].filter(Boolean).join("; ");
}

const idOf = (count: number, recipe: Recipe, seed: number) =>
  `${count} images, ${nameOf(recipe)}, seed ${seed}`;

const isTestedByAmd = ({ network }: Recipe): boolean => NETWORKS[network].isTestedByAmd;

function secondsOf(count: number, { network, autoencoder, flow }: Recipe): number {
  const { seconds }: Network = NETWORKS[network];
  return (count * (seconds.autoencoder * autoencoder + seconds.flow * flow)) / 1000 + 400;
}

/** All images are trained on with one seed. */
function seedsFor(count: number, { isKept }: Recipe, settings: Settings): number[] {
  return isKept && count < 50_000 ? seedsOf(settings) : [0];
}

/** Lines of the chart. */
const WAYS: readonly (readonly [name: string, isOne: (recipe: Recipe) => boolean])[] = [
  ["flow", ({ network, autoencoder }) => network === "paper" && autoencoder === 0],
  ["autoencoder, inverted", ({ network, flow }) => network === "paper" && flow === 0],
  [
    "autoencoder, then flow",
    ({ network, autoencoder, flow }) => network === "paper" && autoencoder > 0 && flow > 0,
  ],
  ["convolutions", ({ network }) => network !== "paper"],
];

export const frontier: Element<Found> = {
  name: "frontier",
  title: "Beyond the paper: the frontier of little data",
  jobs: (settings) =>
    COUNTS.flatMap((count) =>
      RECIPES[count]!.flatMap((recipe) =>
        seedsFor(count, recipe, settings).map(
          (seed): Job<Found> => ({
            id: idOf(count, recipe, seed),
            seconds: secondsOf(count, recipe),
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
        figure(count, recipe, BY.ours).text,
        isTestedByAmd(recipe) ? figure(count, recipe, BY.letter).text : "",
        recipe.autoencoder > 0 && recipe.flow === 0 ? figure(count, recipe, BY.code).text : "",
        minutes(count, recipe).text,
      ]),
    );
    /** The recipe of a way that is best on the validation images, of those that have been computed. */
    const best = (count: number, isOne: (recipe: Recipe) => boolean = () => true) => {
      const validated = (recipe: Recipe) =>
        means(
          seedsFor(count, recipe, settings).map(
            (seed) => results.get(idOf(count, recipe, seed))?.validated.loss,
          ),
        ).mean ?? Number.POSITIVE_INFINITY;
      const [first] = RECIPES[count]!.filter(isOne).sort((a, b) => validated(a) - validated(b));
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
        const recipe = best(count, isOne);
        if (!recipe) return [];
        const { mean, deviation } = figure(count, recipe, BY.ours);
        return [{ x: count, y: mean!, deviation: deviation ?? 0 }];
      }),
    })).filter(({ points }) => points.length > 0);
    const paper = (["the paper's AE", "the paper's GFE-amd"] as const).map((name, i) => ({
      name,
      isDashed: true,
      points: COUNTS.map((count) => ({ x: count, y: PAPER[count]![i]!, deviation: 0 })),
    }));
    return {
      markdown: `Mean cross entropy of the 10,000 test digits. Adam at 1e-3 that falls linearly to 0, gradients clipped to 0.5,
mini-batches of 16, random shifts by up to so many pixels, several passes; the paper's decoder, of 700,234 parameters. *Small
convolutions* are the demo's decoder (41,393 parameters, trained at 3e-3; by the flow after the autoencoder at a tenth of that), *large convolutions*
[reproduce/convolutional-decoder.json](../../reproduce/convolutional-decoder.json) (852,481; likewise). *Minutes* are of training, on one
core. Where a figure has no ± one seed was run.

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
