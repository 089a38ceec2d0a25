import type { FileHandle } from "node:fs/promises";
import * as zlib from "node:zlib";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type SchemaElement,
  type SchemaTree,
} from "hyparquet";
import { throwIfAborted } from "../../brand.ts";
import { invalid, invalidFile, show } from "../../check.ts";
import { type DataArray, elementCount } from "../../data/array.ts";
import { LatentflowError } from "../../errors.ts";
import { allocate, type Limits } from "../../source.ts";
import type { ValueType } from "../../values.ts";
import type { ArrayFile } from "./array-file.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { readBytes } from "./read-bytes.ts";

// Samples in a Parquet file: a column of lists that are all of one length, nested or not, or several columns of numbers.
// A row group is read as a whole, and kept until another one is.

/** Values that are unpacked at once, 8 bytes each: those of one row group. */
const MOST_VALUES = 2 ** 26;

/** How the bytes of a page are unpacked, beside what the library knows, Snappy. */
const compressors: Compressors = {
  GZIP: (bytes) => zlib.gunzipSync(bytes),
  BROTLI: (bytes) => zlib.brotliDecompressSync(bytes),
  ...("zstdDecompressSync" in zlib && {
    ZSTD: (bytes: Uint8Array) =>
      (zlib as unknown as { zstdDecompressSync(bytes: Uint8Array): Uint8Array }).zstdDecompressSync(bytes),
  }),
};

/** What a column of identifiers holds. */
export type Ids = readonly string[] | BigInt64Array;

/** A Parquet file that has been opened. */
interface Opened {
  readonly where: string;
  readonly handle: FileHandle;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: readonly SchemaTree[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens the columns of a Parquet file that `names` says, with commas between them; without it the only one that there is,
 * or the only one of lists.
 *
 * @throws LatentflowError where it is no Parquet file, has no such columns, or other values than numbers in them
 */
export async function openParquet(
  where: string,
  handle: FileHandle,
  names: string | undefined,
  choice: (name: string) => string,
  limits: Limits,
): Promise<ArrayFile> {
  const opened = await open(where, handle, limits);
  const chosen = chooseColumns(opened, names, choice);
  const isList = isListColumn(chosen[0]!);
  if (chosen.length > 1 && chosen.some(isListColumn)) {
    const list = chosen.find(isListColumn)!;
    throw invalid(
      `${where}: the column ${show(list.element.name)} is one of lists, which stands alone; name it alone, or columns of ` +
        "one number each",
    );
  }
  const types = chosen.map((column) => typeOf(where, column));
  const other = types.findIndex((type) => (type === "uint8") !== (types[0] === "uint8"));
  if (other > 0) {
    throw invalid(
      `${where}: the columns ${show(chosen[0]!.element.name)} and ${show(chosen[other]!.element.name)} are of the types ` +
        `${types[0]} and ${types[other]}; bytes are divided by 255 and others are not: save them as one type`,
    );
  }
  const rowCount = Number(opened.metadata.num_rows);
  const rows = new ParquetRows(opened, chosen);
  const rowShape = isList ? await rows.firstShape() : [chosen.length];
  return {
    shape: [rowCount, ...rowShape],
    type: types[0]!,
    read: (start, end) => rows.read(start, end, rowShape, types[0]!),
    fingerprint: () => fingerprintOfFile(opened, chosen),
  };
}

/** Opens the column of a file that says who each row is. */
export async function openIds(where: string, handle: FileHandle, name: string, limits: Limits) {
  const opened = await open(where, handle, limits);
  const column = opened.columns.find(({ element }) => element.name === name);
  if (!column) throw invalid(`${where}: ${noColumn(opened, name)}`);
  const { type } = column.element;
  const isText = type === "BYTE_ARRAY";
  const isInteger = (type === "INT32" || type === "INT64") && !isTime(column.element);
  if (column.children.length > 0 || !(isText || isInteger)) {
    throw invalid(
      `${where}: the column ${show(name)} of identifiers is ${describe(column)}, expected texts or whole numbers`,
    );
  }
  const rows = new ParquetRows(opened, [column]);
  return {
    count: Number(opened.metadata.num_rows),
    async read(first: number, end: number): Promise<Ids> {
      const values = await rows.column(column, first, end);
      const missing = values.findIndex((value) => value === null || value === undefined);
      if (missing >= 0)
        throw invalidFile(`${where}: the column ${show(name)} has nothing in row ${first + missing}`);
      return isText
        ? values.map(String)
        : BigInt64Array.from(values as number[], (value) => BigInt.asIntN(64, BigInt(value)));
    },
  };
}

/** What reads identifiers. */
export type IdsFile = Awaited<ReturnType<typeof openIds>>;

async function open(where: string, handle: FileHandle, limits: Limits): Promise<Opened> {
  const { size } = await handle.stat();
  const buffer: AsyncBuffer = {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = allocate(where, Uint8Array, Math.max(0, end - start));
      const count = await readBytes(where, handle, bytes, start);
      if (count < bytes.length) throw invalidFile(`${where}: the Parquet file is cut short or damaged`);
      return bytes.buffer as ArrayBuffer;
    },
  };
  const metadata = await reading(where, () => parquetMetadataAsync(buffer));
  const schema = await reading(where, async () => parquetSchema(metadata));
  return { where, handle, buffer, metadata, columns: schema.children, signal: limits.signal };
}

/** What the library throws is about the file. */
async function reading<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LatentflowError) throw cause;
    const { message } = cause as Error;
    const cure = /unsupported compression codec/.test(message)
      ? `${message.replace(/^parquet /, "")}; write it with compression="snappy", say`
      : `the Parquet file is damaged, or of a kind that is not read: ${message}`;
    throw invalidFile(`${where}: ${cure}`, cause);
  }
}

