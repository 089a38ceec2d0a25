import { invalid, invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import { ColumnNames, namesIn, showValue } from "./column-names.ts";
import type { Table, TableColumn } from "./table.ts";
import type { TableReading } from "./table-flags.ts";

// Chooses the columns of a table that are values of the samples, by its first row and the command's options.

/** Columns that are read of a table. */
export interface TableLayout {
  /** Columns of the samples; those of categories that are not known before all rows are read have an empty list. */
  readonly columns: readonly TableColumn[];
  readonly columnsInFile: number;
  /** Index of the column of identifiers; undefined without. */
  readonly idPlace: number | undefined;
}

/**
 * Returns the names of a table's columns: the cells of its first row, or numbers from 1 if there is no header. A cell without
 * a name is called by its number.
 */
export function columnNames(firstRow: readonly string[], hasHeader: boolean): string[] {
  return firstRow.map((name, place) => (hasHeader && name !== "" ? name : `${place + 1}`));
}

/**
 * Chooses the columns of the samples.
 *
 * @param firstRow cells of the table's first row
 * @throws LatentflowError if a named column does not exist, or columns without names or of one name would be chosen
 */
export function layoutOf(
  firstRow: readonly string[],
  hasHeader: boolean,
  { columns: texts, idColumn, categories: given, like }: TableReading,
): TableLayout {
  const all = new ColumnNames(columnNames(firstRow, hasHeader));
  const idPlace = idColumn === undefined ? undefined : all.find(idColumn);
  const categories = like ? categoriesOf(like) : categoriesIn(given ?? [], all);
  const named = like?.columns.map(({ name }) => name) ?? (texts && namesIn(texts, all.has));
  if (!named && hasHeader) refuseUnnamed(firstRow, idPlace);
  const names = named ?? all.names.filter((_, place) => place !== idPlace);
  if (names.length === 0) throw invalidFile("the table has no columns besides the one of identifiers");
  const unused = [...categories.keys()].find((name) => !names.includes(name));
  if (unused !== undefined) {
    throw invalid(
      `--categories ${showValue(unused)}: the column is not among those of the samples; name it in --columns, too`,
    );
  }
  const columns = names.map((name) => ({ name, place: all.find(name), categories: categories.get(name) }));
  const twice = new Set<number>();
  for (const { name, place } of columns) {
    if (twice.has(place)) throw invalid(`the column ${show(name)} is named twice, expected each column once`);
    twice.add(place);
  }
  return { columns, columnsInFile: firstRow.length, idPlace };
}

/** Refuses a table with a column that has no name, as row numbers of pandas and R have none. */
function refuseUnnamed(firstRow: readonly string[], idPlace: number | undefined): void {
  const place = firstRow.findIndex((name, i) => name === "" && i !== idPlace);
  if (place < 0) return;
  throw invalidFile(
    `column ${place + 1} has no name in the header, expected a name for each; if it numbers the rows, give ` +
      `--id-column ${place + 1}, else name those that are values by --columns`,
  );
}

function categoriesOf({ columns }: Table): Map<string, readonly string[] | undefined> {
  return new Map(
    columns.flatMap(({ name, categories }) => (categories ? [[name, categories] as const] : [])),
  );
}

/** Returns the columns that `--categories` names, `sex` or `sex=f|m`, with their values; empty for those that are to be found. */
function categoriesIn(texts: readonly string[], all: ColumnNames): Map<string, readonly string[]> {
  const categories = new Map<string, readonly string[]>();
  for (const text of namesIn(texts, all.has)) {
    const [, name = text, list] = (!all.has(text) && /^(.*?)=(.*)$/s.exec(text)) || [];
    const values = list?.split("|") ?? [];
    all.find(name);
    if (categories.has(name))
      throw invalid(`--categories ${showValue(name)}: the column is named twice, expected once`);
    if (new Set(values).size < values.length || values.includes("")) {
      throw invalid(
        `--categories ${showValue(text)}: expected values that differ, with | between them: ${showValue("sex=f|m")}`,
      );
    }
    categories.set(name, values);
  }
  return categories;
}
