import type { Element, Page, Results, Settings } from "./element.ts";
import {
  type GapFound,
  type GapWay,
  HIDING_NAMES,
  METHOD_WAYS,
  NOISE,
  REFINED_STEPS,
  TURNS,
} from "./encoder-gap-measuring.ts";
import {
  ENCODED,
  GAP_DATA,
  type GapData,
  idOf,
  isComputed,
  jobsOfGap,
  seedsFor,
} from "./encoder-gap-runs.ts";
import {
  CODE_TRAVEL,
  GAP_COUNTS,
  GAP_METHODS,
  type GapCount,
  type GapMethod,
  RECIPES,
} from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import {
  BRACKETS,
  capital,
  excessAxis,
  excessOf,
  excessPoint,
  type Figure,
  floorRow,
  means,
  NOT_YET,
  showCount,
  table,
  withExcess,
} from "./page.ts";

// Beyond the paper: how far an encoder's codes are from those of the inversion of the same decoder, by the number of images.

const WAYS = METHOD_WAYS.autoencoder;

/** Ways as columns name them. */
const WAY_NAMES: Readonly<Record<GapWay, string>> = {
  encoder: "encoder's code",
  refined: `encoder's code, ${REFINED_STEPS} steps on`,
  inverted: "inverted",
  "inverted with a prior": "inverted with a prior",
};

/** Figures over seeds. */
class Figures {
  constructor(
    private readonly results: Results<GapFound>,
    private readonly settings: Settings,
  ) {}

  of(
    data: GapData,
    count: GapCount,
    method: GapMethod,
    value: (found: GapFound) => number | undefined,
    digits?: number,
  ): Figure {
    const found = seedsFor(method, count, this.settings).map((seed) =>
      this.results.get(idOf(data, count, method, seed)),
    );
    return means(
      found.map((one) => one && value(one)),
      digits,
    );
  }

  /** True if anything is known of a data set. */
  has(data: GapData): boolean {
    return [...this.results.keys()].some((id) => id.startsWith(`${data}, `));
  }

  /** Excess loss of the encoder's codes ÷ that of the inverted ones, seed by seed. */
  ratio(data: GapData, count: GapCount, method: GapMethod): Figure {
    const floor = testFloor(data);
    return this.of(
      data,
      count,
      method,
      ({ intact: { encoder, inverted } }) =>
        encoder && inverted && (encoder.loss - floor) / (inverted.loss - floor),
      2,
    );
  }
}

function page(results: Results<GapFound>, settings: Settings): Page {
  const figures = new Figures(results, settings);
  const there = GAP_DATA.filter((data) => figures.has(data));
  return {
    markdown: [
      question(figures),
      SETTING,
      ...(figures.has("MNIST") ? [findings(figures)] : []),
      limits(figures),
      ...(there.length > 0 ? ["## All figures\n"] : []),
      ...there.map((data) => sectionsOf(figures, data)),
    ].join("\n"),
    charts: {
      "encoder-gap": {
        title: "MNIST: an encoder's codes and the inversion's",
        xTitle: "images trained on",
        yTitle: excessAxis(testFloor("MNIST")),
        xScale: "log",
        yScale: "log",
        lines: ENCODED.flatMap((method) =>
          (["encoder", "inverted"] as const)
            .filter((way) => hasWay(method, way))
            .map((way) => ({
              name: `${method}, ${WAY_NAMES[way]}`,
              points: GAP_COUNTS.flatMap((count) =>
                excessPoint(
                  count,
                  figures.of("MNIST", count, method, ({ intact }) => intact[way]?.loss),
                  testFloor("MNIST"),
                ),
              ),
            })),
        ).filter(({ points }) => points.length > 0),
      },
    },
    summary: {
      paper: "(not in the paper)",
      letter: "–",
      ours: GAP_COUNTS.map((count) => figures.ratio("MNIST", count, "autoencoder").text).join(", "),
      holds: answer(figures),
    },
  };
}

/** A column of the page's main table: codes that are found by a way, with a decoder trained by a method; or no network. */
interface Column {
  readonly name: string;
  readonly method: GapMethod;
  readonly way: GapWay | "baseline";
}

