import Table from "cli-table3";
import packageJson from "../../../package.json" with { type: "json" };
import { escapeText } from "../../base/show.ts";
import { shortPath } from "../input/files.ts";
import type { Output } from "./output-files.ts";

// A command's report is a list of entries, printed as a text table or as one JSON document.

/** One entry of a report: fields of the JSON document, a row of the text table, or both. */
export interface Figure {
  /** Fields of the JSON document. Undefined values are left out; NaN becomes null. */
  readonly json?: object | undefined;
  /** Row of the text table; omitted if its label or its text is undefined. */
  readonly row?: readonly [label: string | undefined, text: string | undefined];
}

/** Makes a report entry with a row of the text table and, if given, fields of the JSON document. */
export function figure(label: string | undefined, text: string | undefined, json?: object): Figure {
  return { row: [label, text], json };
}

/** Formats a report, followed by the list of files written: as one JSON document, or as a text table. */
export function formatReport(
  figures: readonly Figure[],
  outputs: readonly Output[],
  json: boolean | undefined,
): string {
  return json
    ? formatDocument([...figures, { json: { files: outputs.map(({ path }) => path) } }])
    : `${formatTable(rowsOf(figures))}\n${formatOutputs(outputs)}`;
}

/** Formats a report as one JSON document, whose first field is the package's version. */
export function formatDocument(figures: readonly Figure[]): string {
  const document = Object.assign({ latentflow: packageJson.version }, ...figures.map(({ json }) => json));
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Returns the rows of a report's text table, with control characters escaped. */
export function rowsOf(figures: readonly Figure[]): [label: string, text: string][] {
  return figures.flatMap(({ row }): [string, string][] => {
    const [label, text] = row ?? [];
    return label === undefined || text === undefined ? [] : [[label, inLine(text)]];
  });
}

/**
 * Escapes line breaks and control characters: names of files and inputs may contain sequences that move a terminal's
 * cursor.
 */
function inLine(text: string): string {
  return escapeText(text, Number.POSITIVE_INFINITY);
}

/** Formats a table of two columns, without colours. */
function formatTable(rows: readonly [label: string, text: string][]): string {
  const table = new Table({ style: { head: [], border: [], compact: true } });
  table.push(...rows);
  return table.toString();
}

function formatOutputs(outputs: readonly Output[]): string {
  const named = outputs.map(({ path, content }) => ({ name: inLine(shortPath(path)), content }));
  const width = Math.max(...named.map(({ name }) => name.length));
  return named.map(({ name, content }) => `${name.padEnd(width)}  ${content}\n`).join("");
}

/** Formats an integer with thousands separators: 10,000. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** Formats a count with a noun: 1 picture, 2 pictures. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Formats a mean to 4 significant digits; "none" for NaN, the mean of nothing; undefined if there is no mean. */
export function formatMean(mean: number, unit?: string): string;
/** Formats a mean to 4 significant digits; "none" for NaN; undefined for null or undefined. */
export function formatMean(mean: number | null | undefined, unit?: string): string | undefined;
export function formatMean(mean: number | null | undefined, unit = ""): string | undefined {
  if (mean === null || mean === undefined) return undefined;
  return Number.isNaN(mean) ? "none" : `${mean.toPrecision(4)}${unit}`;
}

/** Formats a fraction from 0 to 1 as a percentage with 3 significant digits: 12.5 %. */
export function formatShare(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
