import { mean, total } from "../bench/timing.ts";
import { type Decoder, dormandPrince, encode, type GradientFlow, type Solver } from "../src/index.ts";
import { train } from "../src/train/index.ts";
import type { Element, Results, Settings } from "./element.ts";
import { means, table } from "./page.ts";
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
/** Enough steps for whatever Dormand-Prince wants. Its tolerances are its defaults, spelt out as in paper-setting.ts. */
const TO_THE_END = { t1: letter().t1, rtol: 1e-3, atol: 1e-6, maxSteps: 100_000 };

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
        const seen = DIGITS_SEEN.map((count) => (count === 0 ? 0 : imagesOf(count, settings)));
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
  page(results: Results<readonly Found[]>, settings: Settings) {
    const runs = seedsOf(settings).map((seed) => results.get(idOf(seed)));
    const seen = runs.find((run) => run)?.map((found) => found.seen) ?? [];
    const figure = (i: number, by: "general" | "adaptive", of: keyof Cost, digits: number) =>
      means(
        runs.map((run) => run?.[i]?.[by][of]),
        digits,
      );
    const line = (name: string, by: "general" | "adaptive") => ({
      name,
      points: seen.map((x, i) => {
        const { mean, deviation } = figure(i, by, "evaluations", 0);
        return { x, y: mean!, deviation: deviation ?? 0 };
      }),
    });
    const last = seen.length - 1;
    return {
      markdown: `Evaluations of loss and gradient to encode a test digit (${ENCODED} of them) by Dormand-Prince (rtol
1e-3, to τ = 10,000) and by AMD, to its own stop, with decoders that have seen more and more digits, each trained by AMD with
s_max = 10 in one pass over so many of them. A value alone, as AMD's backtracks take, counts half.

${table(
  ["digits seen", "Dormand-Prince", "its loss", "AMD", "its loss"],
  seen.map((count, i) => [
    `${count}`,
    figure(i, "general", "evaluations", 0).text,
    figure(i, "general", "loss", 4).text,
    figure(i, "adaptive", "evaluations", 0).text,
    figure(i, "adaptive", "loss", 4).text,
  ]),
)}
`,
      charts: {
        stiffness: {
          title: "Evaluations to encode a digit, as training goes on",
          xTitle: "training digits seen",
          yTitle: "evaluations of loss and gradient",
          yScale: "log",
          lines: [line("Dormand-Prince to τ = 10,000", "general"), line("AMD to its own stop", "adaptive")],
        },
      },
      summary: {
        holds: "",
        paper: "the cost of adaptive solvers explodes (no figures)",
        letter:
          last < 0
            ? "…"
            : `Dormand-Prince ${figure(0, "general", "evaluations", 0).text} to ${figure(last, "general", "evaluations", 0).text}, AMD ${figure(0, "adaptive", "evaluations", 0).text} to ${figure(last, "adaptive", "evaluations", 0).text}`,
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
    return after && (after.adaptive.loss ?? Number.NaN) - (after.general.loss ?? Number.NaN);
  });
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
