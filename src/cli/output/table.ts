import Table from "cli-table3";

/** A table of two columns, names and figures, without colours. */
export function formatTable(rows: readonly (readonly [name: string, figure: string])[]): string {
  const table = new Table({ style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** A whole number with its thousands apart: 10,000. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A mean as people read it: four digits, or a word where there is nothing to average. */
export function formatMean(mean: number, unit = ""): string {
  return Number.isNaN(mean) ? "none" : `${mean.toPrecision(4)}${unit}`;
}
