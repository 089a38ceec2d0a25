import { type Figures, hasWay, sayingSeedsOnce, WAY_NAMES } from "./encoder-gap-figures.ts";
import { type GapFound, type GapWay, HIDING_NAMES, REFINED_STEPS, TURNS } from "./encoder-gap-measuring.ts";
import { ENCODED, GAP_DATA, type GapData, isComputed } from "./encoder-gap-runs.ts";
import { GAP_COUNTS, GAP_METHODS, type GapCount, type GapMethod } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { capital, type Figure, showCount, table } from "./page.ts";

// What the encoder gap's page says first: its main table, in words too.

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
  /** True if columns are ranked in words: lower is better. */
  readonly isRanked: boolean;
  readonly digits?: number;
  /** Undefined for a way that the task is not measured by. */
  readonly value: (found: GapFound, way: Column["way"], data: GapData) => number | undefined;
}

/** A task of errors of pixels, of which there is a baseline. */
const ofPixels = (name: string, damage: keyof GapFound["baselines"]): Task => ({
  name,
  isRanked: true,
  value: ({ hidden, noisy, baselines }, way) => {
    if (way === "baseline") return baselines[damage].squaredError;
    return (damage === "noise" ? noisy : hidden[damage])[way]?.squaredError;
  },
});

const ofClasses = (name: string, classifier: "linear" | "neighbours"): Task => ({
  name,
  isRanked: false, // Most differences are of chance.
  digits: 3,
  value: ({ classified }, way) => (way === "baseline" ? undefined : classified[way]?.[classifier]),
});

const TASKS: readonly Task[] = [
  {
    name: "excess loss, nats a pixel",
    isRanked: true,
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
export function findings(figures: Figures): string {
  return `
## Findings on MNIST

${mainTable(figures, "MNIST")}

Empty cells were not measured. The columns of *encoder trained with masks* are of decoders of their own, all others are of the same
decoders. *No network* fills hidden pixels with the mean of the training images, and leaves noise as it is.

${TASKS.filter((task) => task.isRanked)
  .flatMap((task) => inWords(figures, "MNIST", task))
  .join("\n")}
${worseThanNone(figures, "MNIST")}

How well the decoder of ${GAP_COUNTS[0]} digits tells turned digits from others, as the area under the ROC curve, by three scores:

${turnScores(figures, "MNIST")}

Excess loss of inverted test images, in nats a pixel, by how their decoder was trained:

${trainingTable(figures)}

These decoders differ in more than the method: kept codes are trained without random shifts, flows in fewer passes.
`;
}

export function mainTable(figures: Figures, data: GapData): string {
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

/** A line of a list that names the best columns of a task, by the number of images; nothing where figures are missing. */
function inWords(figures: Figures, data: GapData, task: Task): string[] {
  const bests = GAP_COUNTS.flatMap((count) => {
    const there = COLUMNS.flatMap((column) => {
      const { mean, isWhole } = figureOf(figures, data, count, task, column);
      return mean === undefined || !isWhole ? [] : [{ column, mean }];
    });
    if (!ENCODED.every((method) => there.some(({ column }) => column.method === method))) return [];
    const means = there.map(({ mean }) => mean.toFixed(4));
    const [best, next] = [...new Set(means)].sort();
    const show = (shown: string | undefined) => {
      const equals = there.filter((_, i) => means[i] === shown).map(({ column }) => column.name);
      return `${equals.join(" and ")} (${shown})`;
    };
    return [`${showCount(count)} images: ${show(best)}, then ${show(next)}`];
  });
  return bests.length > 0 ? [`- **${capital(task.name)}**, the best two: ${bests.join("; ")}.`] : [];
}

/** A line of a list that names, by task, the columns that are worse than no network; nothing if there are none. */
function worseThanNone(figures: Figures, data: GapData): string {
  const [none, ...networks] = COLUMNS;
  const tasks = TASKS.filter((task) => task.isRanked).flatMap((task) => {
    const worse = networks.flatMap((column) => {
      const counts = GAP_COUNTS.filter((count) => {
        const [without, its] = [none!, column].map((one) => figureOf(figures, data, count, task, one).mean);
        return without !== undefined && its !== undefined && its > without;
      });
      const which = counts.length < GAP_COUNTS.length ? ` (${counts.map(showCount).join(", ")} images)` : "";
      return counts.length > 0 ? [`${column.name}${which}`] : [];
    });
    return worse.length > 0 ? [`${task.name}: ${worse.join(", ")}`] : [];
  });
  return tasks.length > 0 ? `- **Worse than no network**: ${tasks.join("; ")}.` : "";
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

/** Excess loss of inverted test images by the method that trained the decoder. */
function trainingTable(figures: Figures): string {
  const methods = GAP_METHODS.filter((method) => hasWay(method, "inverted"));
  return table(
    ["data", "images", ...methods],
    GAP_DATA.flatMap((data) =>
      GAP_COUNTS.map((count) => [
        data,
        showCount(count),
        ...methods.map((method) =>
          isComputed(data, count, method)
            ? figures.of(
                data,
                count,
                method,
                ({ intact: { inverted } }) => inverted && inverted.loss - testFloor(data),
              ).text
            : "",
        ),
      ]),
    ),
  );
}
