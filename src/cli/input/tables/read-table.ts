import { inTurns } from "../../../base/event-loop.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { show, showList } from "../../../base/show.ts";
import { allocate, checkSize, type Limits } from "../../../files/limits.ts";
import { isMissing, toNumber } from "./cells.ts";
import { showValue } from "./column-names.ts";
import { OddCells } from "./odd-cells.ts";
import { oneHot } from "./one-hot.ts";
import { Rounding } from "./rounding.ts";
import { showCategories, type Table, type TableColumn } from "./table.ts";
import type { TableReading } from "./table-flags.ts";
import { layoutOf, type TableLayout } from "./table-layout.ts";
import { parseRows } from "./table-rows.ts";
import { checkText, findDelimiter, rowLine } from "./table-text.ts";

/**
 * Reads a table into memory: its first row has the names of the columns, unless all of its cells are numbers.
 *
 * @param bytes text of the table
 * @throws LatentflowError `invalid_file` if the rows differ in their number of cells, a cell of the samples is no number, or
 *   the values take more than `maxBytes`
 */
export async function readTable(bytes: Uint8Array, reading: TableReading, limits: Limits): Promise<Table> {
  const start = await inTurns(checkText(bytes), limits.signal);
  const delimiter = reading.delimiter ?? findDelimiter(bytes, start);
  const reader = new TableReader(bytes, start, delimiter, reading, limits);
  await parseRows(bytes, start, delimiter, (cells, end) => reader.take(cells, end), limits.signal);
  return reader.table();
}

/** Takes the rows of a table one after the other. */
class TableReader {
  private layout: TableLayout | undefined;
  private hasHeader = true;
  private rows = 0;
  /** Numbers of the rows, [rows, columns], with room for more. A category is its index in `categories`. */
  private numbers = new Float32Array(0);
  /** For each column of categories, the index of each in the order in which they come; undefined for a column of numbers. */
  private categories: (Map<string, number> | undefined)[] = [];
  /** For each column of numbers, its cells that are none; undefined without. */
  private readonly odd: (OddCells | undefined)[] = [];
  /** For each column of numbers, what float32 loses of it. */
  private readonly roundings: (Rounding | undefined)[] = [];
  private readonly ids: string[] = [];
  /** Offsets of the first row's beginning and of the rows' ends, if the text is kept. */
  private readonly bounds: number[] = [];
  /** Offset of the end of the row before. */
  private last: number;

  constructor(
    private readonly bytes: Uint8Array,
    start: number,
    private readonly delimiter: string,
    private readonly reading: TableReading,
    private readonly limits: Limits,
  ) {
    this.last = start;
  }

  take(cells: readonly string[], end: number): void {
    if (this.layout) this.takeRow(this.layout, cells);
    else {
      this.layout = this.layoutBy(cells);
      if (!this.hasHeader) this.takeRow(this.layout, cells);
    }
    this.last = end;
    if (this.reading.keepsText) this.bounds.push(end);
  }

  /** Chooses columns by the first row. */
  private layoutBy(cells: readonly string[]): TableLayout {
    const { decimalComma = false, keepsText } = this.reading;
    this.hasHeader = cells.some((cell) => isMissing(cell) || toNumber(cell, decimalComma) === undefined);
    if (!this.hasHeader && keepsText) this.bounds.push(this.last);
    const layout = layoutOf(cells, this.hasHeader, this.reading);
    this.categories = layout.columns.map(
      ({ categories }) => categories && new Map(categories.map((value, i) => [value, i])),
    );
    return layout;
  }

  private takeRow({ columns, columnsInFile, idPlace }: TableLayout, cells: readonly string[]): void {
    if (cells.length !== columnsInFile) throw this.ragged(cells.length, columnsInFile);
    const first = this.rows * columns.length;
    this.makeRoom(first + columns.length);
    const { decimalComma = false } = this.reading;
    for (let i = 0; i < columns.length; i++) {
      const cell = cells[columns[i]!.place]!;
      const categories = this.categories[i];
      const number = categories
        ? this.categoryOf(columns[i]!, categories, cell)
        : toNumber(cell, decimalComma);
      if (number !== undefined) {
        this.numbers[first + i] = number;
        if (!categories) this.roundingOf(i).add(number);
      } else {
        const odd = this.odd[i] ?? new OddCells(cell, this.last);
        this.odd[i] = odd;
        odd.add(cell);
      }
    }
    if (idPlace !== undefined) this.takeId(cells[idPlace]!);
    this.rows++;
  }

