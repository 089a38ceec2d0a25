import { showFloat32 } from "../../../base/show-float32.ts";
// Texts of cells in tables: numbers, missing values, and the numbers that are written in their place.

/** Texts that stand for a missing value, besides an empty cell. */
export const MISSING = [
  "NA",
  "N/A",
  "n/a",
  "#N/A",
  "<NA>",
  "NaN",
  "nan",
  "NULL",
  "null",
  "None",
  "?",
] as const;

const missing: ReadonlySet<string> = new Set(["", ...MISSING]);

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** True if a cell stands for a missing value. */
export function isMissing(cell: string): boolean {
  return missing.has(cell.trim());
}

/** Converts a cell to a number: NaN for a missing value, undefined unless it is a number that float32 can stand for. */
export function toNumber(cell: string, decimalComma: boolean): number | undefined {
  const text = cell.trim();
  const plain = decimalComma ? text.replace(",", ".") : text;
  // A point beside a decimal comma groups digits: 1.234,5.
  const isNumber = NUMBER.test(plain) && !(decimalComma && text.includes("."));
  if (!isNumber) return missing.has(text) ? Number.NaN : undefined;
  const number = Number(plain);
  return Number.isFinite(Math.fround(number)) ? number : undefined;
}

/** True for a number with a decimal comma, or with commas between its digits. */
export function hasComma(cell: string): boolean {
  return /^\s*[-+]?\d+(,\d+)+\s*$/.test(cell);
}

/** Formats a float32 in the fewest significant digits that read back exactly. */
export function formatNumber(value: number, decimalComma: boolean): string {
  const text = showFloat32(value);
  return decimalComma ? text.replace(".", ",") : text;
}

/** Quotes a cell's text where it would be read as something else without. */
export function quoteCell(text: string, delimiter: string): string {
  const isPlain = !text.includes(delimiter) && !/["\r\n]|^\s|\s$/.test(text);
  return isPlain ? text : inQuotes(text);
}

/** Puts a cell's text in quotes. */
export function inQuotes(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
