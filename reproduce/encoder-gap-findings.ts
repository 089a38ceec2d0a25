import { type Figures, hasWay, sayingSeedsOnce, WAY_NAMES } from "./encoder-gap-figures.ts";
import {
  type GapFound,
  type GapWay,
  HIDING_NAMES,
  PRIOR_NAMES,
  REFINED_STEPS,
  TURNS,
} from "./encoder-gap-measuring.ts";
import { ENCODED, GAP_DATA, type GapData, isComputed } from "./encoder-gap-runs.ts";
import { GAP_COUNTS, GAP_METHODS, type GapCount, type GapMethod } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { type Figure, listed, showCount, table } from "./page.ts";

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

/** Columns, and those of the appendix that may be better than one of these. */
const RANKED: readonly Column[] = [
  ...COLUMNS,
  ...(["kept codes", "flow"] as const).flatMap((method) =>
    (["inverted", "inverted with a prior"] as const).map((way) => ({
      name: `${WAY_NAMES[way]}, ${method}`,
      method,
      way,
    })),
  ),
];

/** A task by which columns are compared. */
interface Task {
  readonly name: string;
  /** True if the main table has it. */
  readonly isInTable: boolean;
  /** True if columns are ranked by it: lower is better. */
  readonly isRanked: boolean;
  readonly digits?: number;
  /** Undefined for a way that the task is not measured by. */
  readonly value: (found: GapFound, way: Column["way"], data: GapData) => number | undefined;
}

/** A task of errors of pixels, of which there is a baseline. */
const ofPixels = (
  name: string,
  damage: keyof GapFound["baselines"],
  measure: "squaredError" | "crossEntropy",
): Task => ({
  name,
  isInTable: measure === "squaredError",
  isRanked: true,
  value: ({ hidden, noisy, baselines }, way) => {
    if (way === "baseline") return baselines[damage][measure];
    return (damage === "noise" ? noisy : hidden[damage])[way]?.[measure];
  },
});

const ofClasses = (name: string, classifier: "linear" | "neighbours"): Task => ({
  name,
  isInTable: true,
  isRanked: false, // Most differences are of chance.
  digits: 3,
  value: ({ classified }, way) => (way === "baseline" ? undefined : classified[way]?.[classifier]),
});

const TASKS: readonly Task[] = [
  {
    name: "excess loss, nats a pixel",
    isInTable: true,
    isRanked: true,
    value: ({ intact }, way, data) => {
      const measured = way === "baseline" ? undefined : intact[way];
      return measured && measured.loss - testFloor(data);
    },
  },
  ...HIDING_NAMES.flatMap((hiding) => [
    ofPixels(`squared error of hidden pixels, ${hiding}`, hiding, "squaredError"),
    ofPixels(`cross entropy of hidden pixels, ${hiding}`, hiding, "crossEntropy"),
  ]),
  ofPixels("squared error of denoised images", "noise", "squaredError"),
  ofClasses("accuracy, linear", "linear"),
  ofClasses("accuracy, 5 neighbours", "neighbours"),
];
const RANKED_TASKS = TASKS.filter((task) => task.isRanked);

function figureOf(figures: Figures, data: GapData, count: GapCount, task: Task, column: Column): Figure {
  return figures.of(data, count, column.method, (found) => task.value(found, column.way, data), task.digits);
}

/** What the figures say, in short. */
export function findings(figures: Figures): string {
  return `
## Findings

Which codes have the lowest error, of all on this page, those of kept codes and flows too. A lead that is smaller than the deviations
in [the tables](#all-tasks) is of chance.

${leaderTable(figures)}

${turnsInWords(figures)}
${accuracyInWords(figures)}`;
}

/** The tables behind the findings. */
export function findingTables(figures: Figures): string {
  return `
## All tasks

${mainTable(figures, "MNIST")}

Empty cells were not measured. The columns of *encoder trained with masks* are of decoders of their own, all others are of the same
decoders. *No network* fills hidden pixels with the mean of the training images, and leaves noise as it is, values below 0 and above 1
too: to clip them alone lowers that error by two fifths or more. [The same of
Fashion-MNIST](#fashion-mnist).

### The best two

${GAP_DATA.filter((data) => figures.has(data))
  .map((data) => `${bestTwo(figures, data)}\n\n${worseThanNone(figures, data)}`)
  .join("\n\n")}

### Other inputs

How well 1,000 turned digits are told from 1,000 others, as the area under the ROC curve, by three scores:

${turnScores(figures, "MNIST")}

### How the decoder was trained

Excess loss of inverted test images, in nats a pixel, by how their decoder was trained:

${trainingTable(figures)}

These decoders differ in more than the method: kept codes are trained without random shifts, flows in fewer passes.

### The prior that was chosen

How often validation chose each prior, over autoencoders, kept codes and flows of both data sets:

${priorsTable(figures)}
`;
}

