import {
  expDecay,
  type FlowAndSolver,
  gradientFlow,
  lbfgs,
  logGrid,
  nesterovFlow,
  type Rk4,
  rk4,
} from "../src/index.ts";
import { type Adjoint, approximate, direct, full, train } from "../src/train/index.ts";
import { type Calls, countedAdjoint, noCalls } from "./counted-adjoint.ts";
import type { Element, Job, JobContext, Page, Results, Settings } from "./element.ts";
import { capital, compared, type Figure, means, NOT_YET, showCount, table } from "./page.ts";
import {
  chooseRows,
  createPaperDecoder,
  imagesOf,
  letter,
  readData,
  seedsOf,
  training,
} from "./paper-setting.ts";
import { followTraining } from "./training-run.ts";

// Figure 2: the gradient for the decoder (left) and the flows (right), by the loss of validation images as training goes on.

/** The end of the flow on a fixed grid: the authors' code has 1e4 to 1.5e4, the paper names none. */
const T1 = 1e4;
/** 100 slices, denser near t = 0; the base is the authors' code's. */
const grid = (rule: Rk4["rule"]) => rk4({ grid: logGrid({ t1: T1, slices: 100, base: 4 }), rule });
const decaying = { alpha: expDecay({ rate: 2 }) };

interface Found {
  readonly validation: readonly { readonly images: number; readonly loss: number }[];
  readonly trainedInSeconds: number;
  /** Of the digits trained on since the job was begun, or went on. */
  readonly calls?: Calls;
}

interface Method {
  readonly label: string;
  readonly encodedBy: FlowAndSolver;
  readonly adjoint: Adjoint;
  /** For 1,000 images trained on and 1,000 validated, on one core. */
  readonly seconds: readonly [trained: number, validated: number];
  /** In the chart: it would hide another line. */
  readonly isDashed?: true;
}

const VALIDATED = 100;
const POINTS = 16;
const BATCH = 5;
/** A loss so much above the lowest before it is a sign of instability. */
const UNSTABLE = 0.1;

function trainings(
  methods: Readonly<Record<string, Method>>,
  images: number,
  seeds: readonly number[],
  settings: Settings,
): Job<Found>[] {
  return seeds.flatMap((seed) =>
    Object.entries(methods).map(([name, { encodedBy, adjoint, seconds }]) => ({
      id: idOf(name, images, seed),
      data: "MNIST",
      seconds: (seconds[0] * images + seconds[1] * POINTS * VALIDATED) / 1000,
      async run(context: JobContext) {
        const { train: digits, validation } = await readData("MNIST", settings);
        const y = chooseRows(digits, imagesOf(images, settings), seed);
        const calls = noCalls();
        const following = followTraining(context, "training", context.progress);
        const run = await train(createPaperDecoder(seed), y, {
          ...encodedBy,
          ...training(seed),
          adjoint: countedAdjoint(adjoint, calls),
          validation: {
            data: validation.slice(0, VALIDATED),
            everyImages: Math.ceil(y.length / digits.size / POINTS),
          },
          ...following.options,
        });
        return { validation: run.validation, trainedInSeconds: following.seconds(), calls };
      },
    })),
  );
}

const idOf = (name: string, images: number, seed: number) => `${images} images, ${name}, seed ${seed}`;

/** The work for a digit. */
const KINDS = ["forwards", "gradients", "tangents", "mixed"] as const satisfies readonly (keyof Calls)[];

/** Infinite where a loss is not finite: null in JSON. */
function largestRise(validation: Found["validation"]): number {
  let lowest = Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const { loss } of validation) {
    if (!Number.isFinite(loss)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, loss / lowest - 1);
    lowest = Math.min(lowest, loss);
  }
  return largest;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** One figure as a multiple of another. */
function ratio(one: Figure, other: Figure): string {
  return one.mean !== undefined && other.mean !== undefined ? (one.mean / other.mean).toFixed(1) : "…";
}

