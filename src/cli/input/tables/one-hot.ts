import { inPieces, inTurns } from "../../../base/event-loop.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import { allocate, checkSize, type Limits } from "../../../files/limits.ts";
import { type TableColumn, widthOf } from "./table.ts";

/**
 * Replaces the columns of categories by one value for each category: 1 for that of the row, else 0; NaN if it is missing.
 *
 * @param found for each column of categories, the index of each category; undefined for a column of numbers
 * @param numbers numbers of the rows, [rows, columns], a category as its index
 * @returns the columns with their categories, those that were given or else those found, sorted; and the values, [rows, width]
 * @throws LatentflowError `invalid_file` if a column has no category, or the values take more than `maxBytes`
 */
export async function oneHot(
  columns: readonly TableColumn[],
  found: readonly (ReadonlyMap<string, number> | undefined)[],
  numbers: Float32Array,
  { maxBytes, signal }: Limits,
): Promise<{ columns: readonly TableColumn[]; values: Float32Array }> {
  if (found.every((categories) => categories === undefined)) return { columns, values: numbers };
  const complete = columns.map((column, i): TableColumn => {
    const categories = found[i] && [...found[i].keys()];
    if (categories?.length === 0) {
      throw invalidFile(`the column ${show(column.name)} of categories has none in any row; leave it out`);
    }
    return { ...column, categories: column.categories?.length ? column.categories : categories?.sort() };
  });
  /** Place of each category's value among those of its column. */
  const places = complete.map(({ categories }, i) => {
    const order = new Map(categories?.map((value, place) => [value, place]));
    return found[i] && Array.from(found[i].keys(), (value) => order.get(value)!);
  });
  const widths = complete.map(widthOf);
  const rows = numbers.length / columns.length;
  const width = widths.reduce((sum, each) => sum + each, 0);
  checkSize("as float32 its values, with one for each category, take", 4 * rows * width, maxBytes);
  const values = allocate(Float32Array, rows * width);
  let to = 0;
  const fill = (start: number, end: number) => {
    for (let i = start; i < end; i++) {
      const column = i % columns.length;
      const number = numbers[i]!;
      const ranks = places[column];
      if (!ranks) values[to] = number;
      else if (Number.isNaN(number)) values.fill(Number.NaN, to, to + ranks.length);
      else values[to + ranks[number]!] = 1;
      to += widths[column]!;
    }
  };
  await inTurns(inPieces(numbers.length, fill), signal);
  return { columns: complete, values };
}