const COLUMNS: readonly Column[] = [
  { name: "no network", method: "autoencoder", way: "baseline" },
  { name: WAY_NAMES.encoder, method: "autoencoder", way: "encoder" },
  { name: WAY_NAMES.refined, method: "autoencoder", way: "refined" },
  { name: "encoder trained with masks", method: "masked autoencoder", way: "encoder" },
  {
    name: `encoder trained with masks, ${REFINED_STEPS} steps on`,
    method: "masked autoencoder",
    way: "refined",
  },
  { name: WAY_NAMES.inverted, method: "autoencoder", way: "inverted" },
  { name: WAY_NAMES["inverted with a prior"], method: "autoencoder", way: "inverted with a prior" },
];

/** A task by which the page's main table compares the columns. */
interface Task {
  readonly name: string;
  readonly isBetter: "lower" | "higher";
  readonly digits?: number;
  /** Undefined for a way that the task is not measured by. */
  readonly value: (found: GapFound, way: Column["way"], data: GapData) => number | undefined;
}

/** A task of errors of pixels, of which there is a baseline. */
const ofPixels = (name: string, damage: keyof GapFound["baselines"]): Task => ({
  name,
  isBetter: "lower",
  value: ({ hidden, noisy, baselines }, way) => {
    if (way === "baseline") return baselines[damage].squaredError;
    return (damage === "noise" ? noisy : hidden[damage])[way]?.squaredError;
  },
});

const ofClasses = (name: string, classifier: "linear" | "neighbours"): Task => ({
  name,
  isBetter: "higher",
  digits: 3,
  value: ({ classified }, way) => (way === "baseline" ? undefined : classified[way]?.[classifier]),
});

const TASKS: readonly Task[] = [
  {
    name: "excess loss, nats a pixel",
    isBetter: "lower",
    value: ({ intact }, way, data) => {
      const measured = way === "baseline" ? undefined : intact[way];
      return measured && measured.loss - testFloor(data);
    },
  },
  ...HIDING_NAMES.map((hiding) => ofPixels(`squared error of hidden pixels, ${hiding}`, hiding)),
  ofPixels("squared error of denoised images", "noise"),
  ofClasses("accuracy, linear", "linear"),
  ofClasses("accuracy, 5 neighbours", "neighbours"),
];

function figureOf(figures: Figures, data: GapData, count: GapCount, task: Task, column: Column): Figure {
  return figures.of(data, count, column.method, (found) => task.value(found, column.way, data), task.digits);
}

/** The page's main table, of MNIST, and what it says in words. */
function findings(figures: Figures): string {
  return `
## Findings on MNIST

${mainTable(figures, "MNIST")}

Empty cells were not measured. The columns of *encoder trained with masks* are of decoders of their own, all others are of the same
decoders. *No network* fills hidden
pixels with the mean of the training images, and leaves noise as it is.

${TASKS.flatMap((task) => inWords(figures, "MNIST", task)).join("\n")}

How well the decoder of ${GAP_COUNTS[0]} digits tells turned digits from others, as the area under the ROC curve, by three scores:

${turnScores(figures, "MNIST")}
`;
}

function mainTable(figures: Figures, data: GapData): string {
  return table(
    ["", "images", ...COLUMNS.map(({ name }) => name)],
    TASKS.flatMap((task) =>
      GAP_COUNTS.map((count, i) => [
        i === 0 ? task.name : "",
        ...sayingSeedsOnce(
          showCount(count),
          COLUMNS.map((column) => {
            const figure = figureOf(figures, data, count, task, column);
            const isKnown = figures.of(data, count, column.method, () => 1).mean !== undefined;
            return isKnown && figure.mean === undefined ? "" : figure.text;
          }),
        ),
      ]),
    ),
  );
}

/** Cells after a row's heading, which has the number of seeds in their place if they are all of as many. */
function sayingSeedsOnce(heading: string, cells: readonly string[]): string[] {
  const remark = /, \d+ of \d+ seeds/g;
  const [of, ...others] = new Set(cells.flatMap((cell) => cell.match(remark) ?? []));
  if (of === undefined || others.length > 0) return [heading, ...cells];
  return [`${heading}${of}`, ...cells.map((cell) => cell.replaceAll(remark, ""))];
}

