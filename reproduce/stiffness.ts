import { mean, total } from "../bench/timing.ts";
import { type Decoder, dormandPrince, encode, type GradientFlow, type Solver } from "../src/index.ts";
import { train } from "../src/train/index.ts";
import type { ChartLine } from "./chart.ts";
import type { DataName, Element, Results, Settings } from "./element.ts";
import { FLOORS, testFloor } from "./floors.ts";
import {
  BRACKETS,
  capital,
  chartPoint,
  type Figure,
  floorRow,
  means,
  NOT_YET,
  showCount,
  table,
  withExcess,
} from "./page.ts";
import {
  backend,
  chooseRows,
  createPaperDecoder,
  imagesOf,
  letter,
  readData,
  seedsOf,
  training,
} from "./paper-setting.ts";
import { ALL, BY, resultOf, type Trained } from "./trained-decoders.ts";

// What the paper says of stiffness: as training goes on, a general adaptive solver's steps shrink and its cost explodes.

/** Evaluations of loss and gradient to encode an image; those of a value alone, as AMD's backtracks, count half. */
interface Cost {
  readonly evaluations: number;
  readonly loss: number;
}

interface Found {
  readonly seen: number;
  readonly general: Cost;
  readonly adaptive: Cost;
}

/** The decoder is looked at when it has seen so many digits. */
const DIGITS_SEEN = [0, 60, 120, 240, 480, 960, 1920, 3840];
/** Test digits that are encoded at each: Dormand-Prince takes a second for one in the end. */
const ENCODED = 100;
const FLOOR = FLOORS["MNIST, first 100 of test"];
/** Enough steps for whatever Dormand-Prince wants. Its tolerances are its defaults, spelt out as in paper-setting.ts. */
const TO_THE_END = { t1: letter().t1, rtol: 1e-3, atol: 1e-6, maxSteps: 100_000 };

/** AMD's tests of table 1, of decoders that have seen more than those here. */
const OF_TABLE_1: readonly (readonly [name: DataName, images: number, element: string])[] = [
  ["MNIST", 480, "table1-left"],
  ["MNIST", 1920, "table1-left"],
  ["MNIST", 5760, "table1-left"],
  ["MNIST", ALL, "table1-right"],
  ["SegMNIST", ALL, "table1-right"],
  ["Fashion-MNIST", ALL, "table1-right"],
];

/** Of so many times the evaluations we say that the cost explodes. */
const EXPLODES = 10;

const idOf = (seed: number) => `${ENCODED} test digits, seed ${seed}`;

