import type { Chart } from "./chart.ts";

// What pages are made of.

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The mean over seeds, and the standard deviation where there are several; of those that have been computed. */
export interface Figure {
  readonly mean: number | undefined;
  readonly deviation: number | undefined;
  /** As a table shows it. */
  readonly text: string;
}

export function means(values: readonly (number | undefined)[], digits = 4): Figure {
  const there = values.filter((value): value is number => value !== undefined);
  if (there.length === 0) return { mean: undefined, deviation: undefined, text: "…" };
  const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
  if (there.length === 1) return { mean, deviation: undefined, text: mean.toFixed(digits) };
  const squares = there.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (there.length - 1));
  const part = there.length < values.length ? ` (${there.length} of ${values.length} seeds)` : "";
  return { mean, deviation, text: `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}${part}` };
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export type { Chart };
