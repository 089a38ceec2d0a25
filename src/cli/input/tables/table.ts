// A table of samples in memory: a row of cells for each sample, of which the chosen columns are numbers.

/** Column of a table whose cells are values of the samples. */
export interface TableColumn {
  readonly name: string;
  /** Index of the column in the file. */
  readonly place: number;
  /**
   * Values of a column of categories, one number each in a sample: 1 for the cell's value, 0 for all others; all NaN for a
   * missing cell. Undefined for a column of numbers.
   */
  readonly categories: readonly string[] | undefined;
}

/** Table that was read from a CSV or TSV file. */
export interface Table {
  /** Columns of the samples, in the order of their values. */
  readonly columns: readonly TableColumn[];
  /** Number of all columns in the file. */
  readonly columnsInFile: number;
  /** True if the file's first row has the names of the columns; without, they are called 1, 2, 3 and so on. */
  readonly hasHeader: boolean;
  readonly rows: number;
  /** Values of the samples, [rows, width]; NaN where a cell is missing. */
  readonly values: Float32Array;
  /** Identifiers of the rows, the cells of `--id-column`; undefined without. */
  readonly ids: readonly string[] | undefined;
  /** Text of the file, to write it with its missing cells filled; undefined unless it was asked for. */
  readonly text: TableText | undefined;
}

/** Text of a table's file, with the places of its rows. */
export interface TableText {
  /** Bytes of the file, unpacked. */
  readonly bytes: Uint8Array;
  readonly delimiter: string;
  /** True if numbers have a comma in place of the decimal point. */
  readonly decimalComma: boolean;
  /** Offsets in `bytes` of the first row's beginning, and of each row's end, behind its line end: rows + 1 numbers. */
  readonly bounds: Float64Array;
}

/** Returns the number of values that a column has in a sample. */
export function widthOf({ categories }: Pick<TableColumn, "categories">): number {
  return categories?.length ?? 1;
}

/** Returns the number of values in a sample. */
export function widthOfAll(columns: readonly TableColumn[]): number {
  return columns.reduce((sum, column) => sum + widthOf(column), 0);
}

/** Returns the names of a sample's values: `age`, and of a column of categories `sex=f`, `sex=m`. */
export function valueNames({ columns }: Pick<Table, "columns">): string[] {
  return columns.flatMap(({ name, categories }) =>
    categories ? categories.map((value) => `${name}=${value}`) : [name],
  );
}

/** Formats a column of categories as `--categories` takes it: `sex=f|m`. */
export function showCategories(name: string, categories: readonly string[]): string {
  return `${name}=${categories.join("|")}`;
}
