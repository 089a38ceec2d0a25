import {
  expDecay,
  type FlowAndSolver,
  gradientFlow,
  lbfgs,
  logGrid,
  nesterovFlow,
  rk4,
} from "../src/index.ts";
import { type Adjoint, approximate, direct, full, train } from "../src/train/index.ts";
import { type Calls, countedAdjoint, noCalls } from "./counted-adjoint.ts";
import type { Element, Job, JobContext, Page, Results, Settings } from "./element.ts";
import { means, table } from "./page.ts";
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
const grid = () => rk4({ grid: logGrid({ t1: T1, slices: 100, base: 4 }) });
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
}

const VALIDATED = 100;
const POINTS = 16;

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
    /** How often the loss was above the lowest before it by more than a tenth: a sign of instability. */
    rises: (name: string) =>
      means(
        runs(name).map((run) => {
          let lowest = Number.POSITIVE_INFINITY;
          let count = 0;
          for (const { loss } of run?.validation ?? []) {
            // JSON has null for what is not finite.
            const isSound = Number.isFinite(loss);
            if (!isSound || loss > 1.1 * lowest) count++;
            lowest = Math.min(lowest, isSound ? loss : lowest);
          }
          return run && count;
        }),
        1,
      ),
    /** A digit's, of a kind. */
    callsOf: (name: string, kind: keyof Calls) =>
      means(
        // None where a job went on after its last update.
        runs(name).map((run) => (run?.calls?.digits ? run.calls[kind] / run.calls.digits : undefined)),
        0,
      ),
    secondsOf: (name: string) =>
      means(
        runs(name).map((run) => run && (1000 * run.trainedInSeconds) / run.validation.at(-1)!.images),
        0,
      ),
    lines: Object.entries(methods)
      .map(([name, { label }]) => ({
        name: label,
        points: (runs(name).find((run) => run)?.validation ?? []).flatMap(({ images: seen }, i) => {
          const { mean, deviation } = lossAt(name, i);
          // Where training begins the loss is so high that nothing of the rest would be seen.
          return mean !== undefined && Number.isFinite(mean) && seen > 0
            ? [{ x: seen / 5, y: mean, deviation: deviation ?? 0 }]
            : [];
        }),
      }))
      .filter(({ points }) => points.length > 0),
  };
}

const ADJOINTS: Readonly<Record<string, Method>> = {
  approximate: {
    label: "approximate",
    encodedBy: { flow: gradientFlow(decaying), solver: grid() },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  full: {
    label: "full adjoint",
    encodedBy: { flow: gradientFlow(decaying), solver: grid() },
    adjoint: full(),
    seconds: [180, 30],
  },
  direct: {
    label: "direct",
    encodedBy: { flow: gradientFlow(decaying), solver: grid() },
    adjoint: direct(),
    seconds: [180, 30],
  },
};
const ADJOINT_IMAGES = 1920;

export const figure2Left: Element<Found> = {
  name: "figure2-left",
  title: "Figure 2, left: the gradient for the decoder",
  source: "figure2.ts",
  // One seed, as in the paper.
  jobs: (settings) => trainings(ADJOINTS, ADJOINT_IMAGES, [0], settings),
  page(results): Page {
    const { end, lowest, secondsOf, callsOf, lines } = look(ADJOINTS, ADJOINT_IMAGES, [0], results);
    return {
      markdown: `The gradient for the decoder at the code held fixed (*approximate*), by the adjoint equation (*full*,
equations 9 and 10 as corrected) and through the steps of the solver (*direct*): ${ADJOINT_IMAGES} digits once each, in
mini-batches of 5, through RK4 on 100 slices to τ = ${T1}, α = exp(-2t/τ). The loss is of ${VALIDATED} validation digits,
encoded by the same flow. RK4 is the classic rule (the authors' is the 3/8 one), on a grid of base 4. *Calls* are the
decoder's for a digit, as counted: gradients as the flow is followed, and for the adjoint gradients, Hessian-vector products and mixed
terms.

${table(
  [
    "",
    "loss at the end",
    "lowest",
    "calls, forwards",
    "calls, backwards",
    "ms a digit trained on",
    "÷ approximate",
  ],
  Object.entries(ADJOINTS).map(([name, { label }]) => {
    const [own, least] = [secondsOf(name), secondsOf("approximate")];
    const ratio =
      own.mean !== undefined && least.mean !== undefined ? (own.mean / least.mean).toFixed(1) : "…";
    const backwards = (["gradients", "tangents", "mixed"] as const).map((kind) => callsOf(name, kind).text);
    return [
      ...[label, end(name).text, lowest(name).text, callsOf(name, "forwards").text],
      ...[backwards.join(" + "), own.text, ratio],
    ];
  }),
)}
`,
      charts: {
        "figure2-left": {
          title: "The gradient for the decoder",
          xTitle: "updates of 5 digits",
          yTitle: "cross entropy of validation digits, nats a pixel",
          lines,
        },
      },
      summary: {
        holds: "",
        paper: "full slightly better, five times the work (no figures)",
        letter: Object.keys(ADJOINTS)
          .map((name) => `${name} ${end(name).text}`)
          .join(", "),
        ours: "–",
      },
    };
  },
};

const FLOWS: Readonly<Record<string, Method>> = {
  "GFE, RK4": {
    label: "GFE, RK4",
    encodedBy: { flow: gradientFlow(decaying), solver: grid() },
    adjoint: approximate(),
    seconds: [35, 30],
  },
  "second order, RK4": {
    label: "second order, RK4",
    encodedBy: { flow: nesterovFlow(decaying), solver: grid() },
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

export const figure2Right: Element<Found> = {
  name: "figure2-right",
  title: "Figure 2, right: the flows",
  source: "figure2.ts",
  jobs: (settings) => trainings(FLOWS, FLOW_IMAGES, seedsOf(settings), settings),
  page(results, settings): Page {
    const { end, lowest, rises, lines, secondsOf } = look(FLOWS, FLOW_IMAGES, seedsOf(settings), results);
    return {
      markdown: `The gradient flow and the second-order flow through RK4 on 100 slices (the classic rule, log grid of base 4 to τ = ${T1}, α = exp(-2t/τ)),
beside AMD with s_max = 10 and latentflow's default: ${FLOW_IMAGES} digits once each, approximate gradient, mini-batches of 5.
The loss is of ${VALIDATED} validation digits, encoded as in training. *Rises*: at how many of the ${POINTS} points it was above
the lowest one before by more than a tenth, which is how instability shows.

${table(
  ["", "loss at the end", "lowest", "rises", "ms a digit trained on"],
  Object.entries(FLOWS).map(([name, { label }]) => [
    label,
    end(name).text,
    lowest(name).text,
    rises(name).text,
    secondsOf(name).text,
  ]),
)}
`,
      charts: {
        "figure2-right": {
          title: "The flows",
          xTitle: "updates of 5 digits",
          yTitle: "cross entropy of validation digits, nats a pixel",
          lines,
        },
      },
      summary: {
        holds: "",
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
