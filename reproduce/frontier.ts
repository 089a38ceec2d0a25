import { join } from "node:path";
import { type Decoder, lbfgs } from "../src/index.ts";
import { adam, linear, meanCode, shift, train, trainAutoencoder } from "../src/train/index.ts";
import type { ChartLine } from "./chart.ts";
import type { Element, Job, JobContext, Page, Results, Settings } from "./element.ts";
import { type Figure, means, table, verdict } from "./page.ts";
import {
  backend,
  chooseRows,
  createConvolutionalDecoder,
  createPaperDecoder,
  imagesOf,
  letter,
  PAPER_TABLE,
  readData,
  seedsOf,
} from "./paper-setting.ts";
import { type Measured, measureCodes, measureFlow } from "./reconstruction.ts";
import { resultOf, BY as TABLE_BY, type Trained } from "./trained-decoders.ts";
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
  /** For 1,000 images seen once, and for 1,000 encoded by each test, on one core. */
  readonly seconds: { readonly autoencoder: number; readonly flow: number; readonly tests: number };
  /** Does AMD to the letter encode 10,000 images in minutes? Not where the decoder has convolutions. */
  readonly isQuickByAmd: boolean;
}

/** For 1,000 images encoded by AMD to the letter. */
const AMD_SECONDS = 25;

const NETWORKS = {
  paper: {
    label: "",
    create: createPaperDecoder,
    learningRate: 1e-3,
    laterLearningRate: 1e-3,
    seconds: { autoencoder: 0.6, flow: 3.6, tests: 5 },
    isQuickByAmd: true,
  },
  small: {
    label: "small convolutions",
    create: (seed) => createConvolutionalDecoder("small", seed),
    learningRate: 3e-3,
    laterLearningRate: 3e-4,
    seconds: { autoencoder: 0.3, flow: 2.5, tests: 5 },
    isQuickByAmd: false,
  },
  large: {
    label: "large convolutions",
    create: (seed) => createConvolutionalDecoder("large", seed),
    learningRate: 1e-3,
    laterLearningRate: 1e-4,
    seconds: { autoencoder: 2.4, flow: 13, tests: 30 },
    isQuickByAmd: false,
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
  /** Is it computed with every seed, or was it only a look beside one that is? */
  readonly hasAllSeeds: boolean;
}

const recipe =
  (network: Recipe["network"], hasAllSeeds: boolean) =>
  (autoencoder: number, flow: number, pixels: number): Recipe => ({
    ...{ network, autoencoder, flow, pixels, hasAllSeeds },
  });
const [paper, lookAtPaper] = [recipe("paper", true), recipe("paper", false)];
const [small, lookAtSmall] = [recipe("small", true), recipe("small", false)];
const [large, lookAtLarge] = [recipe("large", true), recipe("large", false)];

interface Found {
  readonly trainedInSeconds: number;
  /** On 1,000 validation images, by which recipes are chosen; encoded as `wayOf` says. */
  readonly validated: Measured;
  /** By what the test images were encoded with. */
  readonly tests: Readonly<Record<string, Measured>>;
}

/** By the number of different images: passes of the autoencoder, passes of the flow, pixels. A look changes one thing. */
const RECIPES: Readonly<Record<number, readonly Recipe[]>> = {
  480: [
    ...[paper(0, 200, 3), lookAtPaper(0, 100, 3), lookAtPaper(0, 200, 2), lookAtPaper(0, 200, 4)],
    ...[paper(1600, 0, 3), lookAtPaper(800, 0, 3), lookAtPaper(1600, 0, 2), lookAtPaper(1600, 0, 4)],
    paper(1600, 40, 3),
    ...[small(800, 0, 3), lookAtSmall(400, 0, 3), small(1600, 0, 3), lookAtSmall(3200, 0, 3)],
    ...[lookAtSmall(800, 0, 1), small(800, 0, 2), lookAtSmall(800, 0, 4)],
    ...[small(800, 40, 3), lookAtSmall(0, 200, 3)],
    lookAtLarge(400, 0, 3),
  ],
  1920: [
    paper(0, 60, 2),
    ...[paper(500, 0, 3), lookAtPaper(250, 0, 3), lookAtPaper(500, 0, 2), lookAtPaper(500, 0, 4)],
    paper(500, 20, 3),
    ...[small(400, 0, 3), lookAtSmall(200, 0, 3), lookAtSmall(800, 0, 3)],
    ...[lookAtSmall(400, 0, 1), small(400, 0, 2), lookAtSmall(400, 0, 4)],
    small(400, 10, 3),
    lookAtLarge(120, 0, 3),
  ],
  5760: [
    paper(0, 20, 2),
    ...[paper(200, 0, 2), lookAtPaper(100, 0, 2), lookAtPaper(200, 0, 1), lookAtPaper(200, 0, 3)],
    paper(200, 10, 2),
    lookAtSmall(200, 0, 2),
    ...[large(60, 0, 2), lookAtLarge(120, 0, 2), lookAtLarge(60, 0, 1), lookAtLarge(60, 0, 3)],
    lookAtLarge(60, 2, 2),
  ],
  50000: [
    paper(0, 6, 1),
    ...[paper(40, 0, 1), lookAtPaper(20, 0, 1), lookAtPaper(40, 0, 0), lookAtPaper(40, 0, 2)],
    paper(40, 3, 1),
    ...[large(12, 0, 0), lookAtLarge(24, 0, 0), lookAtLarge(12, 0, 1)],
    large(12, 1, 0),
  ],
};
const COUNTS = Object.keys(RECIPES).map(Number);
const GOALS: Readonly<Record<number, number>> = { 480: 0.084, 1920: 0.077, 5760: 0.0735, 50000: 0.0705 };
/** The paper's, of table 1. */
const PAPER_LINES = {
  "the paper's AE": [...PAPER_TABLE.few.AE, PAPER_TABLE.complete.AE[0]],
  "the paper's GFE-amd": [...PAPER_TABLE.few.GFE, PAPER_TABLE.complete.GFE[0]],
} as const;

/** The ways to encode a test image: some of table 1's, and one more. */
const BY = {
  ...{ ours: TABLE_BY.ours, letter: TABLE_BY.letter, code: TABLE_BY.code },
  mean: "lbfgs from the mean code",
} as const;

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
    // An encoder is its decoder's only until that is trained on.
    encoder = undefined;
    trainedInSeconds += following.seconds();
  }
  const validating = validation.slice(0, 1000 * THOUSANDS_VALIDATED);
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