export const stiffness: Element<readonly Found[]> = {
  name: "stiffness",
  title: "Stiffness",
  source: "stiffness.ts",
  jobs: (settings) =>
    seedsOf(settings).map((seed) => ({
      id: idOf(seed),
      data: "MNIST",
      seconds: 400,
      async run({ progress }) {
        const { train: digits, test } = await readData("MNIST", settings);
        // All but the first would be as many, where all is to be quick.
        const looks = settings.quick ? [0, DIGITS_SEEN.at(-1)!] : DIGITS_SEEN;
        const seen = looks.map((count) => (count === 0 ? 0 : imagesOf(count, settings)));
        const y = test.slice(0, ENCODED).toFloat32();
        const all = chooseRows(digits, seen.at(-1)!, seed);
        const found: Found[] = [];
        for (const [i, count] of seen.entries()) {
          // Each in a pass of its own over the first of them: what RMSprop knows goes on to the end.
          const few = all.subarray(0, count * digits.size);
          const untrained = createPaperDecoder(seed);
          const decoder =
            count > 0
              ? (await train(untrained, few, { ...training(seed), solver: letter() })).decoder
              : untrained;
          const general = await costOf(decoder, y, dormandPrince(TO_THE_END));
          found.push({ seen: count, general, adaptive: await costOf(decoder, y, letter()) });
          progress((i + 1) / seen.length);
        }
        return found;
      },
    })),
  page(results: Results<readonly Found[]>, settings: Settings, resultsOf) {
    const runs = seedsOf(settings).map((seed) => results.get(idOf(seed)));
    const seen = runs.find((run) => run)?.map((found) => found.seen) ?? [];
    const figure = (i: number, by: "general" | "adaptive", of: keyof Cost, digits: number) =>
      means(
        runs.map((run) => run?.[i]?.[by][of]),
        digits,
      );
    const pointsOf = (points: readonly (readonly [x: number, figure: Figure])[]): ChartLine["points"] =>
      points.flatMap(([x, figure]) => chartPoint(x, figure));
    const line = (name: string, by: "general" | "adaptive"): ChartLine => ({
      name,
      points: pointsOf(seen.map((x, i) => [x, figure(i, by, "evaluations", 0)])),
    });
    const later = OF_TABLE_1.map(([name, images, element]) => {
      const found = resultsOf(element) as Results<Trained>;
      // Of the complete Fashion-MNIST there is one seed: what is not there at all is no gap.
      const there = seedsOf(settings).flatMap(
        (seed) => resultOf(found, name, images, "flow, amd", seed)?.tests[BY.letter] ?? [],
      );
      return {
        name,
        images,
        evaluations: means(
          there.length > 0 ? there.map(({ passes }) => passes && passes / 2) : [undefined],
          0,
        ),
        loss: means(there.length > 0 ? there.map(({ loss }) => loss) : [undefined]),
      };
    });
    const last = seen.length - 1;
    const growth = (by: "general" | "adaptive") => {
      const [first, end] = [figure(0, by, "evaluations", 0).mean, figure(last, by, "evaluations", 0).mean];
      return first !== undefined && end !== undefined ? end / first : undefined;
    };
    const [general, adaptive] = [growth("general"), growth("adaptive")];
    const excesses = seen.map(
      (_, i) => figure(i, "adaptive", "loss", 4).mean! - figure(i, "general", "loss", 4).mean!,
    );
    const whole = later.find(({ name, images }) => name === "MNIST" && images === ALL)!;
    const few = later.filter(({ name, images }) => name === "MNIST" && images < ALL);
    return {
      markdown: `Evaluations of loss and gradient to encode a test digit (${ENCODED} of them) by Dormand-Prince (rtol
1e-3, to τ = 10,000, the authors' code's) and by AMD, to its own stop, with decoders that have seen more and more digits, each trained by AMD with
s_max = 10 in one pass over so many of them. A value alone, as AMD's backtracks take, counts half.
${BRACKETS}

${table(
  ["digits seen", "Dormand-Prince, evaluations", "its loss", "AMD, evaluations", "its loss"],
  [
    ...seen.map((digits, i) => [
      showCount(digits),
      figure(i, "general", "evaluations", 0).text,
      withExcess(figure(i, "general", "loss", 4), FLOOR),
      figure(i, "adaptive", "evaluations", 0).text,
      withExcess(figure(i, "adaptive", "loss", 4), FLOOR),
    ]),
    ["the floor", "", floorRow([FLOOR])[1]!, "", floorRow([FLOOR])[1]!],
  ],
)}

AMD on decoders of table 1, trained in the same way, and all of its test images, whose floors are table 1's, too
([left](table1-left.md), [right](table1-right.md)):

${table(
  ["trained on", "AMD, evaluations", "its loss"],
  later.map(({ name, images, evaluations, loss }) => [
    `${name}, ${images === ALL ? "complete" : showCount(images)}`,
    evaluations.text,
    withExcess(loss, testFloor(name)),
  ]),
)}

## The paper's claim, by these figures

*As training goes on, the steps of a general adaptive solver shrink and its cost explodes.* ${capital(verdictOf(general, seen.at(-1)))}
Its steps are not noted. But every row goes to the same τ: more evaluations are more steps tried, each shorter on average.

${ofAmd(adaptive, seen.at(-1))} ${again(whole, few)}

The two do not stop at the same place: Dormand-Prince goes to τ, AMD stops where its losses hardly fall. ${excess(excesses)}
`,
      charts: {
        stiffness: {
          title: "Evaluations to encode a digit, as training goes on",
          xTitle: "training digits seen (0 apart)",
          yTitle: "evaluations of loss and gradient a digit",
          xScale: "log",
          yScale: "log",
          lines: [
            line("Dormand-Prince to τ = 10,000", "general"),
            line("AMD to its own stop", "adaptive"),
            {
              name: "AMD, decoders of table 1 (MNIST)",
              points: pointsOf([...few, whole].map(({ images, evaluations }) => [images, evaluations])),
            },
          ],
        },
      } as const,
      summary: {
        holds: verdictOf(general, seen.at(-1)),
        paper: "the cost of adaptive solvers explodes (no figures)",
        letter:
          last < 0
            ? "…"
            : `evaluations a digit, before training and after ${showCount(seen[last]!)} digits: Dormand-Prince ${figure(0, "general", "evaluations", 0).text}, ${figure(last, "general", "evaluations", 0).text}; AMD ${figure(0, "adaptive", "evaluations", 0).text}, ${figure(last, "adaptive", "evaluations", 0).text} (${whole.evaluations.text} after ${showCount(ALL)})`,
        ours: "–",
      },
    };
  },
};

