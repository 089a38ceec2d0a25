import { type ParquetType, parquetSchema, type SchemaElement, type SchemaTree } from "hyparquet";
import { invalid } from "../../../base/refuse.ts";
import { show, showList } from "../../../base/show.ts";
import type { ValueType } from "../../../base/values.ts";
import { namesIn } from "../tables/column-names.ts";
import { type ParquetFile, reading } from "./parquet-file.ts";

/** Column of a Parquet table. A struct is one column here, although the file stores a column for each of its fields. */
export interface ParquetColumn {
  readonly name: string;
  readonly tree: SchemaTree;
  /**
   * Schema element of the values, and the number of lists nested around them; undefined for a struct, a map, or lists of
   * these.
   */
  readonly values: { readonly element: SchemaElement; readonly lists: number } | undefined;
}

/** Returns the columns of a Parquet file in the order of its schema. */
export function columnsOf({ where, metadata }: ParquetFile): Promise<ParquetColumn[]> {
  return reading(where, () =>
    parquetSchema(metadata).children.map((tree) => ({
      name: tree.element.name,
      tree,
      values: valuesOf(tree),
    })),
  );
}

function valuesOf({ element, children }: SchemaTree): ParquetColumn["values"] {
  // A repeated element outside of a list group is a list, too.
  if (children.length === 0) return { element, lists: element.repetition_type === "REPEATED" ? 1 : 0 };
  const [child, ...others] = children as [SchemaTree];
  const isList = element.converted_type === "LIST" || element.logical_type?.type === "LIST";
  if (!isList || others.length > 0 || child.element.repetition_type !== "REPEATED") return undefined;
  if (child.children.length === 0) return { element: child.element, lists: 1 };
  const inner = child.children.length === 1 ? valuesOf(child.children[0]!) : undefined;
  return inner && { element: inner.element, lists: inner.lists + 1 };
}

/**
 * Returns the column with the given name.
 *
 * @throws LatentflowError if no column has the name, or several have
 */
export function findColumn(where: string, columns: readonly ParquetColumn[], name: string): ParquetColumn {
  const [column, ...others] = columns.filter((each) => each.name === name);
  if (!column) {
    throw invalid(`${where}: the Parquet file has no column ${show(name)}; it has ${listColumns(columns)}`);
  }
  if (others.length === 0) return column;
  throw invalid(
    `${where}: the Parquet file has ${others.length + 1} columns ${show(name)}; give them names of their own`,
  );
}

/**
 * Returns the columns named in `texts`, each one name or several with commas between them; without texts, the file's only
 * column or its only column of lists.
 *
 * @param choice shows how to name a column on the command line, for messages
 * @throws LatentflowError if a named column does not exist, or names are needed
 */
export function chooseColumns(
  where: string,
  columns: readonly ParquetColumn[],
  texts: readonly string[] | undefined,
  choice: (name: string) => string,
): ParquetColumn[] {
  if (texts) {
    const isName = (text: string) => columns.some(({ name }) => name === text);
    return namesIn(texts, isName).map((name) => findColumn(where, columns, name));
  }
  const lists = columns.filter(({ values }) => values && values.lists > 0);
  if (columns.length === 1) return [...columns];
  if (lists.length === 1) return lists;
  if (columns.length === 0) throw invalid(`${where}: the Parquet file has no columns`);
  throw invalid(
    `${where}: the Parquet file has the columns ${listColumns(columns)}; say which, as in ${choice(columns[0]!.name)}, or ` +
      "several of one number each with commas between them",
  );
}

function listColumns(columns: readonly ParquetColumn[]): string {
  return showList(columns.map(({ name }) => show(name)));
}

const PHYSICAL: { readonly [type in ParquetType]?: ValueType } = {
  FLOAT: "float32",
  DOUBLE: "float64",
  INT32: "int32",
  INT64: "int64",
  BOOLEAN: "bool",
};

/**
 * Returns the number type of a column's values, or of the values in its lists.
 *
 * @throws LatentflowError if they are not numbers
 */
export function typeOfNumbers(where: string, column: ParquetColumn): ValueType {
  const { element } = column.values ?? {};
  const logical = element?.logical_type;
  if (logical?.type === "FLOAT16" && element?.type === "FIXED_LEN_BYTE_ARRAY" && element.type_length === 2)
    return "float16";
  const known = element?.type && PHYSICAL[element.type];
  if (element && known && isPlainNumber(element)) return isByte(element) ? "uint8" : known;
  throw invalid(
    `${where}: the column ${show(column.name)} is ${describe(column)}, expected numbers, or lists of them that are all of ` +
      `one length; ${cureOf(column)}`,
  );
}

function isByte({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return (
    converted === "UINT_8" || (logical?.type === "INTEGER" && logical.bitWidth === 8 && !logical.isSigned)
  );
}

/** True if the values are plain numbers, not dates, decimals or the like. */
function isPlainNumber({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return (
    (converted === undefined || /^U?INT_\d+$/.test(converted)) &&
    (logical === undefined || logical.type === "INTEGER")
  );
}

/** Type of sample identifiers: texts or integers. */
export type IdsType = "text" | "integer";

/**
 * Returns the type of a column of sample identifiers.
 *
 * @throws LatentflowError if the values are neither texts nor integers
 */
export function typeOfIds(where: string, column: ParquetColumn): IdsType {
  const { element, lists } = column.values ?? {};
  if (element && lists === 0) {
    const { type, converted_type: converted, logical_type: logical } = element;
    const isText =
      (converted === undefined || converted === "UTF8" || converted === "ENUM") &&
      (logical === undefined || logical.type === "STRING" || logical.type === "ENUM");
    if (type === "BYTE_ARRAY" && isText) return "text";
    if ((type === "INT32" || type === "INT64") && isPlainNumber(element)) return "integer";
  }
  throw invalid(
    `${where}: the column ${show(column.name)} of identifiers is ${describe(column)}, expected texts or whole numbers; ` +
      "cast it to texts",
  );
}

function describe({ tree, values }: ParquetColumn): string {
  if (values) {
    const { element, lists } = values;
    const type = element.logical_type?.type ?? element.converted_type ?? element.type;
    return `${lists > 0 ? "of lists " : ""}of ${isTexts(element) ? "texts" : `the type ${type}`}`;
  }
  const { converted_type: converted, logical_type: logical } = tree.element;
  if (/^MAP/.test(`${logical?.type ?? converted}`)) return "a map";
  return converted === "LIST" || logical?.type === "LIST" ? "of lists of structs or maps" : "a struct";
}

function isTexts({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === "UTF8" || logical?.type === "STRING";
}

function cureOf({ values }: ParquetColumn): string {
  if (!values) return "make a column of each of its fields";
  return isTexts(values.element) || values.element.type === "BYTE_ARRAY"
    ? "write the numbers that it stands for"
    : "cast it to float32";
}
