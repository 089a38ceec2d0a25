import { showFloat32 } from "../base/show-float32.ts";

/** Column of a table. */
export type Column = Float32Array | Float64Array | Uint32Array | BigInt64Array | readonly (string | number)[];

/**
 * Formats a table as CSV (RFC 4180, lines ended by a line feed): a line of names, then a line for each row. Float32 values
 * have as many digits as read back exactly.
 *
 * @param columns columns by name, all of the same length
 */
export function formatCsv(columns: Readonly<Record<string, Column>>): string {
  return `${Object.keys(columns).join(",")}\n${formatCsvRows(columns)}`;
}

/** Formats the rows of a table as CSV, without the line of names. All columns have the same length. */
export function formatCsvRows(columns: Readonly<Record<string, Column>>): string {
  const cells = Object.values(columns).map(formatColumn);
  return cells[0]!.map((_, row) => `${cells.map((column) => column[row]).join(",")}\n`).join("");
}

function formatColumn(column: Column): string[] {
  if (column instanceof Float32Array) return Array.from(column, showFloat32);
  return Array.from<string | number | bigint, string>(column, (value) => quote(`${value}`));
}

function quote(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
