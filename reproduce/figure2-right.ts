import { gradientFlow, lbfgs, nesterovFlow } from "../src/index.ts";
import { approximate } from "../src/train/index.ts";
import type { Element, Page } from "./element.ts";
import {
  BATCH,
  decaying,
  type Figure2Method,
  FLOOR,
  type Found,
  grid,
  type Outcome,
  outcomeOf,
  POINTS,
  T1,
  trainings,
  VALIDATED,
} from "./figure2-runs.ts";
import {
  BRACKETS,
  capital,
  compared,
  excessAxis,
  type Figure,
  floorRow,
  listed,
  NOT_YET,
  percent,
  showCount,
  table,
  withExcess,
} from "./page.ts";
import { letter, seedsOf } from "./paper-setting.ts";

// Figure 2, right: the flows.

const FLOWS: Readonly<Record<string, Figure2Method>> = {
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
export const FLOW_IMAGES = 5760;
/** An excess so much above the lowest before it is a sign of instability. */
const UNSTABLE = 0.1;
/** By the rule that the grid is followed with: the paper's first. */
const FIXED = [
  { rule: "classic rule", gradient: "GFE, RK4", second: "second order, RK4" },
  { rule: "3/8 rule", gradient: "GFE, RK4 3/8", second: "second order, RK4 3/8" },
] as const;

export const figure2Right: Element<Found> = {
  name: "figure2-right",
  title: "Figure 2, right: the flows",
  source: "figure2-right.ts",
  jobs: (settings) => trainings(FLOWS, FLOW_IMAGES, seedsOf(settings), settings),
  page(results, settings): Page {
    const seeds = seedsOf(settings);
    const found = outcomeOf(FLOWS, FLOW_IMAGES, seeds, results);
    const { end, lowest, rises, lines, millisecondsOf } = found;
    const claims = { faster: faster(found), unstable: unstable(found), better: better(found) };
    const scope = `here in ${showCount(FLOW_IMAGES / BATCH)} updates with ${seeds.length === 1 ? "one seed" : `${seeds.length} seeds`}`;
    return {
      markdown: `The gradient flow and the second-order flow through RK4 on 100 slices, with α = exp(-2t/τ), on a log grid,
beside AMD with s_max = 10 and latentflow's default: ${showCount(FLOW_IMAGES)} digits once each, approximate gradient. The grid's base of 4, its
end τ = ${showCount(T1)} and the mini-batches of ${BATCH} are the authors' code's.
*RK4* is the classic rule, our reading of the paper's RK4; *RK4 3/8* is Kutta's 3/8 rule, which the authors' code has under
that name. The loss is of ${VALIDATED} validation digits, encoded as in training, at ${POINTS} points. ${BRACKETS}
*Largest rise*: by how much the excess was above the lowest before it, at most, seed by seed. More than ${100 * UNSTABLE} % counts as unstable.

${table(
  ["", "loss at the end", "lowest", "largest rise", "ms a digit trained on"],
  [
    ...Object.entries(FLOWS).map(([name, { label }]) => [
      ...[label, withExcess(end(name), FLOOR), withExcess(lowest(name), FLOOR)],
      ...[showRises(rises(name)), millisecondsOf(name).text],
    ]),
    [...floorRow([FLOOR, FLOOR]), "", ""],
  ],
)}

${rulesNote(millisecondsOf)}## The paper's claims, by these figures

*As low*: the difference is within the deviations over seeds.

- *The second order is faster at first.* ${claims.faster.text}
- *Both fixed grids are unstable later*, ${scope}. ${claims.unstable.text}
- *GFE-amd is better.* ${claims.better.text}
`,
      charts: {
        "figure2-right": {
          title: "Validation loss of five flows and lbfgs",
          note: coinciding(found),
          xTitle: `updates of ${BATCH} digits`,
          yTitle: excessAxis(FLOOR),
          yScale: "log",
          lines,
        },
      },
      summary: {
        holds: `second order faster at first: ${claims.faster.answer}; fixed grids unstable later: ${claims.unstable.answer}; GFE-amd better: ${claims.better.answer}`,
        paper:
          "second order faster at first; both fixed grids unstable later, GFE-amd stable and better (no figures)",
        letter: ["GFE, RK4", "second order, RK4", "GFE-amd"]
          .map((name) => `${name} ${withExcess(end(name), FLOOR)}`)
          .join(", "),
        ours: withExcess(end("lbfgs"), FLOOR),
      },
    };
  },
};

const show = (loss: Figure) => withExcess(loss, FLOOR);

/** Says which lines of the chart lie on that of the default solver at the end. */
function coinciding({ end }: Outcome): string {
  const names = Object.keys(FLOWS).filter(
    (name) => name !== "lbfgs" && compared(end(name), end("lbfgs")) === "as low",
  );
  if (names.length === 0) return "";
  return `The lines ${listed([...names, "lbfgs"].map((name) => `*${name}*`))} coincide at the end.`;
}

/** Says why two rules that do the same work differ in milliseconds. */
function rulesNote(millisecondsOf: Outcome["millisecondsOf"]): string {
  const [classic, other] = FIXED.map(({ gradient }) => millisecondsOf(gradient));
  if (classic?.mean === undefined || other?.mean === undefined) return "";
  return `Both rules take four evaluations a slice: the difference between ${classic.mean.toFixed(0)} and ${other.mean.toFixed(0)} ms is mostly the engines', which results/figure2-right.json names run by run.

`;
}

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

function faster({ first, firstUpdates, end }: Outcome): Said {
  return saidOfRules(({ gradient, second }) => {
    const early = compared(first(second), first(gradient));
    if (early === undefined) return MISSING;
    const answer = early === "lower" ? "yes" : "no";
    const late = compared(end(second), end(gradient));
    return {
      answer,
      text: `${answer}, its loss is ${early} after ${firstUpdates(second)} updates, ${show(first(second))} beside ${show(first(gradient))}, and ${late} at the end`,
    };
  });
}

function unstable({ rises }: Outcome): Said {
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

function better({ end }: Outcome): Said {
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
      text: `${answer}; it ends at ${show(end("GFE-amd"))}, ${words[0]} beside the first order, ${show(end(gradient))}, ${words[1]} beside the second, ${show(end(second))}`,
    };
  });
}