/** The loss at the end, over seeds, and the lines of the chart. */
function look(
  methods: Readonly<Record<string, Method>>,
  images: number,
  seeds: readonly number[],
  results: Results<Found>,
) {
  const runs = (name: string) => seeds.map((seed) => results.get(idOf(name, images, seed)));
  const lossAt = (name: string, i: number) => means(runs(name).map((run) => run?.validation.at(i)?.loss));
  return {
    end: (name: string) => lossAt(name, -1),
    lowest: (name: string) =>
      means(
        runs(name).map(
          (run) =>
            run && Math.min(...run.validation.map(({ loss }) => (Number.isFinite(loss) ? loss : Infinity))),
        ),
      ),
    /** After the first mini-batches that are looked at. */
    first: (name: string) => lossAt(name, 1),
    firstUpdates: (name: string) => (runs(name).find((run) => run)?.validation[1]?.images ?? 0) / BATCH,
    /** By how much the loss was above the lowest before it at most, as a part of that, by seed. */
    rises: (name: string) => runs(name).map((run) => run && largestRise(run.validation)),
    /** A digit's, of a kind. */
    callsOf: (name: string, kind: keyof Calls) =>
      means(
        // None where a job went on after its last update.
        runs(name).map((run) => (run?.calls?.digits ? run.calls[kind] / run.calls.digits : undefined)),
        0,
      ),
    /** All of them. */
    allCallsOf: (name: string) =>
      means(
        runs(name).map((run) =>
          run?.calls?.digits
            ? KINDS.reduce((sum, kind) => sum + run.calls![kind], 0) / run.calls.digits
            : undefined,
        ),
        0,
      ),
    /** To train on a digit. */
    millisecondsOf: (name: string) =>
      means(
        runs(name).map((run) => run && (1000 * run.trainedInSeconds) / run.validation.at(-1)!.images),
        0,
      ),
    lines: Object.entries(methods)
      .map(([name, { label, isDashed }]) => ({
        name: label,
        ...(isDashed && { isDashed }),
        points: (runs(name).find((run) => run)?.validation ?? []).flatMap(({ images: seen }, i) => {
          const { mean, deviation } = lossAt(name, i);
          // Where training begins the loss is so high that nothing of the rest would be seen.
          return mean !== undefined && Number.isFinite(mean) && seen > 0
            ? [{ x: seen / BATCH, y: mean, deviation: deviation ?? 0 }]
            : [];
        }),
      }))
      .filter(({ points }) => points.length > 0),
  };
}