function chooseColumns(
  opened: Opened,
  names: string | undefined,
  choice: (name: string) => string,
): SchemaTree[] {
  const { where, columns } = opened;
  if (names !== undefined) {
    // A name may have a comma in it.
    const alone = columns.find(({ element }) => element.name === names);
    if (alone) return [alone];
    return names.split(",").map((name) => {
      const column = columns.find(({ element }) => element.name === name);
      if (!column) throw invalid(`${where}: ${noColumn(opened, name)}`);
      return column;
    });
  }
  const lists = columns.filter(isListColumn);
  if (columns.length === 1) return [...columns];
  if (lists.length === 1) return lists;
  const [first = ""] = columns.map(({ element }) => element.name);
  throw invalid(
    `${where}: the Parquet file has the columns ${listColumns(columns)}; say which, as in ${choice(first)}, or several ` +
      "of one number each with commas between them",
  );
}

function noColumn({ columns }: Opened, name: string): string {
  return `the Parquet file has no column ${show(name)}; it has ${listColumns(columns)}`;
}

function listColumns(columns: readonly SchemaTree[]): string {
  const shown = 8;
  const rest = columns.length - shown;
  const names = columns.slice(0, shown).map(({ element }) => show(element.name));
  return names.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function isListColumn({ children }: SchemaTree): boolean {
  return children.length === 1;
}

const PHYSICAL: { readonly [type in NonNullable<SchemaElement["type"]>]?: ValueType } = {
  ...{ FLOAT: "float32", DOUBLE: "float64", INT32: "int32", INT64: "int64", BOOLEAN: "bool" },
};

/** The type of a column's numbers, within as many lists as there are. */
function typeOf(where: string, column: SchemaTree): ValueType {
  let leaf = column;
  while (leaf.children.length === 1) leaf = leaf.children[0]!;
  const { element } = leaf;
  const { type, logical_type: logical } = element;
  const known = type && PHYSICAL[type];
  const isOther = leaf.children.length > 1 || isTime(element) || logical?.type === "DECIMAL";
  if (logical?.type === "FLOAT16") return "float16";
  if (known === undefined || isOther) {
    throw invalid(
      `${where}: the column ${show(column.element.name)} is ${describe(column)}, expected numbers, or lists of them that ` +
        "are all of one length",
    );
  }
  const isByte =
    element.converted_type === "UINT_8" ||
    (logical?.type === "INTEGER" && logical.bitWidth === 8 && !logical.isSigned);
  return isByte ? "uint8" : known;
}

function isTime({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return /TIME|DATE|INTERVAL/.test(`${converted} ${logical?.type}`);
}

function describe({ element, children }: SchemaTree): string {
  if (children.length > 1) return "a struct";
  return children.length === 1 ? "of lists" : `of type ${element.logical_type?.type ?? element.type}`;
}

/** The rows of some columns. */
class ParquetRows {
  /** The row group that was read last, by its first row: its columns, in their order. */
  private kept: { readonly first: number; readonly columns: readonly ArrayLike<unknown>[] } | undefined;

  constructor(
    private readonly opened: Opened,
    private readonly columns: readonly SchemaTree[],
  ) {}

  /** The shape of the first row's lists. */
  async firstShape(): Promise<number[]> {
    const { where, metadata } = this.opened;
    if (metadata.num_rows === 0n) throw invalidFile(`${where}: the Parquet file has no rows`);
    const [group] = this.groups();
    const shape: number[] = [];
    // So that a group too large to be unpacked is refused before it is.
    let value: unknown = (await this.firstRows(group!.count))[0];
    while (isList(value)) {
      shape.push(value.length);
      value = value[0];
    }
    return shape;
  }

  private async firstRows(count: number): Promise<ArrayLike<unknown>> {
    const [column] = this.columns;
    this.checkSize(column!, 0, count);
    return this.column(column!, 0, 1);
  }

  async read(
    start: number,
    end: number,
    rowShape: readonly number[],
    type: ValueType,
  ): Promise<DataArray["data"]> {
    const { where } = this.opened;
    const size = elementCount(rowShape);
    const data =
      type === "uint8"
        ? allocate(where, Uint8Array, end - start)
        : allocate(where, Float32Array, end - start);
    const [firstRow, endRow] = [start / size, end / size];
    for (const { first, count } of this.groups()) {
      if (first + count <= firstRow || first >= endRow) continue;
      const columns = await this.group(first, count);
      for (let row = Math.max(first, firstRow); row < Math.min(first + count, endRow); row++) {
        const to = (row - firstRow) * size;
        columns.forEach((column, k) => {
          const value = column[row - first];
          if (columns.length === 1) this.flatten(value, rowShape, data.subarray(to, to + size), row);
          else this.put(value, data, to + k, row);
        });
      }
    }
    return data;
  }

  /** The values of one column in some rows. */
  async column(column: SchemaTree, first: number, end: number): Promise<unknown[]> {
    const values: unknown[] = [];
    for (const group of this.groups()) {
      const [from, to] = [Math.max(first, group.first), Math.min(end, group.first + group.count)];
      if (from >= to) continue;
      const whole = await this.group(group.first, group.count);
      const k = this.columns.indexOf(column);
      for (let row = from; row < to; row++) values.push(whole[k]![row - group.first]);
    }
    return values;
  }

  private groups(): { readonly first: number; readonly count: number }[] {
    let first = 0;
    return this.opened.metadata.row_groups.map(({ num_rows }) => {
      const group = { first, count: Number(num_rows) };
      first += group.count;
      return group;
    });
  }

  private async group(first: number, count: number): Promise<readonly ArrayLike<unknown>[]> {
    if (this.kept?.first === first) return this.kept.columns;
    const { where, buffer, metadata } = this.opened;
    this.kept = undefined;
    const columns: ArrayLike<unknown>[] = [];
    for (const column of this.columns) {
      this.checkSize(column, first, count);
      const { name } = column.element;
      const values = await reading(where, async () => {
        const scan = await parquetScan({ file: buffer, metadata, columns: [name], compressors });
        return scan.readColumn({ column: name, rowStart: first, rowEnd: first + count });
      });
      columns.push(values);
    }
    this.kept = { first, columns };
    return columns;
  }

  /** Refuses a row group that would not fit into memory: how many values it has stands in the file's metadata. */
  private checkSize(column: SchemaTree, first: number, count: number): void {
    const { where, metadata } = this.opened;
    const index = this.groups().findIndex((group) => group.first === first);
    const { name } = column.element;
    const chunk = metadata.row_groups[index]!.columns.find(
      (each) => each.meta_data?.path_in_schema[0] === name,
    );
    const values = Number(chunk?.meta_data?.num_values ?? 0n);
    if (values <= MOST_VALUES) return;
    const rows = Math.max(1, Math.floor((count * MOST_VALUES) / values / 2));
    throw invalidFile(
      `${where}: a row group has ${values} values in the column ${show(name)}, more than the ${MOST_VALUES} that are ` +
        `unpacked at once; write the file with smaller ones: row_group_size=${rows} in pyarrow`,
    );
  }

  private flatten(
    value: unknown,
    shape: readonly number[],
    into: Uint8Array | Float32Array,
    row: number,
  ): void {
    const [length, ...inner] = shape;
    if (length === undefined) {
      this.put(value, into, 0, row);
      return;
    }
    if (!isList(value) || value.length !== length) {
      const found = isList(value) ? `a list of ${value.length}` : show(value);
      throw invalidFile(
        `${this.opened.where}: row ${row} has ${found}, expected ${length} values, as the first row has`,
      );
    }
    const size = elementCount(inner);
    for (let i = 0; i < length; i++) {
      if (inner.length === 0) this.put(value[i], into, i, row);
      else this.flatten(value[i], inner, into.subarray(i * size, (i + 1) * size), row);
    }
  }

  private put(value: unknown, into: Uint8Array | Float32Array, at: number, row: number): void {
    const number = typeof value === "number" ? value : toNumber(value);
    if (number === undefined || (Number.isFinite(number) && !Number.isFinite(Math.fround(number)))) {
      const found = value === null || value === undefined ? "nothing" : show(value);
      throw invalidFile(
        `${this.opened.where}: row ${row} has ${found}, expected a number that float32 can stand for` +
          (found === "nothing" ? "; write NaN, and weights that are 0 there" : ""),
      );
    }
    into[at] = number;
  }
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** A whole number or a truth value as a number; undefined of what is none, or would not stay what it is. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "bigint") return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

async function fingerprintOfFile({ buffer, metadata, where, signal }: Opened, chosen: readonly SchemaTree[]) {
  const names = chosen.map(({ element }) => element.name);
  return reading(where, () =>
    fingerprintOf(`${JSON.stringify(names)} ${metadata.num_rows}`, buffer.byteLength, async (start, end) => {
      throwIfAborted(signal);
      return new Uint8Array(await buffer.slice(start, end));
    }),
  );
}