  private roundingOf(column: number): Rounding {
    this.roundings[column] ??= new Rounding();
    return this.roundings[column];
  }

  private takeId(id: string): void {
    if (id === "") {
      const name = show(this.reading.idColumn);
      throw invalidFile(
        `line ${this.line()} of the column ${name} of identifiers is empty; give each row one`,
      );
    }
    this.ids.push(id);
  }

  private categoryOf(column: TableColumn, categories: Map<string, number>, cell: string): number {
    if (isMissing(cell)) return Number.NaN;
    const known = categories.get(cell);
    if (known !== undefined) return known;
    const given = column.categories!;
    if (given.length > 0) {
      const all = showValue(showCategories(column.name, [...given, cell]));
      throw invalidFile(
        `the column ${show(column.name)} has ${show(cell)} in line ${this.line()}, expected one of its categories, ` +
          `${showList(given.map((value) => show(value)))}; correct it, or give the categories: --categories ${all}`,
      );
    }
    categories.set(cell, categories.size);
    return categories.size - 1;
  }

  /** Makes room for `count` numbers. */
  private makeRoom(count: number): void {
    if (count <= this.numbers.length) return;
    const { maxBytes } = this.limits;
    checkSize("as float32 its values take", 4 * count, maxBytes);
    const most = Math.floor(maxBytes / 4);
    const larger = allocate(Float32Array, Math.max(count, Math.min(most, 2 * count)));
    larger.set(this.numbers);
    this.numbers = larger;
  }

  private ragged(found: number, expected: number) {
    const delimiter = this.delimiter === "\t" ? "a tab" : `"${this.delimiter}"`;
    return invalidFile(
      `line ${this.line()} has ${found} cell${found === 1 ? "" : "s"}, expected ${expected}, as the first row has; put quotes ` +
        `around cells with ${delimiter} in them, or give another --delimiter`,
    );
  }

  private coarse(name: string, { least, most }: Rounding) {
    const { isOfSamples } = this.reading;
    const others = isOfSamples ? `; if it identifies the samples give --id-column ${showValue(name)}` : "";
    return invalidFile(
      `the column ${show(name)} has numbers from ${least} to ${most}, which float32 does not tell apart; subtract ` +
        `${Number(((least + most) / 2).toPrecision(3))}, say, from each${others}`,
    );
  }

  /** Returns the number of a row's first line, by default of the current row's. */
  private line(offset = this.last): number {
    return rowLine(this.bytes, offset);
  }

  /** Returns the table of all rows. */
  async table(): Promise<Table> {
    const { layout, rows, hasHeader, reading, odd, limits } = this;
    if (!layout || rows === 0) throw invalidFile("the table has no rows besides its header; leave it out");
    const place = odd.findIndex((cells) => cells !== undefined);
    if (place >= 0) {
      const { name } = layout.columns[place]!;
      throw odd[place]!.refusal(name, this.line(odd[place]!.offset), rows, reading);
    }
    this.roundings.forEach((rounding, i) => {
      if (rounding?.isCoarse) throw this.coarse(layout.columns[i]!.name, rounding);
    });
    const numbers = this.numbers.subarray(0, rows * layout.columns.length);
    const { columns, values } = await oneHot(layout.columns, this.categories, numbers, limits);
    return {
      columns,
      columnsInFile: layout.columnsInFile,
      hasHeader,
      rows,
      values,
      ids: layout.idPlace === undefined ? undefined : this.ids,
      text: reading.keepsText
        ? {
            bytes: this.bytes,
            delimiter: this.delimiter,
            decimalComma: reading.decimalComma ?? false,
            bounds: Float64Array.from(this.bounds),
          }
        : undefined,
    };
  }
}