export function mainTable(figures: Figures, data: GapData): string {
  return table(
    ["", "images", ...COLUMNS.map(({ name }) => name)],
    TASKS.filter((task) => task.isInTable).flatMap((task) =>
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

/** Columns that are equal to four decimals, and their mean error. */
interface Place {
  readonly names: readonly string[];
  readonly mean: string;
}

/** The columns in the order of a task's errors, the lowest first; nothing where figures are missing. */
function ranking(figures: Figures, data: GapData, task: Task, count: GapCount): readonly Place[] {
  const there = RANKED.flatMap((column) => {
    if (!isComputed(data, count, column.method)) return [];
    const { mean, isWhole } = figureOf(figures, data, count, task, column);
    return mean === undefined || !isWhole ? [] : [{ ...column, mean: mean.toFixed(4) }];
  });
  if (!ENCODED.every((method) => there.some((one) => one.method === method))) return [];
  const means = [...new Set(there.map(({ mean }) => mean))].sort();
  return means.map((mean) => ({
    names: there.filter((one) => one.mean === mean).map(({ name }) => name),
    mean,
  }));
}

/** The columns of the lowest error, by task; where they differ, with the numbers of images that they lead with. */
function leaderTable(figures: Figures): string {
  const there = GAP_DATA.filter((data) => figures.has(data));
  const cell = (data: GapData, task: Task) => {
    const first = GAP_COUNTS.map(
      (count) => ranking(figures, data, task, count)[0]?.names.join(" and ") ?? "…",
    );
    const leaders = [...new Set(first)];
    if (leaders.length === 1) return first[0]!;
    const countsOf = (leader: string) => GAP_COUNTS.filter((_, i) => first[i] === leader).map(showCount);
    return leaders.map((leader) => `${countsOf(leader).join(" and ")} images: ${leader}`).join("; ");
  };
  return table(
    ["lowest", ...there],
    RANKED_TASKS.map((task) => [task.name, ...there.map((data) => cell(data, task))]),
  );
}

/** The two columns with the lowest errors, by task and number of images; "…" where figures are missing. */
function bestTwo(figures: Figures, data: GapData): string {
  const cell = (task: Task, count: GapCount) => {
    const best = ranking(figures, data, task, count).slice(0, 2);
    return best.map(({ names, mean }) => `${names.join(" and ")}: ${mean}`).join("; then ") || "…";
  };
  return table(
    [data, ...GAP_COUNTS.map((count) => `${showCount(count)} images`)],
    RANKED_TASKS.map((task) => [task.name, ...GAP_COUNTS.map((count) => cell(task, count))]),
  );
}

/** The numbers of images with which a column is worse than no network with every seed, by task; nothing if there are none. */
function worseThanNone(figures: Figures, data: GapData): string {
  const [none, ...networks] = RANKED;
  const rows = RANKED_TASKS.map((task) => [
    task.name,
    ...networks.map((column) => {
      const counts = GAP_COUNTS.filter((count) => {
        const { values } = figures.of(data, count, column.method, (found) => {
          const [its, without] = [column, none!].map(({ way }) => task.value(found, way, data));
          return its !== undefined && without !== undefined ? its - without : undefined;
        });
        return values.length > 0 && values.every((more) => more > 0);
      });
      return counts.length === GAP_COUNTS.length ? "all" : counts.map(showCount).join("; ");
    }),
  ]).filter(([, ...cells]) => cells.some((cell) => cell !== ""));
  if (rows.length === 0) return "";
  return `**Worse than no network**: the numbers of images with which every seed of a column is.\n\n${table([data, ...networks.map(({ name }) => name)], rows)}`;
}

/** What the codes of decoders of fewest images are worth to a linear classifier; nothing where that has not been computed. */
function accuracyInWords(figures: Figures): string {
  const [few] = GAP_COUNTS;
  const [encoder, inverted] = (["encoder", "inverted"] as const).map((way) =>
    figures.of("MNIST", few!, "autoencoder", ({ classified }) => classified[way]?.linear, 3),
  );
  if (encoder?.mean === undefined || inverted?.mean === undefined) return "";
  return (
    `A code of lower loss need not be more useful: with ${few} digits a linear classifier is right for a share of ` +
    `${encoder.text} of the encoder's codes, and for ${inverted.text} of the inverted ones.\n`
  );
}

/** How often each prior was chosen, by damage. */
function priorsTable(figures: Figures): string {
  const damages = [...HIDING_NAMES, "noise"] as const;
  const chosen = damages.map((damage) => figures.all.flatMap(({ priors }) => priors[damage] ?? []));
  return table(
    ["prior", ...damages],
    PRIOR_NAMES.map((name) => [
      name,
      ...chosen.map((names) => `${names.filter((one) => one === name).length}`),
    ]),
  );
}

/** Scores by which turned images are told from others. */
const SCORES = {
  "excess of the inverted code": "inverted",
  "excess of the encoder's code": "encoder",
  "the gap, encoder's less inverted": "gap",
} as const;

/** How well turned digits are told from others with the decoder of fewest images; nothing where that has not been computed. */
function turnsInWords(figures: Figures): string {
  const areas = Object.entries(SCORES).map(([name, score]) => {
    const means = TURNS.map(
      (degrees) =>
        figures.of("MNIST", GAP_COUNTS[0]!, "autoencoder", ({ turns }) => turns[degrees]?.[score]).mean,
    );
    return { name, means };
  });
  if (areas.some(({ means }) => means.includes(undefined))) return "";
  const shown = areas.map(({ name, means }) => `${name} ${listed(means.map((mean) => mean!.toFixed(2)))}`);
  return (
    `Digits turned by ${listed(TURNS.map((degrees) => `${degrees}°`))} are told from others, with ${GAP_COUNTS[0]} digits, by ` +
    `areas under the ROC curve of: ${shown.join("; ")}.\n`
  );
}

/** How well turned images are told from others by each score. */
function turnScores(figures: Figures, data: GapData): string {
  return table(
    ["images trained on", "score", ...TURNS.map((degrees) => `${degrees}°`)],
    GAP_COUNTS.flatMap((count) =>
      Object.entries(SCORES).map(([name, score]) =>
        sayingSeedsOnce(showCount(count), [
          name,
          ...TURNS.map(
            (degrees) =>
              figures.of(data, count, "autoencoder", ({ turns }) => turns[degrees]?.[score], 2).text,
          ),
        ]),
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
