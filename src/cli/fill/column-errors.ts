import { type Table, widthOf } from "../input/tables/table.ts";
import type { HeldOut } from "./fill-values.ts";

/** Errors of one column's held-out cells. */
export interface ColumnErrors {
  readonly name: string;
  /** Number of cells that were held out. */
  readonly cells: number;
  /**
   * Whether the errors are root mean squares in the column's units, or of categories the share of cells that are wrong. NaN without
   * held-out cells.
   */
  readonly unit: "rmse" | "wrong";
  readonly fill: number;
  readonly mean: number;
  readonly pca: number;
}

/** Returns the first value of each cell of a row, and the value behind its last. */
export function cellsOf({ columns }: Pick<Table, "columns">): (readonly [first: number, end: number])[] {
  let first = 0;
  return columns.map((column) => {
    const end = first + widthOf(column);
    const cell = [first, end] as const;
    first = end;
    return cell;
  });
}

/** Returns the errors of the held-out cells of each column. */
export function columnErrors(table: Table, { places, truth, ...methods }: HeldOut): ColumnErrors[] {
  const cells = cellsOf(table);
  const width = cells.at(-1)?.[1] ?? 0;
  return table.columns.map(({ name, categories }, column) => {
    const [first, end] = cells[column]!;
    const held = places.filter((at) => at % width === first);
    const errorOf = (values: Float32Array) => {
      const sum = held.reduce((total, at) => {
        if (!categories) return total + (values[at]! - truth[at]!) ** 2;
        const [found, own] = [values, truth].map((each) => likeliest(each, at, at + end - first));
        return total + (found === own ? 0 : 1);
      }, 0);
      return categories ? sum / held.length : Math.sqrt(sum / held.length);
    };
    const errors = { fill: errorOf(methods.fill), mean: errorOf(methods.mean), pca: errorOf(methods.pca) };
    return { name, cells: held.length, unit: categories ? "wrong" : "rmse", ...errors };
  });
}

/** Returns the place of the largest of some values, from the first one. */
function likeliest(values: Float32Array, first: number, end: number): number {
  const own = values.subarray(first, end);
  return own.indexOf(own.reduce((a, b) => Math.max(a, b)));
}

/** Most decimals that are looked for in a column. */
const MOST_DECIMALS = 6;

/**
 * Rounds filled values to as many decimals as the seen values of their column have: to whole numbers in a column of whole
 * numbers.
 *
 * @param values [rows, width], the table's seen values and the filled ones, which are rounded in place
 */
export function roundAsSeen({ columns, values: given }: Table, values: Float32Array): void {
  const cells = cellsOf({ columns });
  const width = cells.at(-1)?.[1] ?? 0;
  for (const [column, { categories }] of columns.entries()) {
    if (categories) continue;
    const [at] = cells[column]!;
    let decimals = 0;
    for (let i = at; i < given.length && decimals <= MOST_DECIMALS; i += width) {
      while (!Number.isNaN(given[i]) && decimals <= MOST_DECIMALS && !hasDecimals(given[i]!, decimals))
        decimals++;
    }
    if (decimals > MOST_DECIMALS) continue;
    for (let i = at; i < values.length; i += width) {
      if (Number.isNaN(given[i])) values[i] = Number(values[i]!.toFixed(decimals));
    }
  }
}

/** True if a float32 is a number with so many decimals. */
function hasDecimals(value: number, decimals: number): boolean {
  return Math.fround(Number(value.toFixed(decimals))) === value;
}
