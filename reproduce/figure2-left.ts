import { gradientFlow } from "../src/index.ts";
import { approximate, direct, full } from "../src/train/index.ts";
import type { Element, Page, Results } from "./element.ts";
import { FLOW_IMAGES } from "./figure2-right.ts";
import {
  BATCH,
  decaying,
  type Figure2Method,
  FLOOR,
  type Found,
  grid,
  idOf,
  KINDS,
  outcomeOf,
  T1,
  trainings,
  VALIDATED,
} from "./figure2-runs.ts";
import {
  BRACKETS,
  capital,
  excessAxis,
  excessOf,
  type Figure,
  floorRow,
  means,
  NOT_YET,
  percent,
  showCount,
  table,
  withExcess,
} from "./page.ts";

// Figure 2, left: the gradient for the decoder.

/** One figure as a multiple of another. */
function ratio(one: Figure, other: Figure): string {
  return one.mean !== undefined && other.mean !== undefined ? (one.mean / other.mean).toFixed(1) : "…";
}

const ADJOINTS: Readonly<Record<string, Figure2Method>> = {
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
  source: "figure2-left.ts",
  // One seed, as in the paper.
  jobs: (settings) => trainings(ADJOINTS, ADJOINT_IMAGES, [0], settings),
  page(results, _settings, resultsOf): Page {
    const { end, millisecondsOf, callsOf, allCallsOf, lines } = outcomeOf(
      ADJOINTS,
      ADJOINT_IMAGES,
      [0],
      results,
    );
    const further = (resultsOf("figure2-right") as Results<Found>).get(idOf("GFE, RK4", FLOW_IMAGES, 0));
    return {
      markdown: `The gradient for the decoder at the code held fixed (*approximate*, equations 11 and 12), by the adjoint equation (*full*,
equations 8 to 10 [as corrected](slips.md#equations-9-and-10)) and through the steps of the solver (*direct*): ${showCount(ADJOINT_IMAGES)} digits once each,
through RK4 on 100 slices, α = exp(-2t/τ), on a log grid. The grid's base of 4, its end τ = ${showCount(T1)} and the mini-batches of
${BATCH} are the authors' code's. RK4 is the classic rule, our reading of the paper; the authors' code has the 3/8 rule, which [the right side](figure2-right.md) has beside it.
The loss is of ${VALIDATED} validation digits, encoded by the same flow. ${BRACKETS}

The work is counted for a digit that is trained on. The flow is followed by gradients of the loss by the code. To come back
along it, the adjoint takes them once more, and for each a Hessian-vector product and a mixed term ∂_θ(aᵀ∇_z l).

${table(
  [
    ...["", "loss at the end", "gradients along the flow", "gradients on the way back"],
    ...["Hessian-vector products", "mixed terms", "all", "÷ approximate"],
    ...["ms a digit", "÷ approximate"],
  ],
  [
    ...Object.entries(ADJOINTS).map(([name, { label }]) => [
      ...[label, withExcess(end(name), FLOOR)],
      ...[...KINDS.map((kind) => callsOf(name, kind).text), allCallsOf(name).text],
      ratio(allCallsOf(name), allCallsOf("approximate")),
      ...[millisecondsOf(name).text, ratio(millisecondsOf(name), millisecondsOf("approximate"))],
    ]),
    [...floorRow([FLOOR]), ...Array<string>(KINDS.length + 4).fill("")],
  ],
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
          yTitle: excessAxis(FLOOR),
          yScale: "log",
          lines,
        },
      },
      summary: {
        holds: claim(),
        paper: "full slightly better, five times the work (no figures)",
        letter: Object.keys(ADJOINTS)
          .map((name) => `${name} ${withExcess(end(name), FLOOR)}`)
          .join(", "),
        ours: "–",
      },
    };

    function excess(name: string): number | undefined {
      return excessOf(end(name), FLOOR).mean;
    }

    /** How one ends beside another, and for how much more work. */
    function beside(name: string, other: string): string {
      const [own, its] = [excess(name), excess(other)];
      const [Name, than] = [ADJOINTS[name]!.label, ADJOINTS[other]!.label];
      if (own === undefined || its === undefined) return `${capital(Name)} against ${than}: ${NOT_YET}.`;
      const loss = !Number.isFinite(own - its)
        ? "has a loss that is not finite beside"
        : own === its
          ? "ends as low as"
          : `ends, by the excess, ${percent(Math.abs(own / its - 1))} ${own < its ? "lower" : "higher"} than`;
      const work = ratio(allCallsOf(name), allCallsOf(other));
      if (work === "1.0") return `${capital(Name)} ${loss} ${than}, for as much work.`;
      return `${capital(Name)} ${loss} ${than}, for ${work} times the work and ${ratio(millisecondsOf(name), millisecondsOf(other))} times the time.`;
    }

    function claim(): string {
      const [own, its] = [excess("full"), excess("approximate")];
      if (own === undefined || its === undefined) return NOT_YET;
      const answer = own < its ? `yes, ${percent(1 - own / its)} lower by the excess` : "no";
      const work = ratio(allCallsOf("full"), allCallsOf("approximate"));
      return `full better: ${answer} (one seed); five times the work: ${work} times, and ${ratio(millisecondsOf("full"), millisecondsOf("approximate"))} times the time`;
    }

    /** What the approximate gradient comes to with more digits and still less work than full's. */
    function furtherOn(): string {
      const [full, approximate] = [allCallsOf("full").mean, allCallsOf("approximate").mean];
      const loss = further?.validation.at(-1)?.loss;
      if (full === undefined || approximate === undefined || loss === undefined) return "";
      const share = (FLOW_IMAGES * approximate) / (ADJOINT_IMAGES * full);
      return `With ${FLOW_IMAGES / ADJOINT_IMAGES} times as many digits, ${showCount(FLOW_IMAGES)}, the approximate gradient ends at ${withExcess(means([loss]), FLOOR)} (the same seed,
[right](figure2-right.md)): ${share.toFixed(2)} times the work of full's ${showCount(ADJOINT_IMAGES)}.`;
    }
  },
};