/** A line of a list that names the best column of a task, by the number of images; nothing where figures are missing. */
function inWords(figures: Figures, data: GapData, task: Task): string[] {
  const bests = GAP_COUNTS.flatMap((count) => {
    const there = COLUMNS.flatMap((column) => {
      const { mean, isWhole } = figureOf(figures, data, count, task, column);
      return mean === undefined || !isWhole ? [] : [{ column, mean }];
    });
    if (!ENCODED.every((method) => there.some(({ column }) => column.method === method))) return [];
    const sign = task.isBetter === "lower" ? 1 : -1;
    const [best, next] = there.sort((one, other) => sign * (one.mean - other.mean));
    const show = (one: { column: Column; mean: number }) =>
      `${one.column.name} (${one.mean.toFixed(task.digits ?? 4)})`;
    return [`${showCount(count)} images: ${show(best!)}, then ${show(next!)}`];
  });
  return bests.length > 0 ? [`- **${capital(task.name)}**, the best two: ${bests.join("; ")}.`] : [];
}

/** How well turned images are told from others by each score, with the decoder of fewest images. */
function turnScores(figures: Figures, data: GapData): string {
  const scores = {
    "excess of the inverted code": "inverted",
    "excess of the encoder's code": "encoder",
    "the second less the first": "gap",
  } as const;
  const [few] = GAP_COUNTS;
  return table(
    ["score", ...TURNS.map((degrees) => `${degrees}°`)],
    Object.entries(scores).map(([name, score]) =>
      sayingSeedsOnce(
        name,
        TURNS.map(
          (degrees) => figures.of(data, few!, "autoencoder", ({ turns }) => turns[degrees]?.[score], 2).text,
        ),
      ),
    ),
  );
}

/** All tables of a data set. */
function sectionsOf(figures: Figures, data: GapData): string {
  return [
    `### ${data}\n`,
    ...(data === "MNIST" ? [] : [mainTable(figures, data)]),
    `\n#### ${data}: loss\n`,
    `Test loss in nats a pixel of all test images. ${BRACKETS} The ratio is the encoder's excess ÷ the inversion's, of the same decoder.\n`,
    intactTable(figures, data),
    `\n#### ${data}: hidden pixels\n`,
    "Squared error of the hidden pixels of 1,000 test images, and their cross entropy in nats a pixel. An encoder sees 0 where a pixel is hidden.\n",
    hiddenTable(figures, data),
    `\n#### ${data}: noise\n`,
    `Squared error of 1,000 denoised test images. Gaussian noise of standard deviation ${NOISE} was added.\n`,
    noiseTable(figures, data),
    `\n#### ${data}: classes\n`,
    "Accuracy on 2,000 test images of a linear and of a 5-nearest-neighbour classifier, trained on codes of at most 5,000 training images.\n",
    classTable(figures, data),
    `\n#### ${data}: turned images\n`,
    "Area under the ROC curve of test images turned by so many degrees against others that are not, by the excess loss of the inverted code, of the encoder's code, and by the second less the first.\n",
    turnTable(figures, data),
    "",
  ].join("\n");
}

/** The answer in a sentence, by the figures. */
function answer(figures: Figures): string {
  const [few, , all] = GAP_COUNTS;
  const floor = testFloor("MNIST");
  const excess = (way: "encoder" | "inverted", count: GapCount) =>
    excessOf(
      figures.of("MNIST", count, "autoencoder", ({ intact }) => intact[way]?.loss),
      floor,
    ).mean;
  const [encoderFew, encoderAll] = [excess("encoder", few!), excess("encoder", all!)];
  const [invertedFew, invertedAll] = [excess("inverted", few!), excess("inverted", all!)];
  if (
    encoderFew === undefined ||
    encoderAll === undefined ||
    invertedFew === undefined ||
    invertedAll === undefined
  )
    return `The answer is ${NOT_YET}.`;
  const [encoderFall, invertedFall] = [encoderFew - encoderAll, invertedFew - invertedAll];
  const share = Math.round(100 * (1 - invertedFall / encoderFall));
  return (
    `From ${few} to ${showCount(all!)} digits the excess loss of the encoder's codes falls from ${encoderFew.toFixed(4)} to ` +
    `${encoderAll.toFixed(4)}, that of the inverted codes of the same decoders from ${invertedFew.toFixed(4)} to ` +
    `${invertedAll.toFixed(4)}: ${share} % of the fall is the encoder coming closer to the inversion.`
  );
}