/** So many images are encoded at the end by each start there is, in thousands. */
const [THOUSANDS_VALIDATED, THOUSANDS_TESTED] = [1, 10];

function secondsOf(count: number, recipe: Recipe): number {
  const { seconds }: Network = NETWORKS[recipe.network];
  const training = seconds.autoencoder * recipe.autoencoder + seconds.flow * recipe.flow;
  const starts = recipe.autoencoder > 0 && recipe.flow === 0 ? 2 : 1;
  const testing = (THOUSANDS_VALIDATED + starts * THOUSANDS_TESTED) * seconds.tests;
  const byAmd = isTestedByAmd(recipe) ? THOUSANDS_TESTED * AMD_SECONDS : 0;
  return (count * training) / 1000 + testing + byAmd;
}

/** It takes longer than all other tests together: what was only a look goes without. */
const isTestedByAmd = ({ network, hasAllSeeds }: Recipe) => NETWORKS[network].isQuickByAmd && hasAllSeeds;

/** With all 50,000 images there is one. */
function seedsFor(count: number, { hasAllSeeds }: Recipe, settings: Settings): number[] {
  return hasAllSeeds && count < 50_000 ? seedsOf(settings) : [0];
}

/** By what its decoder is best encoded with: an autoencoder's from its mean code, one that flows have trained from 0. */
const wayOf = ({ autoencoder, flow }: Recipe): string => (autoencoder > 0 && flow === 0 ? BY.mean : BY.ours);

/** Lines of the chart. */
const WAYS: readonly (readonly [name: string, isOne: (recipe: Recipe) => boolean])[] = [
  ["flow", ({ network, autoencoder }) => network === "paper" && autoencoder === 0],
  ["autoencoder, inverted", ({ network, flow }) => network === "paper" && flow === 0],
  [
    "autoencoder, then flow",
    ({ network, autoencoder, flow }) => network === "paper" && autoencoder > 0 && flow > 0,
  ],
  ["small convolutions", ({ network }) => network === "small"],
  ["large convolutions", ({ network }) => network === "large"],
];

/** What has been found, over seeds. */
class Figures {
  constructor(
    private readonly results: Results<Found>,
    private readonly settings: Settings,
  ) {}

