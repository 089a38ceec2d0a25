import type { Element, Page, Results, Settings } from "./element.ts";
import {
  GAP_COUNTS,
  GAP_DATA,
  GAP_METHODS,
  type GapCount,
  type GapData,
  type GapFound,
  type GapMethod,
  type GapWay,
  HIDING_NAMES,
  idOf,
  jobsOfGap,
  METHOD_WAYS,
  NOISE,
  REFINED_STEPS,
  seedsFor,
  TURNS,
} from "./encoder-gap-runs.ts";
import { testFloor } from "./floors.ts";
import {
  BRACKETS,
  capital,
  excessAxis,
  excessPoint,
  type Figure,
  floorRow,
  listed,
  means,
  NOT_YET,
  showCount,
  table,
  withExcess,
} from "./page.ts";

// Beyond the paper: how far an encoder's codes are from those of the inversion of the same decoder, by the number of images.

const WAYS: readonly GapWay[] = ["encoder", "refined", "inverted", "inverted with a prior"];

/** Ways as columns name them. */
const WAY_NAMES: Readonly<Record<GapWay, string>> = {
  encoder: "encoder's code",
  refined: `encoder's code, ${REFINED_STEPS} steps on`,
  inverted: "inverted",
  "inverted with a prior": "inverted with a prior",
};

const ENCODED = GAP_METHODS.filter((method) => METHOD_WAYS[method].includes("encoder"));

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

/** A column of the page's main table: codes that are found by a way, with a decoder trained by a method. */
interface Column {
  readonly name: string;
  readonly method: GapMethod;
  readonly way: GapWay;
}

const COLUMNS: readonly Column[] = [
  { name: "its encoder's code", method: "autoencoder", way: "encoder" },
  { name: "encoder trained with masks", method: "masked autoencoder", way: "encoder" },
  { name: "inverted", method: "autoencoder", way: "inverted" },
  { name: "inverted with a prior", method: "autoencoder", way: "inverted with a prior" },
];

/** A task by which the page's main table compares the columns. */
interface Task {
  readonly name: string;
  readonly isBetter: "lower" | "higher";
  /** False if codes found with a prior are not measured by it. */
  readonly hasPrior: boolean;
  readonly digits?: number;
  readonly value: (found: GapFound, way: GapWay, data: GapData) => number | undefined;
}

const TASKS: readonly Task[] = [
  {
    name: "excess loss, nats a pixel",
    isBetter: "lower",
    hasPrior: false,
    value: ({ intact }, way, data) => intact[way] && intact[way].loss - testFloor(data),
  },
  ...HIDING_NAMES.map(
    (hiding): Task => ({
      name: `squared error of hidden pixels, ${hiding}`,
      isBetter: "lower",
      hasPrior: true,
      value: ({ hidden }, way) => hidden[hiding][way]?.squaredError,
    }),
  ),
  {
    name: "squared error of noisy images",
    isBetter: "lower",
    hasPrior: true,
    value: ({ noisy }, way) => noisy[way]?.squaredError,
  },
  {
    name: "share classified rightly, linear",
    isBetter: "higher",
    hasPrior: false,
    digits: 3,
    value: ({ classified }, way) => classified[way]?.linear,
  },
  {
    name: "share classified rightly, five neighbours",
    isBetter: "higher",
    hasPrior: false,
    digits: 3,
    value: ({ classified }, way) => classified[way]?.neighbours,
  },
];

function figureOf(figures: Figures, data: GapData, count: GapCount, task: Task, column: Column): Figure {
  return figures.of(data, count, column.method, (found) => task.value(found, column.way, data), task.digits);
}

/** The page's main table, of MNIST, its figure, and what they say in words. */
function findings(figures: Figures): string {
  return `
## Findings on MNIST

In each row, all columns but *encoder trained with masks* are of the same decoders, trained by the plain autoencoder.

${mainTable(figures, "MNIST")}

![Excess by the number of images](encoder-gap.png)

${TASKS.flatMap((task) => inWords(figures, "MNIST", task)).join("\n")}
${turnsInWords(figures, "MNIST")}
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
            const isMeasured = task.hasPrior || column.way !== "inverted with a prior";
            return isMeasured ? figureOf(figures, data, count, task, column).text : "";
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

/** A line of a list that says how well turned images are told from others, with the decoder of fewest images. */
function turnsInWords(figures: Figures, data: GapData): string {
  const [few] = GAP_COUNTS;
  const by = (score: "inverted" | "encoder" | "gap") =>
    TURNS.map(
      (degrees) =>
        figures.of(data, few!, "autoencoder", ({ turns }) => turns[degrees]?.[score], 2).mean?.toFixed(2) ??
        "…",
    ).join(", ");
  return (
    `- **Images turned by ${listed(TURNS.map(String))}°**, told from others by the decoder of ${few} images: area under the ROC curve ` +
    `${by("gap")} by how far the loss of the encoder's code is above that of the inverted code, ${by("encoder")} by the loss of the ` +
    `encoder's code, ${by("inverted")} by the loss of the inverted code.`
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
    `Squared error, held against the images without noise, of 1,000 test images with Gaussian noise of deviation ${NOISE}.\n`,
    noiseTable(figures, data),
    `\n#### ${data}: classes\n`,
    "Share of 2,000 test images that a linear classifier and five neighbours classify rightly by the codes of training images, at most 5,000.\n",
    classTable(figures, data),
    `\n#### ${data}: images of another kind\n`,
    "Area under the ROC curve of test images turned by so many degrees against others that are not, by the loss of the inverted code, of the encoder's code, and by the second less the first.\n",
    turnTable(figures, data),
    "",
  ].join("\n");
}

