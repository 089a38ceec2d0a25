import type { LatentflowError } from "../../../base/errors.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import { hasComma } from "./cells.ts";
import { showValue } from "./column-names.ts";
import type { TableReading } from "./table-flags.ts";

// Cells that are no numbers in a column of numbers: what they are alike says what to do.

/** Maximum number of values for which categories are advised. */
const MOST_CATEGORIES = 20;

/** Cells of a column that are no numbers. */
export class OddCells {
  private count = 0;
  /** Different cells; no more are kept than are needed to tell that they are many. */
  private readonly values = new Set<string>();
  private hasRepeated = false;

  /**
   * @param first the first of these cells
   * @param offset offset of its row in the file
   */
  constructor(
    private readonly first: string,
    readonly offset: number,
  ) {}

  add(cell: string): void {
    this.count++;
    if (this.values.size > MOST_CATEGORIES) return;
    if (this.values.has(cell)) this.hasRepeated = true;
    this.values.add(cell);
  }

  /**
   * Makes the error that refuses the column.
   *
   * @param line number of the first cell's line
   * @param rows number of rows of the table
   */
  refusal(name: string, line: number, rows: number, reading: TableReading): LatentflowError {
    return invalidFile(
      `the column ${show(name)} has ${show(this.first)} in line ${line}, expected a finite number; ${this.advice(name, rows, reading)}`,
    );
  }

  private advice(name: string, rows: number, { isOfSamples, decimalComma }: TableReading): string {
    const value = showValue(name);
    if (!isOfSamples) return "name columns of numbers behind the file: FILE.csv#a,b";
    if (hasComma(this.first) && !decimalComma) return "for decimal commas give --decimal-comma";
    if (2 * this.count < rows) return "correct the cell, or empty it if the value is missing";
    const without = "leave the column out: name the others by --columns";
    if (this.hasRepeated && this.values.size <= MOST_CATEGORIES) {
      return `it has ${this.values.size} different texts: for categories give --categories ${value}, or ${without}`;
    }
    return `if it identifies the samples give --id-column ${value}, else ${without}`;
  }
}