  of(count: number, recipe: Recipe, value: (found: Found) => number | undefined, digits?: number): Figure {
    const found = seedsFor(count, recipe, this.settings).map((seed) =>
      this.results.get(idOf(count, recipe, seed)),
    );
    return means(
      found.map((one) => one && value(one)),
      digits,
    );
  }

  loss(count: number, recipe: Recipe, by = wayOf(recipe)): Figure {
    return this.of(count, recipe, ({ tests }) => tests[by]?.loss);
  }

  /** The recipe with the least validation loss, of those that are wanted and have been computed with all their seeds. */
  best(count: number, isWanted: (recipe: Recipe) => boolean): Recipe | undefined {
    const validated = (one: Recipe) => {
      const { mean = Number.NaN } = this.of(count, one, ({ validated: { loss } }) => loss);
      const isThere = this.loss(count, one).isWhole && Number.isFinite(mean);
      return isThere ? mean : Number.POSITIVE_INFINITY;
    };
    const [first] = RECIPES[count]!.filter(isWanted).sort((a, b) => validated(a) - validated(b));
    return first && Number.isFinite(validated(first)) ? first : undefined;
  }

  /** Of those that stand for a goal: up to 5,760 images with every seed. */
  bestOfAllSeeds(count: number, isWanted: (recipe: Recipe) => boolean = () => true): Recipe | undefined {
    return this.best(count, (recipe) => recipe.hasAllSeeds && isWanted(recipe));
  }
}

export const frontier: Element<Found> = {
  name: "frontier",
  title: "Beyond the paper: the frontier of little data",
  source: "frontier.ts",
  jobs: (settings) =>
    COUNTS.flatMap((count) =>
      RECIPES[count]!.flatMap((one) =>
        seedsFor(count, one, settings).map(
          (seed): Job<Found> => ({
            id: idOf(count, one, seed),
            data: "MNIST",
            seconds: secondsOf(count, one),
            run: (context) => run(count, one, seed, context, settings),
          }),
        ),
      ),
    ),
  page(results, settings, resultsOf): Page {
    const figures = new Figures(results, settings);
    return {
      markdown: `Mean cross entropy of the 10,000 test digits. Adam at ${NETWORKS.paper.learningRate} that falls linearly to 0, gradients clipped to 0.5,
mini-batches of 16, random shifts by up to so many pixels, several passes; the paper's decoder, of 700,234 parameters. *Small
convolutions* are the demo's decoder (41,393 parameters, trained at ${NETWORKS.small.learningRate}; by the flow after the autoencoder at ${NETWORKS.small.laterLearningRate}), *large convolutions*
[reproduce/convolutional-decoder.json](../../reproduce/convolutional-decoder.json) (852,481; ${NETWORKS.large.learningRate} and ${NETWORKS.large.laterLearningRate}). *Minutes* are of training, on one
core, on engines of several speeds (results/frontier.json names each run's): they tell orders of magnitude. *Then flow* goes on with
the autoencoder of the row without it. Where a figure has no ± one seed was run: of all 50,000 images, and of looks, which change one thing,
the passes, the shifts, the network or what it is trained by. AMD to the letter is slow: by it the paper's decoder alone is
tested, and no look.

Flows start from 0. *From the mean code*: from the mean of the codes that the autoencoder gives its training images, \`meanCode\`. Some
autoencoders have their codes far from 0; flows that start from 0 are then caught in minima near 0. Where there is a start from the
mean code, the squared error and the goals below are of it.

${unfinished(figures)}
${table(["images", "trained by", "by `lbfgs`", "from the mean code", "by `amd`", "its own code", "squared error", "minutes"], rowsOf(figures, settings, resultsOf))}

What is best is chosen by the loss of 1,000 validation digits, of what has been computed with every seed; so are the points of the
chart. Goals, and the test loss of the best:

${goalsOf(figures).join("\n")}
`,
      charts: {
        frontier: {
          title: "Test digits against the number of images",
          xTitle: "different images trained on",
          yTitle: "cross entropy, nats a pixel",
          xScale: "log",
          lines: [...linesOf(figures), ...PAPERS],
        },
        "frontier-ours": {
          title: "The same, without the paper's",
          xTitle: "different images trained on",
          yTitle: "cross entropy, nats a pixel",
          xScale: "log",
          lines: linesOf(figures),
        },
      },
      summary: {
        paper: "(not in the paper)",
        letter: "–",
        holds: `goals of at most ${COUNTS.map((count) => GOALS[count]).join(", ")}: ${COUNTS.map((count) => {
          const one = figures.bestOfAllSeeds(count);
          return verdict(one ? figures.loss(count, one) : means([undefined]), GOALS[count]!);
        }).join(", ")}`,
        ours: COUNTS.map((count) => {
          const one = figures.bestOfAllSeeds(count);
          return one ? figures.loss(count, one).text : "…";
        }).join(", "),
      },
    };
  },
};

