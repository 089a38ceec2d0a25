import { compared, excessOf, type Figure, means, NOT_YET, percent, withExcess } from "./page.ts";
import { BY, type Method } from "./trained-decoders.ts";

// What both sides of table 1 have in common: the rows of their tables, and the words in which figures are compared.

/** What is measured of an image's reconstruction, and what that took. */
export type Measure = "loss" | "squaredError" | "passes";

/** A row of the tables: what has trained a decoder, and by what test images were encoded with it. */
export interface Row {
  readonly label: string;
  readonly method: Method;
  readonly by: string;
}

export const ROWS = {
  gfe: { label: "GFE-amd", method: "flow, amd", by: BY.letter },
  printed: { label: "GFE-amd, grown as printed", method: "flow, amd as printed", by: BY.printed },
  once: { label: "AE, one pass", method: "autoencoder, 1 pass", by: BY.code },
  mixedOnce: { label: "mixed, one pass", method: "autoencoder, 1 pass", by: BY.letter },
  twelve: { label: "AE, twelve passes", method: "autoencoder, 12 passes", by: BY.code },
  mixedTwelve: { label: "mixed, twelve passes", method: "autoencoder, 12 passes", by: BY.letter },
  pca: { label: "PCA, 20 components", method: "PCA", by: BY.pca },
  ours: { label: "the flow, `lbfgs`", method: "flow, lbfgs", by: BY.ours },
  gfeInverted: { label: "GFE-amd's decoder, inverted by `lbfgs`", method: "flow, amd", by: BY.ours },
  onceInverted: { label: "AE, one pass, inverted by `lbfgs`", method: "autoencoder, 1 pass", by: BY.ours },
  twelveInverted: {
    label: "AE, twelve passes, inverted by `lbfgs`",
    method: "autoencoder, 12 passes",
    by: BY.ours,
  },
} as const satisfies Record<string, Row>;

/** As the paper has it, and PCA beside it. */
export const LETTER_ROWS: readonly Row[] = [
  ...[ROWS.gfe, ROWS.printed],
  ...[ROWS.once, ROWS.mixedOnce, ROWS.twelve, ROWS.mixedTwelve],
  ROWS.pca,
];

/** As latentflow does it. */
export const OUR_ROWS: readonly Row[] = [
  ...[ROWS.ours, ROWS.gfeInverted],
  ...[ROWS.onceInverted, ROWS.twelveInverted],
];

/** Those that follow a flow, whose passes a page shows. */
export const FLOW_ROWS: readonly Row[] = [
  ...[ROWS.gfe, ROWS.printed, ROWS.mixedTwelve],
  ...[ROWS.ours, ROWS.gfeInverted, ROWS.twelveInverted],
];

/** Printed figures, as those of one run. */
export const printedFigures = (values: readonly number[]) => values.map((value) => means([value]));

/** Losses as tables show them, each above the floor of its column. */
export const losses = (all: readonly Figure[], floors: readonly number[]) =>
  all.map((one, i) => withExcess(one, floors[i]!));

export const summaryOf = (
  { GFE, AE }: { readonly GFE: readonly number[]; readonly AE: readonly number[] },
  floors: readonly number[],
) => `${texts(printedFigures(GFE), floors)}; AE ${texts(printedFigures(AE), floors)}`;

export const texts = (all: readonly Figure[], floors: readonly number[]) => losses(all, floors).join(", ");

/** Words for several counts or sets; one word where all are alike: `higher on all three`. */
export function wordsOnAll(some: readonly Figure[], others: readonly Figure[]): string {
  const all = some.map((one, i) => word(one, others[i]!));
  return new Set(all).size === 1 ? `${all[0]} on all three` : all.join(", ");
}

export const word = (one: Figure, other: Figure) => compared(one, other) ?? NOT_YET;

/** A figure beside one without deviation, by their excesses: `21.4 % lower`. */
export function beside(one: Figure, other: number, floor: number): string {
  const { mean } = excessOf(one, floor);
  if (mean === undefined || !one.isWhole) return NOT_YET;
  if (!Number.isFinite(mean)) return "not finite";
  const share = mean / (other - floor) - 1;
  return `${percent(Math.abs(share))} ${share < 0 ? "lower" : "higher"}`;
}
