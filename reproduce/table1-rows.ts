import { compared, type Figure, NOT_YET, verdict } from "./page.ts";
import { BY, type Method } from "./trained-decoders.ts";

// What both sides of table 1 have in common: the rows of their tables, and the words in which figures are compared.

/** What is measured of an image's reconstruction, and what that took. */
export type Measure = "loss" | "squaredError" | "passes";

/** Which of our figures stands for which of the paper's columns. */
export const COLUMNS: readonly (readonly [label: string, method: Method, by: string])[] = [
  ["GFE-amd", "flow, amd", BY.letter],
  ["GFE-amd, grown as printed", "flow, amd as printed", BY.printed],
  ["AE, one pass", "autoencoder, 1 pass", BY.code],
  ["mixed, one pass", "autoencoder, 1 pass", BY.letter],
  ["AE, twelve passes", "autoencoder, 12 passes", BY.code],
  ["mixed, twelve passes", "autoencoder, 12 passes", BY.letter],
  ["PCA, 20 components", "PCA", BY.pca],
];
export const OURS: typeof COLUMNS = [
  ["the flow, `lbfgs`", "flow, lbfgs", BY.ours],
  ["GFE-amd's decoder, inverted by `lbfgs`", "flow, amd", BY.ours],
  ["AE, one pass, inverted by `lbfgs`", "autoencoder, 1 pass", BY.ours],
  ["AE, twelve passes, inverted by `lbfgs`", "autoencoder, 12 passes", BY.ours],
];

/** The paper's figures as a table shows them. */
export const figures = (values: readonly number[]) => values.map((value) => value.toFixed(4));

export const summaryOf = ({ GFE, AE }: { readonly GFE: readonly number[]; readonly AE: readonly number[] }) =>
  `${figures(GFE).join(", ")} (AE ${figures(AE).join(", ")})`;

/** Flows whose passes a page shows, by the method and what it was tested by. */
export const FLOWS: typeof COLUMNS = [
  COLUMNS[0]!,
  COLUMNS[1]!,
  COLUMNS[5]!,
  ...OURS.filter((_, i) => i !== 2),
];

export const texts = (all: readonly Figure[]) => all.map(({ text }) => text).join(", ");

export const verdicts = (all: readonly Figure[], goals: readonly number[]) =>
  all.map((one, i) => verdict(one, goals[i]!)).join("; ");

export const word = (one: Figure, other: Figure) => compared(one, other) ?? NOT_YET;

export const words = (some: readonly Figure[], others: readonly Figure[]) =>
  some.map((one, i) => word(one, others[i]!)).join(", ");
