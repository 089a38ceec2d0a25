import { readFileSync, writeFileSync } from "node:fs";
import type { Row } from "../table.ts";

const DOCUMENT = new URL("../../site/results/experiments.md", import.meta.url);

/** Replaces what site/results/experiments.md has from `<!-- NAME -->` to `<!-- end of NAME -->` by lines and a table. */
export function writeDocument(name: string, rows: readonly Row[], lines: readonly string[] = []): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  if (!text.includes(begin) || to < from) {
    throw new Error(`site/results/experiments.md has no place for a table, from ${begin} to ${end}`);
  }
  const list = lines.map((line) => `- ${line.replaceAll("|", "\\|")}\n`).join("");
  const made = `\n${list}${list && "\n"}${formatTable(rows)}\n`;
  writeFileSync(DOCUMENT, text.slice(0, from) + made + text.slice(to));
}

function formatTable(rows: readonly Row[]): string {
  const head = Object.keys(rows[0]!);
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const body = rows.map((row) => line(head.map((column) => String(row[column]).replaceAll("|", "\\|"))));
  return [line(head), `|${"---|".repeat(head.length)}`, ...body].join("\n");
}