/** Says where AMD to the letter has not come to rest by τ: its figure is then of flows that were cut short. */
function unfinished(figures: Figures): string {
  const found = COUNTS.flatMap((count) =>
    RECIPES[count]!.filter(isTestedByAmd).flatMap((one) => {
      const { mean } = figures.of(count, one, ({ tests }) => {
        const { statuses = {} } = tests[BY.letter] ?? {};
        const images = Object.values(statuses).reduce((sum, each) => sum + each, 0);
        return images > 0 ? (statuses.reached_t1 ?? 0) / images : undefined;
      });
      return mean !== undefined && mean > 0.5
        ? [`${(100 * mean).toFixed(0)} % of ${count} images, ${nameOf(one)}`]
        : [];
    }),
  );
  if (found.length === 0) return "";
  return `AMD to the letter, whose steps are of at most 10, has often not come to rest by τ = 10,000 with these decoders, and its loss is then high:
${found.join("; ")}.
`;
}

function rowsOf(
  figures: Figures,
  settings: Settings,
  resultsOf: (element: string) => Results<unknown>,
): string[][] {
  return COUNTS.flatMap((count) => [
    ...RECIPES[count]!.map((one) => [
      ...[`${count}`, nameOf(one), figures.loss(count, one, BY.ours).text],
      wayOf(one) === BY.mean ? figures.loss(count, one, BY.mean).text : "",
      isTestedByAmd(one) ? figures.loss(count, one, BY.letter).text : "",
      one.autoencoder > 0 && one.flow === 0 ? figures.loss(count, one, BY.code).text : "",
      figures.of(count, one, ({ tests }) => tests[wayOf(one)]?.squaredError).text,
      figures.of(count, one, ({ trainedInSeconds }) => trainedInSeconds / 60, 1).text,
    ]),
    rowOfPca(count, settings, resultsOf),
  ]);
}

/** The row of PCA, which table 1 has computed. */
function rowOfPca(
  count: number,
  settings: Settings,
  resultsOf: (element: string) => Results<unknown>,
): string[] {
  const from = resultsOf(count < 50_000 ? "table1-left" : "table1-right") as Results<Trained>;
  const seeds = count < 50_000 ? seedsOf(settings) : [0];
  const of = (value: (measured: Measured) => number) =>
    means(
      seeds.map((seed) => {
        const measured = resultOf(from, "MNIST", count, "PCA", seed)?.tests[TABLE_BY.pca];
        return measured && value(measured);
      }),
    ).text;
  const loss = of((measured) => measured.loss);
  const squares = of((measured) => measured.squaredError);
  return [
    `${count}`,
    "PCA, 20 components, its outputs cut to [1/510, 1 - 1/510]",
    "",
    "",
    "",
    loss,
    squares,
    "",
  ];
}

function goalsOf(figures: Figures): string[] {
  return COUNTS.map((count) => {
    const one = figures.bestOfAllSeeds(count);
    const own = one ? figures.loss(count, one) : means([undefined]);
    return `- ${count} images: at most ${GOALS[count]}; ${own.text}${one ? ` (${nameOf(one)})` : ""}: ${verdict(own, GOALS[count]!)}`;
  });
}

/** The paper's lines. */
const PAPERS: readonly ChartLine[] = Object.entries(PAPER_LINES).map(([name, losses]) => ({
  name,
  isDashed: true,
  points: COUNTS.map((count, i) => ({ x: count, y: losses[i]!, deviation: 0 })),
}));

function linesOf(figures: Figures): ChartLine[] {
  return WAYS.map(([name, isOne]) => ({
    name,
    points: COUNTS.flatMap((count) => {
      const one = figures.bestOfAllSeeds(count, isOne);
      if (!one) return [];
      const { mean, deviation } = figures.loss(count, one);
      const isThere = mean !== undefined && Number.isFinite(mean);
      return isThere ? [{ x: count, y: mean, deviation: deviation ?? 0 }] : [];
    }),
  })).filter(({ points }) => points.length > 0);
}