const ADJOINTS: Readonly<Record<string, Method>> = {
  approximate: {
    label: "approximate",
    encodedBy: { flow: gradientFlow(decaying), solver: grid("classic") },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  full: {
    label: "full adjoint",
    encodedBy: { flow: gradientFlow(decaying), solver: grid("classic") },
    adjoint: full(),
    seconds: [180, 30],
  },
  direct: {
    label: "direct",
    encodedBy: { flow: gradientFlow(decaying), solver: grid("classic") },
    adjoint: direct(),
    seconds: [180, 30],
    isDashed: true,
  },
};
const ADJOINT_IMAGES = 1920;

export const figure2Left: Element<Found> = {
  name: "figure2-left",
  title: "Figure 2, left: the gradient for the decoder",
  source: "figure2.ts",
  // One seed, as in the paper.
  jobs: (settings) => trainings(ADJOINTS, ADJOINT_IMAGES, [0], settings),
  page(results, _settings, resultsOf): Page {
    const { end, millisecondsOf, callsOf, allCallsOf, lines } = look(ADJOINTS, ADJOINT_IMAGES, [0], results);
    const further = (resultsOf("figure2-right") as Results<Found>).get(idOf("GFE, RK4", FLOW_IMAGES, 0));
    return {
      markdown: `The gradient for the decoder at the code held fixed (*approximate*), by the adjoint equation (*full*,
equations 9 and 10 as corrected) and through the steps of the solver (*direct*): ${showCount(ADJOINT_IMAGES)} digits once each, in
mini-batches of ${BATCH}, through RK4 on 100 slices to τ = ${showCount(T1)}, α = exp(-2t/τ), on a log grid of base 4. RK4 is the classic
rule, our reading of the paper; the authors' code has the 3/8 rule, which [the right side](figure2-right.md) has beside it.
The loss is of ${VALIDATED} validation digits, encoded by the same flow.

The work is counted for a digit that is trained on. The flow is followed by gradients of the loss by the code. To come back
along it, the adjoint takes them once more, and for each a Hessian-vector product and a mixed term ∂_θ(aᵀ∇_z l).

${table(
  [
    ...["", "loss at the end", "gradients along the flow", "gradients on the way back"],
    ...["Hessian-vector products", "mixed terms", "all", "÷ approximate"],
    ...["ms a digit", "÷ approximate"],
  ],
  Object.entries(ADJOINTS).map(([name, { label }]) => [
    ...[label, end(name).text, ...KINDS.map((kind) => callsOf(name, kind).text), allCallsOf(name).text],
    ratio(allCallsOf(name), allCallsOf("approximate")),
    ...[millisecondsOf(name).text, ratio(millisecondsOf(name), millisecondsOf("approximate"))],
  ]),
)}

## The paper's claim, by these figures

*The full gradient is slightly better, for five times the work.* ${beside("full", "approximate")}
${beside("direct", "full")} There is one seed, as in the paper: how much seeds differ is not known.
${furtherOn()}
`,
      charts: {
        "figure2-left": {
          title: "The gradient for the decoder (one seed)",
          xTitle: `updates of ${BATCH} digits`,
          yTitle: "cross entropy of validation digits, nats a pixel",
          yScale: "log",
          lines,
        },
      },
      summary: {
        holds: claim(),
        paper: "full slightly better, five times the work (no figures)",
        letter: Object.keys(ADJOINTS)
          .map((name) => `${name} ${end(name).text}`)
          .join(", "),
        ours: "–",
      },
    };

    /** How one ends beside another, and for how much more work. */
    function beside(name: string, other: string): string {
      const [own, its] = [end(name).mean, end(other).mean];
      const [Name, than] = [ADJOINTS[name]!.label, ADJOINTS[other]!.label];
      if (own === undefined || its === undefined) return `${capital(Name)} against ${than}: ${NOT_YET}.`;
      const loss = !Number.isFinite(own - its)
        ? "has a loss that is not finite beside"
        : own === its
          ? "ends as low as"
          : `ends ${percent(Math.abs(own / its - 1))} ${own < its ? "lower" : "higher"} than`;
      const work = ratio(allCallsOf(name), allCallsOf(other));
      if (work === "1.0") return `${capital(Name)} ${loss} ${than}, for as much work.`;
      return `${capital(Name)} ${loss} ${than}, for ${work} times the work and ${ratio(millisecondsOf(name), millisecondsOf(other))} times the time.`;
    }

    function claim(): string {
      const [own, its] = [end("full").mean, end("approximate").mean];
      if (own === undefined || its === undefined) return NOT_YET;
      const answer = own < its ? `yes, ${percent(1 - own / its)} lower` : "no";
      const work = ratio(allCallsOf("full"), allCallsOf("approximate"));
      return `full better: ${answer} (one seed); five times the work: ${work} times, and ${ratio(millisecondsOf("full"), millisecondsOf("approximate"))} times the time`;
    }

    /** What the approximate gradient comes to with more digits and still less work than full's. */
    function furtherOn(): string {
      const [full, approximate] = [allCallsOf("full").mean, allCallsOf("approximate").mean];
      const loss = further?.validation.at(-1)?.loss;
      if (full === undefined || approximate === undefined || loss === undefined) return "";
      const share = (FLOW_IMAGES * approximate) / (ADJOINT_IMAGES * full);
      return `With ${FLOW_IMAGES / ADJOINT_IMAGES} times as many digits, ${showCount(FLOW_IMAGES)}, the approximate gradient ends at ${means([loss]).text} (the same seed,
[right](figure2-right.md)): ${share.toFixed(2)} times the work of full's ${showCount(ADJOINT_IMAGES)}.`;
    }
  },
};

const FLOWS: Readonly<Record<string, Method>> = {
  "GFE, RK4": {
    label: "GFE, RK4",
    encodedBy: { flow: gradientFlow(decaying), solver: grid("classic") },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  "second order, RK4": {
    label: "second order, RK4",
    encodedBy: { flow: nesterovFlow(decaying), solver: grid("classic") },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  "GFE, RK4 3/8": {
    label: "GFE, RK4 3/8",
    encodedBy: { flow: gradientFlow(decaying), solver: grid("3/8") },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  "second order, RK4 3/8": {
    label: "second order, RK4 3/8",
    encodedBy: { flow: nesterovFlow(decaying), solver: grid("3/8") },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  "GFE-amd": {
    label: "GFE-amd",
    encodedBy: { flow: gradientFlow(), solver: letter() },
    adjoint: approximate(),
    seconds: [20, 25],
  },
  lbfgs: {
    label: "lbfgs, latentflow's default",
    encodedBy: { flow: gradientFlow(), solver: lbfgs() },
    adjoint: approximate(),
    seconds: [9, 5],
  },
};
const FLOW_IMAGES = 5760;
/** By the rule that the grid is followed with: the paper's first. */
const FIXED = [
  { rule: "classic rule", gradient: "GFE, RK4", second: "second order, RK4" },
  { rule: "3/8 rule", gradient: "GFE, RK4 3/8", second: "second order, RK4 3/8" },
] as const;

export const figure2Right: Element<Found> = {
  name: "figure2-right",
  title: "Figure 2, right: the flows",
  source: "figure2.ts",
  jobs: (settings) => trainings(FLOWS, FLOW_IMAGES, seedsOf(settings), settings),
  page(results, settings): Page {
    const seeds = seedsOf(settings);
    const found = look(FLOWS, FLOW_IMAGES, seeds, results);
    const { end, lowest, rises, lines, millisecondsOf } = found;
    const claims = { faster: faster(found), unstable: unstable(found), better: better(found) };
    const scope = `here in ${showCount(FLOW_IMAGES / BATCH)} updates with ${seeds.length === 1 ? "one seed" : `${seeds.length} seeds`}`;
    return {
      markdown: `The gradient flow and the second-order flow through RK4 on 100 slices (log grid of base 4 to τ = ${showCount(T1)}, α = exp(-2t/τ)),
beside AMD with s_max = 10 and latentflow's default: ${showCount(FLOW_IMAGES)} digits once each, approximate gradient, mini-batches of ${BATCH}.
*RK4* is the classic rule, our reading of the paper's RK4; *RK4 3/8* is Kutta's 3/8 rule, which the authors' code has under
that name. The loss is of ${VALIDATED} validation digits, encoded as in training, at ${POINTS} points. *Largest rise*: by how much it was
above the lowest before it, at most, seed by seed. More than ${100 * UNSTABLE} % counts as unstable.

${table(
  ["", "loss at the end", "lowest", "largest rise", "ms a digit trained on"],
  Object.entries(FLOWS).map(([name, { label }]) => [
    ...[label, end(name).text, lowest(name).text],
    ...[showRises(rises(name)), millisecondsOf(name).text],
  ]),
)}

## The paper's claims, by these figures

*As low*: the difference is within the deviations over seeds.

- *The second order is faster at first.* ${claims.faster.text}
- *Both fixed grids are unstable later*, ${scope}. ${claims.unstable.text}
- *GFE-amd is better.* ${claims.better.text}
`,
      charts: {
        "figure2-right": {
          title: "The flows",
          xTitle: `updates of ${BATCH} digits`,
          yTitle: "cross entropy of validation digits, nats a pixel",
          yScale: "log",
          lines,
        },
      },
      summary: {
        holds: `second order faster at first: ${claims.faster.answer}; fixed grids unstable later: ${claims.unstable.answer}; GFE-amd better: ${claims.better.answer}`,
        paper:
          "second order faster at first; both fixed grids unstable later, GFE-amd stable and better (no figures)",
        letter: ["GFE, RK4", "second order, RK4", "GFE-amd"]
          .map((name) => `${name} ${end(name).text}`)
          .join(", "),
        ours: end("lbfgs").text,
      },
    };
  },
};

type Look = ReturnType<typeof look>;

/** Seed by seed. */
const showRises = (all: readonly (number | undefined)[]) =>
  all.every((rise) => rise === undefined) ? "…" : all.map(showRise).join(", ");

const showRise = (rise: number | undefined) =>
  rise === undefined ? "…" : Number.isFinite(rise) ? percent(rise) : "not finite";

/** What is said of a claim: in a word, and with its figures. */
interface Said {
  readonly answer: string;
  readonly text: string;
}

/** Of every rule; in a word only once where all are alike. */
function saidOfRules(answerOf: (methods: (typeof FIXED)[number]) => Said): Said {
  const all = FIXED.map((methods) => ({ ...answerOf(methods), rule: methods.rule }));
  const answers = new Set(all.map(({ answer }) => answer));
  return {
    answer:
      answers.size === 1 ? all[0]!.answer : all.map(({ answer, rule }) => `${answer} (${rule})`).join(", "),
    text: all.map(({ text, rule }) => `${capital(rule)}: ${text}.`).join(" "),
  };
}

const MISSING: Said = { answer: "…", text: NOT_YET };

function faster({ first, firstUpdates, end }: Look): Said {
  return saidOfRules(({ gradient, second }) => {
    const early = compared(first(second), first(gradient));
    if (early === undefined) return MISSING;
    const answer = early === "lower" ? "yes" : "no";
    const late = compared(end(second), end(gradient));
    return {
      answer,
      text: `${answer}, its loss is ${early} after ${firstUpdates(second)} updates, ${first(second).text} beside ${first(gradient).text}, and ${late} at the end`,
    };
  });
}

function unstable({ rises }: Look): Said {
  return saidOfRules(({ gradient, second }) => {
    const largest = [gradient, second].map((name) => {
      const there = rises(name).filter((rise) => rise !== undefined);
      return there.length > 0 ? Math.max(...there) : undefined;
    });
    if (largest.includes(undefined)) return MISSING;
    const count = largest.filter((rise) => rise! > UNSTABLE).length;
    const answer = ["not seen", "seen of one", "seen"][count]!;
    const figures = `${showRise(largest[0])} (first order) and ${showRise(largest[1])} (second order)`;
    return {
      answer,
      text: `${answer}, the largest rise is ${figures}`,
    };
  });
}

function better({ end }: Look): Said {
  return saidOfRules(({ gradient, second }) => {
    const words = [gradient, second].map((name) => compared(end("GFE-amd"), end(name)));
    if (words.includes(undefined)) return MISSING;
    const answer = words.every((word) => word === "lower")
      ? "yes"
      : words.includes("lower")
        ? "than one of the two"
        : "no";
    return {
      answer,
      text: `${answer}; it ends at ${end("GFE-amd").text}, ${words[0]} beside the first order (${end(gradient).text}), ${words[1]} beside the second (${end(second).text})`,
    };
  });
}
