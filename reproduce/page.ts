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
  if (there.length === 0) return { mean: undefined, deviation: undefined, isWhole, text: "…" };
  const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
  const part = isWhole ? "" : ` (${there.length} of ${values.length} seeds)`;
  if (!Number.isFinite(mean)) return { mean, deviation: undefined, isWhole, text: `not finite${part}` };
  if (there.length === 1)
    return { mean, deviation: undefined, isWhole, text: `${mean.toFixed(digits)}${part}` };
  const squares = there.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (there.length - 1));
  return { mean, deviation, isWhole, text: `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}${part}` };
}

/** A figure as a point of a chart's line; none where it has not been computed, or is not finite. */
export function chartPoint(x: number, { mean, deviation = 0 }: Figure): ChartPoint[] {
  return mean !== undefined && Number.isFinite(mean) ? [{ x, y: mean, deviation }] : [];
}

/** Whether a goal has been met, once all of it has been computed. */
export function verdict({ mean, deviation, isWhole }: Figure, goal: number): string {
  if (mean === undefined || !isWhole) return NOT_YET;
  if (!Number.isFinite(mean)) return "missed, not finite";
  if (mean <= goal) return "met";
  const excess = mean - goal;
  const missed = `missed by ${Number(excess.toPrecision(2))} (${percent(excess / goal)})`;
  return deviation !== undefined && excess <= deviation
    ? `${missed}, less than the deviation over seeds`
    : missed;
}

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
