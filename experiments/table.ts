import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import { formatCsv } from "../src/files/csv.ts";

/** A row of a table: its columns by their names. */
export type Row = Readonly<Record<string, string | number>>;

/** Prints rows as a table and writes them as FOLDER/NAME.csv; the columns are the first row's keys. */
export function report(folder: string, name: string, rows: readonly Row[]): void {
  const head = Object.keys(rows[0]!);
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => head.map((column) => row[column]!)));
  console.log(table.toString());
  const file = join(folder, `${name}.csv`);
  const columns = head.map((column) => [column, rows.map((row) => row[column]!)] as const);
  writeFileSync(file, formatCsv(Object.fromEntries(columns)));
  console.log(file);
}

/** Seconds since `start`, as `performance.now()` had it, to a tenth. */
export function seconds(start: number): number {
  return Number(((performance.now() - start) / 1000).toFixed(1));
}
