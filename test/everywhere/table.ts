import type { Row } from "./run.ts";

const COLUMNS = ["environment", "version", "works", "threads", "reason"] as const;

/** Rows as a table in Markdown, whose columns are aligned so that it can be read as it is. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => COLUMNS.map((name) => String(row[name] ?? "").replaceAll("|", "\\|")));
  const widths = COLUMNS.map((name, i) => Math.max(name.length, ...cells.map((line) => line[i]!.length)));
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, i) => text.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(COLUMNS), rule, ...cells.map(line)].join("\n");
}