const question = (figures: Figures) => `
## Question

An autoencoder trains two networks. Which of them needs the data? Each decoder below is measured twice: by the codes of the
encoder that was trained with it, and by the codes that \`lbfgs\` finds.

${answer(figures)}
`;

const SETTING = `
## Setting

Networks: the large convolutions of [the frontier of little data](frontier.md) and an encoder that mirrors their layers, trained on
MNIST and on Fashion-MNIST with that page's optimizer.

${table(
  ["images", "passes", "passes by flows", "random shifts, pixels"],
  GAP_COUNTS.map((count) => {
    const { passes, flowPasses, pixels } = RECIPES[count];
    return [showCount(count), `${passes}`, `${flowPasses}`, `${pixels}`];
  }),
)}

Three seeds; one seed for all images, for kept codes and for flows. On Fashion-MNIST flows are run for ${GAP_COUNTS[0]} images alone. So
all runs take about a day of one core. Decoders are trained by

- an **autoencoder**;
- a **masked autoencoder**, whose encoder is trained on images of which a share from 0 to 0.95 of the pixels is black. Only its
  encoder's codes are measured; its decoder is not inverted;
- **kept codes**: there is no encoder, each training image has its own code, updated by Adam together with the decoder, at a learning
  rate of ${CODE_TRAVEL.toFixed(2)} ÷ passes; without shifts. [An experiment](../results/experiments.md#kept-codes) chose the rate by validation;
- **flows**.

*With a prior*: a Gaussian whose negative logarithm is multiplied by 0.1, 0.3, 1, 3 or 10, or a mixture of ten Gaussians, fitted to the
inverted codes of at most 5,000 training images. For each kind of damage the one with the lowest squared error on 200 validation images is
used.

Hidden pixels: the inversion leaves them out of its loss; an encoder sees black there. Noise: Gaussian, of standard deviation ${NOISE};
the inversion minimises the squared error, the noise's likelihood.
`;

/** A number of passes of MNIST's inverted codes in words, from the decoder of fewest images. */
function passesInWords(figures: Figures): string {
  const { mean } = figures.of(
    "MNIST",
    GAP_COUNTS[0]!,
    "autoencoder",
    ({ intact }) => intact.inverted?.passes,
  );
  return mean === undefined
    ? "many evaluations of the decoder or its gradient"
    : `${Math.round(mean)} evaluations of the decoder or its gradient on average`;
}

const limits = (figures: Figures) => `
## What it does not show

- One network and two data sets of grey pictures of 28 × 28. Encoders of other sizes were not tried, nor any that is told which pixels
  are hidden, or that was trained with noise; no new encoder was trained for a fixed decoder.
- On the same decoder the inversion's loss is lower almost by construction, since it minimises what is reported. The difference is the
  encoder's error of amortisation.
- The plain encoder has never seen a hidden pixel: its column shows what happens if one is asked all the same. The masks hide pixels at
  random: an encoder trained with hidden halves would fill halves better.
- The learning rate of kept codes was chosen with 480 digits, for all numbers of images and both data sets.
- Passes and shifts were chosen on MNIST by the loss of inverted validation digits, and change with the number of images: a
  fall along a column is of both.
- Digits turned by 20° and 45° are interpolated, those turned by 90° and the others are not: some of what tells them apart is blur.
- Accuracies are of 2,000 test images: differences below 0.01 say nothing.
- Inverting a digit takes ${passesInWords(figures)}, the encoder is evaluated once.
`;

