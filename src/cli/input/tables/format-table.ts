import { formatNumber, inQuotes, quoteCell } from "./cells.ts";
import { type Table, type TableColumn, type TableText, widthOf, widthOfAll } from "./table.ts";

/**
 * Writes a table with its missing cells filled, in the format of its file: all other cells, columns that are no values, the
 * delimiter, quotes, blank lines and line ends as they are there.
 *
 * @param table table that was read with `keepsText`
 * @param values values of the first rows, [rows, width], of which those in place of missing cells are written: numbers in the
 *   fewest digits that float32 reads back exactly, of categories the one with the largest value
 * @returns the bytes of the file, in pieces
 */
export function* formatTable(table: Table, values: Float32Array): Generator<Uint8Array> {
  const { text, columns, rows } = table;
  if (!text) throw new Error("the table was read without its text");
  const { bytes, bounds } = text;
  const width = widthOfAll(columns);
  const count = Math.min(rows, values.length / width);
  /** End of what is yielded. */
  let done = 0;
  for (let row = 0; row < count; row++) {
    const filled = fillingsOf(table, values, row * width, text);
    if (filled.size === 0) continue;
    const [start, end] = [bounds[row]!, bounds[row + 1]!];
    yield bytes.subarray(done, start);
    yield encoder.encode(fillRow(decoder.decode(bytes.subarray(start, end)), text.delimiter, filled));
    done = end;
  }
  // Blank lines may follow the last row.
  yield bytes.subarray(done, count === rows ? bytes.length : bounds[count]!);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Returns the texts that are written into a row's missing cells, by the index of their column in the file.
 *
 * @param first index of the row's first value
 */
export function fillingsOf(
  table: Table,
  values: Float32Array,
  first: number,
  text: TableText,
): Map<number, string> {
  const filled = new Map<number, string>();
  let at = first;
  for (const column of table.columns) {
    const end = at + widthOf(column);
    // All values of a missing cell are NaN.
    if (Number.isNaN(table.values[at])) {
      const cell = cellOf(column, values.subarray(at, end), text);
      if (cell !== undefined) filled.set(column.place, cell);
    }
    at = end;
  }
  return filled;
}

/** Formats the values of a cell; undefined if they are not finite. */
function cellOf({ categories }: TableColumn, values: Float32Array, text: TableText): string | undefined {
  if (!values.every(Number.isFinite)) return undefined;
  const most = values.indexOf(values.reduce((a, b) => Math.max(a, b)));
  return categories ? categories[most] : formatNumber(values[0]!, text.decimalComma);
}

/** Replaces cells of a row by their index. Spaces around them, and quotes, stay. */
function fillRow(row: string, delimiter: string, filled: ReadonlyMap<number, string>): string {
  const [blank = ""] = (delimiter === "\t" ? /^(?: *[\r\n])+/ : /^(?:[ \t]*[\r\n])+/).exec(row) ?? [];
  const [end = ""] = /[\r\n]*$/.exec(row) ?? [];
  const cells = splitRow(row.slice(blank.length, row.length - end.length), delimiter);
  const texts = cells.map((cell, place) => {
    const text = filled.get(place);
    if (text === undefined) return cell;
    const old = cell.trim();
    const quoted = old.startsWith('"') ? inQuotes(text) : quoteCell(text, delimiter);
    return old === "" ? quoted : cell.replace(old, () => quoted);
  });
  return blank + texts.join(delimiter) + end;
}

/** Splits a row at the delimiters outside of quotes. */
function splitRow(row: string, delimiter: string): string[] {
  const cells: string[] = [];
  let [start, isQuoted] = [0, false];
  for (let i = 0; i < row.length; i++) {
    if (row[i] === '"') isQuoted = !isQuoted;
    else if (!isQuoted && row[i] === delimiter) {
      cells.push(row.slice(start, i));
      start = i + 1;
    }
  }
  return [...cells, row.slice(start)];
}
