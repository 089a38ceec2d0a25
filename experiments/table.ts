import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";

export type Row = Readonly<Record<string, string | number>>;

/** Prints rows as a table and writes them as FOLDER/NAME.csv; the columns are the first row's keys. */
export function report(folder: string, name: string, rows: readonly Row[]): void {
  const head = Object.keys(rows[0]!);
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => head.map((column) => row[column]!)));
  console.log(table.toString());
  const file = join(folder, `${name}.csv`);
  writeFileSync(
    file,
    `${[head, ...rows.map((row) => head.map((column) => row[column]))].map((line) => line.join(",")).join("\n")}\n`,
  );
  console.log(file);
}

export function seconds(start: number): number {
  return Number(((performance.now() - start) / 1000).toFixed(1));
}
