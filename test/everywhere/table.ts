import type { Row } from "./run.ts";

const COLUMNS = ["environment", "version", "works", "threads", "reason"] as const;

/** Rows as a table in Markdown, whose columns are not aligned: it is published with the package. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => COLUMNS.map((name) => String(row[name] ?? "").replaceAll("|", "\\|")));
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  return [line(COLUMNS), `|${"---|".repeat(COLUMNS.length)}`, ...cells.map(line)].join("\n");
}
