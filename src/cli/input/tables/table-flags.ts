import { InvalidArgumentError } from "commander";
import { flag, type OptionsOf } from "../../options/flag-table.ts";
import { parseNames } from "../../options/parse.ts";
import type { Table } from "./table.ts";

/** Help text for the option of a column of identifiers. */
export const idColumnHelp =
  "column of tables and Parquet files that identifies the samples; the results have it too";

/** Options for tables, CSV and TSV files, as samples. */
export const TABLE_FLAGS = {
  columns: flag(
    "<names>",
    "columns of the table or the Parquet file that are the samples' values, in this order: age,bmi say; may be repeated (default: of a table all but --id-column)",
    { parse: parseNames },
  ),
  categories: flag(
    "<names>",
    'columns of the table whose cells are categories, a value of 0 or 1 for each: sex, or with the categories in order "sex=f|m"; may be repeated',
    { parse: parseNames },
  ),
  delimiter: flag(
    "<character>",
    "character between the table's cells: , ; | or tab (default: by its first line, tab, semicolon or comma)",
    { parse: parseDelimiter },
  ),
  decimalComma: flag("", "numbers of the table have a comma in place of the decimal point: 1,5"),
};

/** Parsed options for tables. */
export interface TableFlags extends OptionsOf<Omit<typeof TABLE_FLAGS, "columns" | "categories">> {
  readonly columns?: readonly string[] | undefined;
  readonly categories?: readonly string[] | undefined;
  readonly idColumn?: string | undefined;
}

/** Settings for reading a table. */
export interface TableReading extends TableFlags {
  /** True for samples, whose options name columns; false for weights and others, which have none. Default false. */
  readonly isOfSamples?: boolean;
  /** Table that this one follows: its columns and categories are those of that table, by name. */
  readonly like?: Table | undefined;
  /** True to keep the text of the file, for `formatTable`. Default false. */
  readonly keepsText?: boolean;
}

/** Selects the settings for tables from a command's parsed options. */
export function tableReadingOf({
  columns,
  categories,
  delimiter,
  decimalComma,
  idColumn,
}: TableFlags): TableReading {
  return { isOfSamples: true, columns, categories, delimiter, decimalComma, idColumn };
}

/** Parses a delimiter: one character, or `tab`. */
function parseDelimiter(text: string): string {
  if (text === "tab" || text === "\\t" || text === "\t") return "\t";
  if (/^[!-~]$/.test(text) && !/[\w".+-]/.test(text)) return text;
  throw new InvalidArgumentError("Expected one character that is in no number, or tab: ';' say.");
}
