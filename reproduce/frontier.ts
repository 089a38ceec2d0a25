import type { ChartLine } from "./chart.ts";
import type { Element, Page, Results, Settings } from "./element.ts";
import { testFloor } from "./floors.ts";
import {
  COUNTS,
  type Found,
  idOf,
  isTestedByAmd,
  jobsOfRecipes,
  NETWORKS,
  nameOf,
  RECIPES,
  type Recipe,
  seedsFor,
  TRAINING,
  VALIDATED,
  wayOf,
} from "./frontier-runs.ts";
import {
  BRACKETS,
  compared,
  excessAxis,
  excessPoint,
  type Figure,
  floorRow,
  listed,
  means,
  percent,
  showCount,
  table,
  withExcess,
} from "./page.ts";
import { PAPER_TABLE, PRIOR, seedsOf } from "./paper-setting.ts";
import type { Measured } from "./reconstruction.ts";
import { ALL, BY, resultOf, type Trained } from "./trained-decoders.ts";

// Beyond the paper: how well few images can be made to do, whoever trains the decoder, when it is inverted in the test.

const FLOOR = testFloor("MNIST");
const show = (loss: Figure) => withExcess(loss, FLOOR);
/** The paper's, of table 1. */
const PAPER_LINES = {
  "the paper's AE": [...PAPER_TABLE.few.AE, PAPER_TABLE.complete.AE[0]],
  "the paper's GFE-amd": [...PAPER_TABLE.few.GFE, PAPER_TABLE.complete.GFE[0]],
} as const;

/** Lines of the chart. */
const WAYS: readonly (readonly [name: string, isOne: (recipe: Recipe) => boolean])[] = [
  ["flow, the paper's decoder", ({ network, autoencoder }) => network === "paper" && autoencoder === 0],
  ["autoencoder, the paper's decoder, inverted", ({ network, flow }) => network === "paper" && flow === 0],
  ["autoencoder, then flow", (recipe) => isPolished(recipe) && !recipe.hasPrior],
  ["autoencoder, then flow with a prior", (recipe) => isPolished(recipe) && recipe.hasPrior],
  [`${NETWORKS.small.label}, autoencoder inverted`, ({ network, flow }) => network === "small" && flow === 0],
  [`${NETWORKS.large.label}, autoencoder inverted`, ({ network, flow }) => network === "large" && flow === 0],
];

/** Has the flow gone on with the paper's decoder where the autoencoder had come to? */
function isPolished({ network, autoencoder, flow }: Recipe): boolean {
  return network === "paper" && autoencoder > 0 && flow > 0;
}

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

  minutes(count: number, recipe: Recipe): Figure {
    return this.of(count, recipe, ({ trainedInSeconds }) => trainedInSeconds / 60, 1);
  }

  /** Seeds of a recipe that are not computed yet. */
  missing(count: number, recipe: Recipe): number[] {
    return seedsFor(count, recipe, this.settings).filter(
      (seed) => !this.results.has(idOf(count, recipe, seed)),
    );
  }

  /**
   * The recipe with the least validation loss, of those that are wanted and have been computed with all their seeds. Of all
   * images there is one seed of each; else looks have too few.
   */
  best(count: number, isWanted: (recipe: Recipe) => boolean = () => true): Recipe | undefined {
    const validated = (one: Recipe) => {
      const { mean = Number.NaN } = this.of(count, one, ({ validated: { loss } }) => loss);
      const isThere = this.loss(count, one).isWhole && Number.isFinite(mean);
      return isThere ? mean : Number.POSITIVE_INFINITY;
    };
    const isCompared = ({ hasAllSeeds }: Recipe) => hasAllSeeds || count >= ALL;
    const compared = RECIPES[count]!.filter((one) => isCompared(one) && isWanted(one));
    const [first] = compared.sort((a, b) => validated(a) - validated(b));
    return first && Number.isFinite(validated(first)) ? first : undefined;
  }
}