/** The answer in a sentence, by the figures. */
function answer(figures: Figures): string {
  const [few, , all] = GAP_COUNTS;
  const invertedFew = figures.of("MNIST", few!, "autoencoder", ({ intact }) => intact.inverted?.loss);
  const encodedAll = figures.of("MNIST", all!, "autoencoder", ({ intact }) => intact.encoder?.loss);
  if (invertedFew.mean === undefined || encodedAll.mean === undefined)
    return `How much of an autoencoder's need for data is its encoder's is ${NOT_YET}.`;
  const floor = testFloor("MNIST");
  const share = (invertedFew.mean - floor) / (encodedAll.mean - floor);
  return (
    `A decoder of ${few} digits, inverted, is at ${withExcess(invertedFew, floor)}; encoder and decoder of ` +
    `${showCount(all!)} digits are at ${withExcess(encodedAll, floor)}: ${share.toFixed(2)} times the excess.`
  );
}

const question = (figures: Figures) => `
## Question

An autoencoder trains two networks. Which of them needs the data? Each decoder below is measured twice: by the codes that its
own encoder gives, and inverted, by the codes that \`lbfgs\` finds.

${answer(figures)}
`;

const SETTING = `
## Setting

The large convolutions of the [frontier](frontier.md), on MNIST and Fashion-MNIST, trained on 480, 5,000 and all images with the
frontier's passes, shifts and learning rate; three seeds, one for all images and for flows. *Masked autoencoder*: its encoder is
trained on images of which a share from 0 to 0.95 of the pixels is hidden, and it alone is measured. *Kept codes*: a code for each image is trained beside the decoder.
*With a prior*: a Gaussian of weight 0.3, 1 or 3, or a mixture of 10, fitted to the inverted codes of training images; 200
validation images choose for each damage.
`;

/** A number of passes of MNIST's inverted codes in words, from the decoder of fewest images. */
function passesInWords(figures: Figures): string {
  const { mean } = figures.of(
    "MNIST",
    GAP_COUNTS[0]!,
    "autoencoder",
    ({ intact }) => intact.inverted?.passes,
  );
  return mean === undefined ? "many passes" : `${Math.round(mean)} passes on average`;
}

const limits = (figures: Figures) => `
## What it does not show

One network, two data sets of grey pictures of 28 × 28. The encoder is the decoder's reverse; a larger one might need fewer images or
more. The masks hide pixels at random: an encoder trained with hidden halves would fill halves better. The number of passes was
chosen for the autoencoder on MNIST, and Fashion-MNIST is trained with the same. An inverted code of a digit takes
${passesInWords(figures)}, an encoder's one.
`;

function intactTable(figures: Figures, data: GapData): string {
  const floor = testFloor(data);
  const ways = ["encoder", "refined", "inverted"] as const;
  return table(
    ["images", "decoder trained by", ...ways.map((way) => WAY_NAMES[way]), "ratio"],
    [
      ...rowsOf((count, method) => [
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
function rowsOf(cells: (count: GapCount, method: GapMethod) => readonly string[]): string[][] {
  return GAP_COUNTS.flatMap((count) =>
    GAP_METHODS.map((method) => sayingSeedsOnce(showCount(count), [method, ...cells(count, method)])),
  );
}

const hasWay = (method: GapMethod, way: GapWay) => METHOD_WAYS[method].includes(way);

function hiddenTable(figures: Figures, data: GapData): string {
  return table(
    ["images", "decoder trained by", "hidden", ...WAYS.map((way) => WAY_NAMES[way])],
    GAP_COUNTS.flatMap((count) =>
      GAP_METHODS.flatMap((method) =>
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
    rowsOf((count, method) =>
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
    rowsOf((count, method) =>
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
    rowsOf((count, method) =>
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
