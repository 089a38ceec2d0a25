import type { ChartPoint } from "./chart.ts";

// What pages are made of.

/** In place of a figure, or a word on it. */
export const NOT_YET = "not computed yet";

/** A whole number with its thousands apart: 50,000. */
export const showCount = (count: number) => count.toLocaleString("en-US");

/** A text that begins a sentence. */
export const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1);

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The mean over seeds, and the standard deviation where there are several; of those that have been computed. */
export interface Figure {
  /** By seed, of those that have been computed. */
  readonly values: readonly number[];
  /** Seeds that are to be computed. */
  readonly seeds: number;
  /** Decimals that tables show. */
  readonly digits: number;
  readonly mean: number | undefined;
  readonly deviation: number | undefined;
  /** Have all seeds been computed? */
  readonly isWhole: boolean;
  /** As a table shows it. */
  readonly text: string;
}

export function means(values: readonly (number | undefined)[], digits = 4): Figure {
  const there = values.filter((value) => value !== undefined);
  const isWhole = there.length === values.length;
  const common = { values: there, seeds: values.length, digits, isWhole };
  if (there.length === 0) return { ...common, mean: undefined, deviation: undefined, text: "…" };
  const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
  const part = partOf(common);
  if (!Number.isFinite(mean)) return { ...common, mean, deviation: undefined, text: `not finite${part}` };
  if (there.length === 1) {
    return { ...common, mean, deviation: undefined, text: `${mean.toFixed(digits)}${part}` };
  }
  const squares = there.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (there.length - 1));
  const text = isWhole
    ? `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`
    : `${there.map((value) => value.toFixed(digits)).join(" and ")}${part}`;
  return { ...common, mean, deviation, text };
}

/** Says how many seeds there are, unless there are all. */
const partOf = ({ values, seeds }: Pick<Figure, "values" | "seeds">) =>
  values.length === seeds ? "" : `, ${values.length} of ${seeds} seeds`;

/** A figure as a point of a chart's line; none where it has not been computed, or is not finite. */
export function chartPoint(x: number, { mean, values }: Figure): ChartPoint[] {
  if (mean === undefined || !Number.isFinite(mean)) return [];
  return [{ x, y: mean, low: Math.min(...values), high: Math.max(...values) }];
}

/** Excess of a loss above its floor: the targets' own entropy, which no reconstruction is below. */
export function excessOf(loss: Figure, floor: number): Figure {
  const mean = loss.mean === undefined ? undefined : loss.mean - floor;
  const values = loss.values.map((value) => value - floor);
  const text = mean !== undefined && Number.isFinite(mean) ? mean.toFixed(4) : loss.text;
  return { ...loss, values, mean, text };
}

/**
 * A loss as tables show it, with its excess in brackets: `0.1876 ± 0.0022 (0.1295)`. Seed by seed where some are missing:
 * `0.0773 (0.0192) and 0.0853 (0.0272), 2 of 3 seeds`.
 */
export function withExcess(loss: Figure, floor: number): string {
  const { mean, values, digits, isWhole } = loss;
  if (mean === undefined || !Number.isFinite(mean)) return loss.text;
  if (isWhole) return `${loss.text} (${excessOf(loss, floor).text})`;
  const each = values.map((value) => `${value.toFixed(digits)} (${(value - floor).toFixed(4)})`);
  return `${each.join(" and ")}${partOf(loss)}`;
}

/** Sentence that says what the brackets of `withExcess` hold. */
export const BRACKETS = "In brackets is the excess above the floor, the targets' own entropy.";

/** Last row of a table of losses. */
export const floorRow = (floors: readonly number[]) => [
  "the floor",
  ...floors.map((floor) => `${floor.toFixed(4)} (0)`),
];

/** Title of an axis of excesses. */
export const excessAxis = (floor: number) => `nats a pixel above the floor of ${floor.toFixed(4)}`;

/** The excess of a loss as a point of a chart's line, on a logarithmic axis: none where it is not above 0. */
export const excessPoint = (x: number, loss: Figure, floor: number): ChartPoint[] =>
  chartPoint(x, excessOf(loss, floor)).filter(({ y }) => y > 0);

/** Items as a sentence lists them: `a, b and c`. */
export const listed = (items: readonly string[]) =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

/** A share as a table shows it. */
export function percent(share: number): string {
  if (share === 0) return "0 %";
  return share < 0.001 ? "less than 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

/** One figure beside another: whether it is lower by more than the deviations over seeds of both. */
export function compared(
  one: Figure,
  other: Figure,
): "lower" | "higher" | "as low" | "not finite" | undefined {
  if (one.mean === undefined || other.mean === undefined) return undefined;
  const difference = one.mean - other.mean;
  if (!Number.isFinite(difference)) return "not finite";
  if (Math.abs(difference) <= Math.hypot(one.deviation ?? 0, other.deviation ?? 0)) return "as low";
  return difference < 0 ? "lower" : "higher";
}