/** By seed, how much lower the loss is where the flow is followed to τ than where AMD stops, after so many digits. */
export function costOfTheStop(results: Results<unknown>, settings: Settings, digits: number) {
  return seedsOf(settings).map((seed) => {
    const found = results.get(idOf(seed)) as readonly Found[] | undefined;
    const after = found?.find(({ seen }) => seen === digits);
    return after && after.adaptive.loss - after.general.loss;
  });
}

/** How many times as much, in two digits. */
const times = (ratio: number) => `${Number(ratio.toPrecision(2))} times`;

function verdictOf(growth: number | undefined, digits = 0): string {
  if (growth === undefined) return `${NOT_YET}.`;
  if (!Number.isFinite(growth)) return "the evaluations are not finite.";
  const answer = growth >= EXPLODES ? "holds" : growth > 1 ? "in part" : "no";
  return `${answer}: after ${showCount(digits)} digits Dormand-Prince takes ${times(growth)} the evaluations that it takes before training.`;
}

function ofAmd(growth: number | undefined, digits = 0): string {
  return growth === undefined
    ? `AMD: ${NOT_YET}.`
    : `AMD takes ${times(growth)} its evaluations before training after as many digits, ${showCount(digits)}.`;
}

/** Whether AMD becomes dearer again where training goes on. */
function again(
  whole: { readonly evaluations: Figure },
  few: readonly { readonly images: number; readonly evaluations: Figure }[],
): string {
  const there = few.filter(({ evaluations }) => evaluations.mean !== undefined);
  const all = whole.evaluations.mean;
  if (all === undefined || there.length === 0) return `On the complete set: ${NOT_YET}.`;
  const least = there.reduce((one, other) => (other.evaluations.mean! < one.evaluations.mean! ? other : one));
  const ratio = all / least.evaluations.mean!;
  const figures = `${whole.evaluations.text} on the complete MNIST beside ${least.evaluations.text} after ${showCount(least.images)} digits`;
  return ratio > 1
    ? `It does not stay so cheap: ${figures}, ${times(ratio)} as many.`
    : `It stays as cheap: ${figures}.`;
}

/** By how much AMD's loss is above the general solver's. */
function excess(excesses: readonly number[]): string {
  if (excesses.length === 0) return "";
  const [least, most] = [Math.min(...excesses), Math.max(...excesses)];
  if (!Number.isFinite(most - least)) return "Not every loss is finite.";
  return least > 0
    ? `AMD's loss is higher in every row, by ${least.toFixed(4)} to ${most.toFixed(4)}.`
    : `AMD's loss less Dormand-Prince's is between ${least.toFixed(4)} and ${most.toFixed(4)}.`;
}

/** What encoding images takes, on average, and comes to. */
export async function costOf(
  decoder: Decoder,
  y: Float32Array,
  solver: Solver<GradientFlow<1>>,
): Promise<Cost> {
  const { stats, loss } = await encode(decoder, y, { solver, backend });
  const passes = total(stats.valueEvaluations) + total(stats.gradientEvaluations);
  return { evaluations: passes / 2 / loss.length, loss: mean(loss) };
}