export const frontier: Element<Found> = {
  name: "frontier",
  title: "Beyond the paper: the frontier of little data",
  source: "frontier-runs.ts",
  jobs: jobsOfRecipes,
  page(results, settings, resultsOf): Page {
    const figures = new Figures(results, settings);
    return {
      markdown: `Mean cross entropy of the 10,000 test digits. ${BRACKETS}
For each number of images the best recipe is the one with the lowest loss of ${showCount(VALIDATED)} validation digits. Recipes that have been run
with every seed are compared; with all ${showCount(ALL)} images, where each has one seed, all recipes. The charts' points are chosen in the same
way, but for flows alone with the large convolutions, which have one recipe. These ${showCount(VALIDATED)} digits are not trained on.${COUNTS.filter(
        (count) => count < VALIDATED,
      )
        .map((count) => ` After ${showCount(count)} images they outnumber the training set.`)
        .join("")}

${table(["images trained on", "digits that chose it", "best of the recipes run with every seed", "recipe"], bestOf(figures))}

${trainersOf(figures)}

## Flows alone

${flowsAlone(figures)}

## The recipes

Adam at ${NETWORKS.paper.learningRate} that falls linearly to 0, gradients clipped to ${TRAINING.gradientClip},
mini-batches of ${TRAINING.batchSize}, random shifts by up to so many pixels, several passes; the paper's decoder, of ${parametersOf("paper")} parameters. *Small
convolutions* are the demo's decoder (${parametersOf("small")} parameters, trained at ${NETWORKS.small.learningRate}; by the flow after the autoencoder at ${NETWORKS.small.laterLearningRate}), *large convolutions*
\`reproduce/convolutional-decoder.json\` (${parametersOf("large")}; ${NETWORKS.large.learningRate} and ${NETWORKS.large.laterLearningRate}). *Minutes* are of training, on one
core, on engines of several speeds (results/frontier.json names each run's): they tell orders of magnitude. *Then flow* goes on with
the autoencoder of the row without it; *with a prior* its codes are held near 0 in training, by \`gaussian({ weight: ${PRIOR.weight} })\`, and
in the tests are not (\`prior: "none"\`). Where a figure has no ± one seed was run: of all ${showCount(ALL)} images, and of looks, which change one thing beside a recipe or another look,
the passes, the shifts, the network or what it is trained by. … is what has not been computed yet. AMD to the letter is slow: by it the
paper's decoder alone is tested, trained without a prior, and no look; other cells are empty where there is nothing to compute.

Flows start from 0. *From the mean code*: from the mean of the codes that the autoencoder gives its training images, \`meanCode\`. Some
autoencoders have their codes far from 0; flows that start from 0 are then caught in minima near 0. Where there is a start from the
mean code, the squared error and the best above are of it.

${unfinished(figures)}
${COUNTS.map((count) => `## ${showCount(count)} images\n\n${tableOf(count, figures, settings, resultsOf)}`).join("\n\n")}
`,
      charts: {
        frontier: {
          title: "Excess of MNIST test digits against images",
          xTitle: "different images trained on",
          yTitle: excessAxis(FLOOR),
          xScale: "log",
          yScale: "log",
          lines: [...linesOf(figures), ...PAPERS],
        },
        "frontier-ours": {
          title: "Excess of MNIST test digits against images, our runs",
          xTitle: "different images trained on",
          yTitle: excessAxis(FLOOR),
          xScale: "log",
          yScale: "log",
          lines: linesOf(figures),
        },
      },
      summary: {
        paper: "(not in the paper)",
        letter: "–",
        holds: `${trainersOf(figures)} ${flowsAloneInWords(figures)}`,
        ours: COUNTS.map((count) => {
          const one = figures.best(count);
          return one ? show(figures.loss(count, one)) : "…";
        }).join(", "),
      },
    };
  },
};

/** How many parameters a network has. */
const parametersOf = (network: keyof typeof NETWORKS) =>
  showCount(NETWORKS[network].create(0).parameters.length);

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
        ? [`- ${percent(mean)} with the decoder of ${showCount(count)} images; ${nameOf(one)}`]
        : [];
    }),
  );
  if (found.length === 0) return "";
  return `AMD to the letter, whose steps are of at most 10, is cut off at τ = 10,000, the authors' code's. With some decoders it has not come to rest there for most of
the test digits, and its loss is then high:

${found.join("\n")}
`;
}

/** A column of the table: what it says of a recipe, and of PCA where it says anything. */
interface Column {
  readonly heading: string;
  of(figures: Figures, count: number, one: Recipe): string;
  ofPca?(pca: PcaFigures): string;
}

/** PCA's of so many images. */
interface PcaFigures {
  readonly loss: string;
  readonly squaredError: string;
}

const COLUMNS: readonly Column[] = [
  { heading: "by `lbfgs`", of: (figures, count, one) => show(figures.loss(count, one, BY.ours)) },
  {
    heading: "from the mean code",
    of: (figures, count, one) => (wayOf(one) === BY.mean ? show(figures.loss(count, one, BY.mean)) : ""),
  },
  {
    heading: "by `amd`",
    of: (figures, count, one) => (isTestedByAmd(one) ? show(figures.loss(count, one, BY.letter)) : ""),
  },
  {
    heading: "its own code",
    of: (figures, count, one) => (wayOf(one) === BY.mean ? show(figures.loss(count, one, BY.code)) : ""),
    ofPca: ({ loss }) => loss,
  },
  {
    heading: "squared error",
    of: (figures, count, one) => figures.of(count, one, ({ tests }) => tests[wayOf(one)]?.squaredError).text,
    ofPca: ({ squaredError }) => squaredError,
  },
  {
    heading: "minutes",
    of: (figures, count, one) => figures.minutes(count, one).text,
  },
];

/** The recipes for so many images, and PCA, which table 1 has computed. */
function tableOf(
  count: number,
  figures: Figures,
  settings: Settings,
  resultsOf: (element: string) => Results<unknown>,
): string {
  const pca = figuresOfPca(count, settings, resultsOf);
  return table(
    ["trained by", ...COLUMNS.map(({ heading }) => heading)],
    [
      ...RECIPES[count]!.map((one) => [
        nameOf(one),
        ...COLUMNS.map((column) => column.of(figures, count, one)),
      ]),
      [
        "PCA, 20 components, its outputs cut to [1/510, 1 - 1/510]",
        ...COLUMNS.map((column) => column.ofPca?.(pca) ?? ""),
      ],
      [...floorRow([FLOOR, FLOOR, FLOOR, FLOOR]), "", ""],
    ],
  );
}

function figuresOfPca(
  count: number,
  settings: Settings,
  resultsOf: (element: string) => Results<unknown>,
): PcaFigures {
  const from = resultsOf(count < ALL ? "table1-left" : "table1-right") as Results<Trained>;
  const seeds = count < ALL ? seedsOf(settings) : [0];
  const of = (value: (measured: Measured) => number) =>
    means(
      seeds.map((seed) => {
        const measured = resultOf(from, "MNIST", count, "PCA", seed)?.tests[BY.pca];
        return measured && value(measured);
      }),
    );
  return { loss: show(of(({ loss }) => loss)), squaredError: of(({ squaredError }) => squaredError).text };
}

/** The best for each number of images: the digits that chose it, its test loss and its recipe. */
function bestOf(figures: Figures): string[][] {
  return COUNTS.map((count) => {
    const one = figures.best(count);
    const own = one ? figures.loss(count, one) : means([undefined]);
    return [showCount(count), showCount(VALIDATED), show(own), one ? nameOf(one) : ""];
  });
}

/** By what a recipe trains. */
const trainerOf = ({ autoencoder, flow }: Recipe) =>
  flow === 0 ? "an autoencoder" : autoencoder === 0 ? "flows alone" : "an autoencoder and then flows";

/** Says by what the best of each number of images is trained. */
function trainersOf(figures: Figures): string {
  const trained = COUNTS.flatMap((count) => {
    const one = figures.best(count);
    return one ? [{ count, trainer: trainerOf(one) }] : [];
  });
  if (trained.length === 0) return "What trains the best is not computed yet.";
  const trainers = [...new Set(trained.map(({ trainer }) => trainer))];
  const said = trainers.map((trainer) => {
    const counts = trained.flatMap((one) => (one.trainer === trainer ? [showCount(one.count)] : []));
    return `by ${trainer} (${counts.join(", ")} images)`;
  });
  return `The best is trained ${said.join(" and ")}.`;
}

/** Flows alone beside the autoencoder, with one network and number of images. */
interface Pair {
  readonly count: number;
  readonly flow: Recipe;
  readonly autoencoder: Recipe;
}

const isFlowAlone = ({ autoencoder }: Recipe) => autoencoder === 0;
const isAutoencoderAlone = ({ flow }: Recipe) => flow === 0;

/** Pairs with the large convolutions: without them a best that an autoencoder has trained may be so by its network. */
const LARGE_PAIRS: readonly Pair[] = COUNTS.flatMap((count) => {
  const large = RECIPES[count]!.filter(({ network, hasAllSeeds }) => network === "large" && hasAllSeeds);
  const [flow, autoencoder] = [large.find(isFlowAlone), large.find(isAutoencoderAlone)];
  return flow && autoencoder ? [{ count, flow, autoencoder }] : [];
});

const OPEN =
  "Flows alone with the large convolutions are not computed yet: whether the best is so by its autoencoder or by its network is open.";

/** Pairs with the large convolutions of which there are figures, and how they compare. */
const comparedPairs = (figures: Figures) =>
  LARGE_PAIRS.flatMap((pair) => {
    const { count, flow, autoencoder } = pair;
    const [own, its] = [figures.loss(count, flow), figures.loss(count, autoencoder)];
    const word = apart(own, its) ?? compared(own, its);
    return word ? [{ ...pair, own, its, word }] : [];
  });

/** What deviations over seeds hide where one seed is far off: all seeds of one figure are above, or below, all of the other. */
function apart({ values: own }: Figure, { values: its }: Figure): string | undefined {
  if (own.length === 0 || its.length === 0) return undefined;
  if (Math.min(...own) > Math.max(...its)) return "higher with every seed";
  return Math.max(...own) < Math.min(...its) ? "lower with every seed" : undefined;
}

/** Says in words how flows alone compare with the autoencoder by the large convolutions. */
function flowsAloneInWords(figures: Figures): string {
  const said = comparedPairs(figures).map(({ count, own, word }) => {
    const seeds = own.isWhole ? "" : ` (${own.values.length} of ${own.seeds} seeds)`;
    return `${word} after ${showCount(count)} images${seeds}`;
  });
  return said.length > 0
    ? `With the same network [flows alone](frontier.md#flows-alone) are ${listed(said)}.`
    : OPEN;
}

/** Says how low flows alone come beside the autoencoder, in which time, what is missing, and what small convolutions show. */
function flowsAlone(figures: Figures): string {
  const pairs = comparedPairs(figures);
  if (pairs.length === 0) return OPEN;
  const whole = (minutes: Figure) => minutes.mean?.toFixed(0) ?? "…";
  const said = pairs.map(({ count, flow, autoencoder, own, its, word }) => {
    const minutes = [flow, autoencoder].map((one) => whole(figures.minutes(count, one)));
    const seeds = own.isWhole ? `, by seed ${listed(own.values.map((loss) => loss.toFixed(4)))}` : "";
    return `- ${showCount(count)} images: ${word}. Flows alone are at ${show(own)}${seeds}, in ${minutes[0]} minutes of training; the autoencoder is at ${show(its)}, in ${minutes[1]}.`;
  });
  return `With the same network, the large convolutions, flows alone beside the autoencoder come to:

${said.join("\n")}

${tried()} ${missingSeeds(figures)}${small(figures)}`;
}

/** Says how many recipes were tried of either kind: the more there are, the lower the best of them. */
function tried(): string {
  const said = LARGE_PAIRS.map(({ count }) => {
    const large = RECIPES[count]!.filter(({ network }) => network === "large");
    return `after ${showCount(count)} images ${large.filter(isFlowAlone).length} of flows alone and ${large.filter(isAutoencoderAlone).length} of autoencoders`;
  });
  return `Recipes tried with this network: ${said.join("; ")}.`;
}

/** Says which seeds are missing, and which numbers of images are not planned. */
function missingSeeds(figures: Figures): string {
  const missing = LARGE_PAIRS.flatMap(({ count, flow }) => {
    const seeds = figures.missing(count, flow);
    return seeds.length > 0
      ? [`seed${seeds.length > 1 ? "s" : ""} ${listed(seeds.map(String))} of ${showCount(count)} images`]
      : [];
  });
  const unplanned = COUNTS.filter((count) => LARGE_PAIRS.every((pair) => pair.count !== count)).map(
    showCount,
  );
  return [
    ...(missing.length > 0 ? [`Missing: ${missing.join(", ")}.`] : []),
    ...(unplanned.length > 0 ? [`Flows alone of ${listed(unplanned)} images are not planned.`] : []),
  ].join(" ");
}

/** Says how flows alone compare with the autoencoder by the small convolutions, with as large shifts. */
function small(figures: Figures): string {
  const said = COUNTS.flatMap((count) =>
    RECIPES[count]!.filter((one) => one.network === "small" && isFlowAlone(one)).flatMap((flow) => {
      const autoencoder = figures.best(
        count,
        (one) => one.network === "small" && isAutoencoderAlone(one) && one.pixels === flow.pixels,
      );
      const own = figures.loss(count, flow);
      if (!autoencoder || own.mean === undefined) return [];
      const seeds = own.seeds === 1 ? " (one seed)" : "";
      return [
        `- ${showCount(count)} images, shifts of ${flow.pixels}: flows alone ${show(own)}${seeds}, the autoencoder ${show(figures.loss(count, autoencoder))}`,
      ];
    }),
  );
  return said.length > 0 ? `\n\nWith the small convolutions:\n\n${said.join("\n")}` : "";
}

/** The paper's lines. */
const PAPERS: readonly ChartLine[] = Object.entries(PAPER_LINES).map(([name, losses]) => ({
  name,
  isDashed: true,
  points: COUNTS.flatMap((count, i) => excessPoint(count, means([losses[i]!]), FLOOR)),
}));

function linesOf(figures: Figures): ChartLine[] {
  const best = WAYS.map(([name, isOne]) => ({
    name,
    points: COUNTS.flatMap((count) => {
      const one = figures.best(count, isOne);
      return one ? excessPoint(count, figures.loss(count, one), FLOOR) : [];
    }),
  }));
  return [...best, lineOfFlows(figures)].filter(({ points }) => points.length > 0);
}

/** Line of flows alone with the large convolutions, by the seeds that there are. */
function lineOfFlows(figures: Figures): ChartLine {
  const all = LARGE_PAIRS.map(({ count, flow }) => ({ count, loss: figures.loss(count, flow) }));
  const isWhole = all.every(({ loss }) => loss.isWhole);
  return {
    name: `${NETWORKS.large.label}, flows alone${isWhole ? "" : " (seeds so far)"}`,
    points: all.flatMap(({ count, loss }) => excessPoint(count, loss, FLOOR)),
  };
}
