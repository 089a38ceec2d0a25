import { formatCsv, formatCsvRows } from "../../../files/csv.ts";
import type { Filling, Rewritable } from "../array-files/rewritable.ts";
import { fillingsOf, formatTable } from "./format-table.ts";
import { type Table, widthOfAll } from "./table.ts";

/**
 * Makes a table rewritable.
 *
 * @param table table that was read with `keepsText`
 */
export function rewritableTable(table: Table, isPacked: boolean): Rewritable {
  const isOfTabs = table.text?.delimiter === "\t";
  const width = widthOfAll(table.columns);
  return {
    kind: isOfTabs ? "a TSV file" : "a CSV file",
    endings: [isOfTabs ? ".tsv" : ".csv", ".txt"],
    isPacked,
    rows: table.rows,
    list: {
      ending: ".filled.csv",
      content: `row, ${table.ids ? "id, " : ""}column and value of each filled cell`,
      header: formatCsv(columnsOf(table, [])),
      piece: (first, filling) => formatCsvRows(columnsOf(table, cellsIn(table, first, filling))),
    },
    async *rewrite(fillings) {
      const values = new Float32Array(table.rows * width);
      let end = 0;
      for await (const filling of fillings) {
        values.set(filling, end);
        end += filling.length;
      }
      yield* formatTable(fillable(table, values), values);
    },
  };
}

/** Returns the table as if all of its cells were missing: which are filled is said by the values, NaN for those that are not. */
function fillable(table: Table, { length }: Filling): Table {
  return { ...table, values: new Float32Array(length).fill(Number.NaN) };
}

/** A cell that is filled. */
interface Cell {
  /** Number of the row in the file, from 0. */
  readonly row: number;
  readonly column: string;
  /** Text that is written into the cell. */
  readonly value: string;
}

/** Returns the cells that are filled in rows from index `first` on. */
function cellsIn(table: Table, first: number, filling: Filling): Cell[] {
  const width = widthOfAll(table.columns);
  const those = fillable(table, filling);
  const names = new Map(table.columns.map(({ name, place }) => [place, name]));
  return Array.from({ length: filling.length / width }, (_, i) =>
    Array.from(fillingsOf(those, filling, i * width, table.text!), ([place, value]) => ({
      row: first + i,
      column: names.get(place)!,
      value,
    })),
  ).flat();
}

function columnsOf({ ids }: Table, cells: readonly Cell[]) {
  return {
    row: cells.map(({ row }) => row),
    ...(ids && { id: cells.map(({ row }) => ids[row]!) }),
    column: cells.map(({ column }) => column),
    value: cells.map(({ value }) => value),
  };
}