function intactTable(figures: Figures, data: GapData): string {
  const floor = testFloor(data);
  const ways = ["encoder", "refined", "inverted"] as const;
  return table(
    ["images", "decoder trained by", ...ways.map((way) => WAY_NAMES[way]), "ratio"],
    [
      ...rowsOf(data, (count, method) => [
        ...ways.map((way) =>
          hasWay(method, way)
            ? withExcess(
                figures.of(data, count, method, ({ intact }) => intact[way]?.loss),
                floor,
              )
            : "",
        ),
        hasWay(method, "encoder") && hasWay(method, "inverted")
          ? figures.ratio(data, count, method).text
          : "",
      ]),
      ["", ...floorRow([floor, floor, floor]), ""],
    ],
  );
}

/** Rows of a table: each number of images with each method. */
function rowsOf(data: GapData, cells: (count: GapCount, method: GapMethod) => readonly string[]): string[][] {
  return GAP_COUNTS.flatMap((count) =>
    GAP_METHODS.filter((method) => isComputed(data, count, method)).map((method) =>
      sayingSeedsOnce(showCount(count), [method, ...cells(count, method)]),
    ),
  );
}

const hasWay = (method: GapMethod, way: GapWay) => METHOD_WAYS[method].includes(way);

function hiddenTable(figures: Figures, data: GapData): string {
  return table(
    ["images", "decoder trained by", "hidden", ...WAYS.map((way) => WAY_NAMES[way])],
    GAP_COUNTS.flatMap((count) =>
      GAP_METHODS.filter((method) => isComputed(data, count, method)).flatMap((method) =>
        HIDING_NAMES.map((hiding) =>
          sayingSeedsOnce(showCount(count), [
            method,
            hiding,
            ...WAYS.map((way) => {
              if (!hasWay(method, way)) return "";
              const of = (measure: "squaredError" | "crossEntropy") =>
                figures.of(data, count, method, ({ hidden }) => hidden[hiding][way]?.[measure]).text;
              return `${of("squaredError")}; ${of("crossEntropy")}`;
            }),
          ]),
        ),
      ),
    ),
  );
}

function noiseTable(figures: Figures, data: GapData): string {
  return table(
    ["images", "decoder trained by", ...WAYS.map((way) => WAY_NAMES[way])],
    rowsOf(data, (count, method) =>
      WAYS.map((way) =>
        hasWay(method, way)
          ? figures.of(data, count, method, ({ noisy }) => noisy[way]?.squaredError).text
          : "",
      ),
    ),
  );
}

function classTable(figures: Figures, data: GapData): string {
  const ways = ["encoder", "inverted"] as const;
  return table(
    ["images", "decoder trained by", ...ways.map((way) => `${WAY_NAMES[way]}: linear; neighbours`)],
    rowsOf(data, (count, method) =>
      ways.map((way) => {
        if (!hasWay(method, way)) return "";
        const of = (classifier: "linear" | "neighbours") =>
          figures.of(data, count, method, ({ classified }) => classified[way]?.[classifier], 3).text;
        return `${of("linear")}; ${of("neighbours")}`;
      }),
    ),
  );
}

function turnTable(figures: Figures, data: GapData): string {
  return table(
    [
      "images",
      "decoder trained by",
      ...TURNS.map((degrees) => `${degrees}°: inverted; encoder; encoder less inverted`),
    ],
    rowsOf(data, (count, method) =>
      TURNS.map((degrees) => {
        if (!hasWay(method, "inverted")) return "";
        const of = (score: "inverted" | "encoder" | "gap") =>
          figures.of(data, count, method, ({ turns }) => turns[degrees]?.[score], 2).text;
        return hasWay(method, "encoder")
          ? `${of("inverted")}; ${of("encoder")}; ${of("gap")}`
          : of("inverted");
      }),
    ),
  );
}

/** See site/paper/encoder-gap.md. */
export const encoderGap: Element<GapFound> = {
  name: "encoder-gap",
  title: "Beyond the paper: how much data an encoder needs",
  source: "encoder-gap-runs.ts",
  jobs: jobsOfGap,
  page,
};
