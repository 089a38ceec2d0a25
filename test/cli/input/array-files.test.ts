// run: alone
// Tests src/cli/input/array-files/flat-file.ts, src/cli/input/array-files/parquet-columns.ts,
// src/cli/input/array-files/parquet-file.ts, src/cli/input/array-files/parquet-numbers.ts,
// src/cli/input/array-files/parquet-rows.ts.
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as zlib from "node:zlib";
import { gzipSync } from "node:zlib";
import { type ColumnChunk, type DecodedArray, type FileMetaData, parquetMetadata } from "hyparquet";
import { ByteWriter, parquetWriteBuffer } from "hyparquet-writer";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../../src/base/random.ts";
import { closeFiles } from "../../../src/cli/input/array-files/open-file.ts";
import { openIdColumns } from "../../../src/cli/input/array-files/parquet-ids.ts";
import { openData } from "../../../src/cli/input/open-data.ts";
import { elementCount } from "../../../src/files/array.ts";
import { npyHeader } from "../../../src/files/npy.ts";
import { LatentflowError } from "../../../src/index.ts";
import { Workplace } from "../../support/program.ts";

// Files whose values are read in parts. The Parquet files in test/fixtures/parquet were written by Apache Arrow's Rust
// writer and by DuckDB: make.mjs there.

const workplace = new Workplace();
test.after.each(closeFiles);
test.after(() => workplace.dispose());

const limits = { maxBytes: 2 ** 30, givenMaxBytes: undefined, signal: undefined };
const folder = fileURLToPath(new URL("../../fixtures/parquet/", import.meta.url));
const fixture = (name: string) => join(folder, `${name}.parquet`);
const expected: {
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
  readonly scalars: Readonly<Record<string, readonly (number | boolean)[]>>;
} = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));

const open = (path: string) => openData("--data", [path], limits);

/** All numbers of lists in each other. */
const flat = (values: unknown): number[] => [values].flat(Number.POSITIVE_INFINITY).map(Number);

async function readAll(path: string) {
  const array = await open(path);
  return { ...array, data: await array.read(0, elementCount(array.shape)) };
}

function write(bytes: Uint8Array | ArrayBuffer, extension = "parquet"): string {
  const path = `${workplace.newPath()}.${extension}`;
  writeFileSync(path, new Uint8Array(bytes));
  return path;
}

/** What is thrown, which is to be an error of ours. */
async function refusal(work: () => Promise<unknown>, what = ""): Promise<LatentflowError> {
  const error: unknown = await work().then(
    () => assert.unreachable(`nothing was refused: ${what}`),
    (thrown) => thrown,
  );
  assert.instance(error, LatentflowError, `${(error as Error).stack}`);
  return error as LatentflowError;
}

const refusalOf = async (path: string) => (await refusal(() => readAll(path))).message;

const canUnpackZstd = "zstdDecompressSync" in zlib;
const writers = ["uncompressed", "snappy", "gzip", "brotli", "v2", "dictionary"].map(
  (name) => `rust-${name}`,
);
if (canUnpackZstd) writers.push("rust-zstd");
const samplesFiles = [...writers, "duckdb-v1", "duckdb-v2"];

for (const name of samplesFiles) {
  test(`${name}.parquet: lists of each type, and identifiers of both`, async () => {
    for (const [column, shape, type] of [
      ["fixed", [20, 6], "float32"],
      ["bytes", [20, 6], "uint8"],
      ["nested", [20, 4, 3], "float32"],
      ["doubles", [20, 5], "float64"],
    ] as const) {
      const array = await readAll(`${fixture(name)}#${column}`);
      assert.equal(array.shape, shape, column);
      assert.is(array.type, type);
      const Type = type === "uint8" ? Uint8Array : Float32Array;
      assert.equal(array.data, Type.from(flat(expected.columns[column])), column);
    }
    for (const [first, end] of [
      [0, 20],
      [5, 16],
      [19, 20],
    ] as const) {
      const [texts] = await openIdColumns("--data", [fixture(name)], "name", limits);
      assert.equal(await texts!.read(first, end), expected.columns.name!.slice(first, end));
      const [integers] = await openIdColumns("--data", [fixture(name)], "number", limits);
      const numbers = (expected.columns.number as string[]).slice(first, end).map(BigInt);
      assert.equal(await integers!.read(first, end), BigInt64Array.from(numbers));
    }
  });
}

for (const name of ["rust-scalars", "rust-scalars-v2"]) {
  test(`${name}.parquet: columns of numbers, alone and together, in the order in which they are named`, async () => {
    const { scalars } = expected;
    for (const names of ["whole", "half", "truth,whole", "single,half,whole,truth", "red", "green,red"]) {
      const chosen = names.split(",");
      const array = await readAll(`${fixture(name)}#${names}`);
      assert.equal(array.shape, [20, chosen.length]);
      const rows = scalars.whole!.map((_, i) => chosen.map((column) => scalars[column]![i]));
      const isBytes = chosen.includes("red");
      assert.is(array.type === "uint8", isBytes);
      assert.equal(array.data, (isBytes ? Uint8Array : Float32Array).from(flat(rows)), names);
    }
  });
}

test("what packs pages in a way that is not read is named, before anything is read", async () => {
  const message =
    /--data .*rust-lz4_raw\.parquet#fixed: its pages are packed by LZ4_RAW.*write the file with/;
  assert.match((await refusal(() => open(`${fixture("rust-lz4_raw")}#fixed`))).message, message);
  if (canUnpackZstd) return;
  const zstd = await refusal(() => open(`${fixture("rust-zstd")}#fixed`));
  assert.match(zstd.message, /packed by ZSTD.*since 22\.15.*compression="snappy"/);
});

interface Written {
  readonly type: Parameters<typeof parquetWriteBuffer>[0]["columnData"][number]["type"];
  readonly data: DecodedArray | readonly unknown[];
  readonly [option: string]: unknown;
}

/** A Parquet file of these columns. */
function parquetOf(columns: Readonly<Record<string, Written>>, options: object = {}): Uint8Array {
  const columnData = Object.entries(columns).map(([name, column]) => ({ name, ...column }));
  return new Uint8Array(parquetWriteBuffer({ columnData, ...options } as never));
}

const LIST = (name: string, type: string, repetition = "REQUIRED") => [
  { name: "root", num_children: 1 },
  { name, repetition_type: repetition, converted_type: "LIST", num_children: 1 },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type, repetition_type: repetition },
];

test("Parquet in many pages, encodings and row groups, missing values or none", async () => {
  const random = createRandom(5);
  const numbers = Array.from({ length: 300 }, () => Math.round(1000 * random.uniform()) - 500);
  for (const [type, encoding] of [
    ["INT32", "PLAIN"],
    ["INT32", "DELTA_BINARY_PACKED"],
    ["INT32", "RLE_DICTIONARY"],
    ["INT64", "DELTA_BINARY_PACKED"],
    ["FLOAT", "BYTE_STREAM_SPLIT"],
    ["DOUBLE", "BYTE_STREAM_SPLIT"],
    ["DOUBLE", "PLAIN"],
  ] as const) {
    for (const options of [
      {},
      { pageSize: 128 },
      { rowGroupSize: 37, pageSize: 64, codec: "UNCOMPRESSED" },
    ]) {
      for (const nullable of [false, true]) {
        const data = type === "INT64" ? numbers.map(BigInt) : numbers;
        const path = write(parquetOf({ x: { type, data, encoding, nullable } }, options));
        assert.equal(
          (await readAll(path)).data,
          Float32Array.from(numbers),
          `${type} ${encoding} ${nullable}`,
        );
      }
    }
  }
  for (const repetition of ["REQUIRED", "OPTIONAL"]) {
    const lists = Array.from({ length: 60 }, (_, i) => numbers.slice(5 * i, 5 * i + 5));
    const options = { schema: LIST("x", "FLOAT", repetition), pageSize: 100, rowGroupSize: 23 };
    const path = write(parquetOf({ x: { type: undefined, data: lists } }, options));
    const { shape, data } = await readAll(path);
    assert.equal(shape, [60, 5]);
    assert.equal(data, Float32Array.from(numbers));
  }
  // A repeated element without a group around it is a list, too.
  const lists = Array.from({ length: 6 }, (_, i) => [i, i / 2]);
  const grouped = parquetOf({ x: { type: undefined, data: lists } }, { schema: LIST("x", "FLOAT") });
  const repeated = await readAll(
    write(
      changed(grouped, (metadata) => {
        metadata.schema.splice(1, 3, { name: "x", type: "FLOAT", repetition_type: "REPEATED" });
        chunkOf(metadata).path_in_schema = ["x"];
      }),
    ),
  );
  assert.equal(repeated.shape, [6, 2]);
  assert.equal(repeated.data, Float32Array.from(lists.flat()));
});

test("row groups without rows, between and before others", async () => {
  const bytes = parquetOf({ x: { type: "FLOAT", data: [1, 2, 3, 4, 5] } }, { rowGroupSize: 2 });
  const path = write(
    changed(bytes, ({ row_groups: groups }) => {
      const [{ file_offset, meta_data }] = groups[0]!.columns as [ColumnChunk];
      const chunk = { file_offset, meta_data: { ...meta_data!, num_values: 0n } };
      const empty = { columns: [chunk], num_rows: 0n, total_byte_size: 0n };
      groups.splice(0, groups.length, empty, groups[0]!, empty, groups[1]!, empty, groups[2]!, empty);
    }),
  );
  const { shape, data } = await readAll(path);
  assert.equal(shape, [5, 1]);
  assert.equal(data, Float32Array.of(1, 2, 3, 4, 5));
});

/** Every type of .npy file: as `numpy.save` writes it. */
function npyOf(
  code: string,
  values: readonly number[],
  shape: readonly number[],
  isFortran = false,
): Uint8Array {
  const [, order, kind, size] = /^([<>|])([a-z])(\d)$/.exec(code) as unknown as [
    string,
    string,
    string,
    string,
  ];
  const bytes = new Uint8Array(values.length * Number(size));
  const view = new DataView(bytes.buffer);
  const little = order !== ">";
  const setters: Readonly<Record<string, (at: number, value: number) => void>> = {
    i1: (at, value) => view.setInt8(at, value),
    u1: (at, value) => view.setUint8(at, value),
    b1: (at, value) => view.setUint8(at, value),
    i2: (at, value) => view.setInt16(at, value, little),
    u2: (at, value) => view.setUint16(at, value, little),
    i4: (at, value) => view.setInt32(at, value, little),
    u4: (at, value) => view.setUint32(at, value, little),
    i8: (at, value) => view.setBigInt64(at, BigInt(value), little),
    u8: (at, value) => view.setBigUint64(at, BigInt(value), little),
    // Powers of 2 alone.
    f2: (at, value) => view.setUint16(at, value === 0 ? 0 : (15 + Math.log2(value)) << 10, little),
    f4: (at, value) => view.setFloat32(at, value, little),
    f8: (at, value) => view.setFloat64(at, value, little),
  };
  values.forEach((value, i) => void setters[kind + size]!(i * Number(size), value));
  const header = Buffer.from(npyHeader(shape)).toString("latin1");
  const said = header.replace("'<f4'", `'${code}'`).replace("False", isFortran ? "True " : "False");
  return Buffer.concat([Buffer.from(said, "latin1"), bytes]);
}

/** An IDX file of bytes. */
function idxOf(values: readonly number[], shape: readonly number[]): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  shape.forEach((length, i) => void header.writeUInt32BE(length, 4 + 4 * i));
  return Buffer.concat([header, Uint8Array.from(values)]);
}

test("any part of any file is a slice of the whole: .npy of each type and order, IDX, gzip, .npz, Parquet, joined", async () => {
  const random = createRandom(11);
  const shape = [7, 2, 3];
  const values = Array.from({ length: 42 }, () => 2 ** Math.floor(7 * random.uniform()));
  const bits = values.map((value) => value % 2);
  const files: [path: string, values: readonly number[]][] = [];
  for (const kind of ["i1", "u1", "b1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]) {
    for (const order of kind.endsWith("1") ? ["|"] : ["<", ">"]) {
      const held = kind === "b1" ? bits : values;
      files.push([write(npyOf(order + kind, held, shape), "npy"), held]);
    }
  }
  // Of the first axis that changes fastest it is read as a whole.
  const fortran = values.map(
    (_, i) => values[(i % 7) * 6 + (Math.floor(i / 7) % 2) * 3 + Math.floor(i / 14)]!,
  );
  files.push([write(npyOf("<f4", fortran, shape, true), "npy"), values]);
  files.push([write(idxOf(values, shape), "idx"), values]);
  files.push([write(gzipSync(idxOf(values, shape)), "gz"), values]);
  files.push([write(gzipSync(npyOf("<f4", values, shape)), "npy.gz"), values]);
  files.push([`${write(storedZip("y.npy", npyOf("<f8", values, shape)), "npz")}#y`, values]);
  const { columns } = expected;
  for (const column of ["fixed", "bytes", "nested", "doubles"]) {
    files.push([`${fixture("rust-snappy")}#${column}`, flat(columns[column])]);
  }
  files.push([
    `${fixture("rust-scalars")}#red,green`,
    flat(expected.scalars.red!.map((red, i) => [red, 255 - i])),
  ]);
  for (const [path, held] of files) {
    const array = await open(path);
    assert.is(elementCount(array.shape), held.length, path);
    const Type = array.type === "uint8" ? Uint8Array : Float32Array;
    await checkParts(path, (...part) => array.read(...part), Type.from(held), random);
  }

  const joined = [">f8", "<i2", "<f4"].map((code) => write(npyOf(code, values, shape), "npy"));
  const array = await openData("--data", joined, limits);
  assert.equal(array.shape, [21, 2, 3]);
  await checkParts("joined", array.read, Float32Array.from([...values, ...values, ...values]), random);
  const bytes = [write(idxOf(values, shape), "idx"), write(npyOf("|u1", values, shape), "npy")];
  const images = await openData("--data", bytes, limits);
  assert.is(images.type, "uint8");
  await checkParts("images", images.read, Uint8Array.from([...values, ...values]), random);
});

async function checkParts(
  what: string,
  read: (start: number, end: number) => Promise<Float32Array | Uint8Array>,
  whole: Float32Array | Uint8Array,
  random: { uniform(): number },
): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const ends = [0, 1].map(() => Math.floor((whole.length + 1) * random.uniform()));
    const [start, end] = [Math.min(...ends), Math.max(...ends)];
    assert.equal(await read(start, end), whole.slice(start, end), `${what}, ${start} to ${end}`);
  }
  assert.equal(await read(0, whole.length), whole, what);
}

/** A zip file of one entry that is not packed. */
function storedZip(name: string, bytes: Uint8Array): Uint8Array {
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50);
  for (const [header, at] of [
    [local, 14],
    [central, 16],
  ] as const) {
    header.writeUInt32LE(zlibCrc(bytes), at);
    header.writeUInt32LE(bytes.length, at + 4);
    header.writeUInt32LE(bytes.length, at + 8);
    header.writeUInt16LE(name.length, at + 12);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(30 + name.length + bytes.length, 16);
  return Buffer.concat([local, Buffer.from(name), bytes, central, Buffer.from(name), end]);
}

function zlibCrc(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

test("of 3 GiB a block in the middle is read, in little memory", async () => {
  const [rows, size] = [3 * 2 ** 20, 256];
  const header = npyHeader([rows, size]);
  const path = `${workplace.newPath()}.npy`;
  const file = openSync(path, "w");
  writeSync(file, header);
  ftruncateSync(file, header.length + rows * size * 4);
  const middle = (rows / 2) * size + 7;
  writeSync(file, new Uint8Array(Float32Array.of(1, 2, 3).buffer), 0, 12, header.length + 4 * middle);
  closeSync(file);
  const before = process.memoryUsage().rss;
  const array = await open(path);
  assert.equal(array.shape, [rows, size]);
  assert.equal(await array.read(middle - 1, middle + 4), Float32Array.of(0, 1, 2, 3, 0));
  assert.is((await array.read(rows * size - size, rows * size)).length, size);
  assert.ok(process.memoryUsage().rss - before < 2 ** 26);
  // Somebody who gives --max-bytes means it.
  const { message } = await refusal(() => openData("--data", [path], { ...limits, givenMaxBytes: 2 ** 30 }));
  assert.match(message, /the file has 3221225\d+ bytes, more than maxBytes, 1073741824/);
});

/** A Parquet file whose metadata have been changed. */
function changed(bytes: Uint8Array, change: (metadata: FileMetaData) => void): Uint8Array {
  const metadata = parquetMetadata(new Uint8Array(bytes));
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data: column } of columns) delete (column as { statistics?: unknown }).statistics;
  }
  change(metadata);
  const writer = new ByteWriter();
  writeMetadata(writer, metadata);
  return withFooter(bytes, new Uint8Array(writer.getBuffer()).slice(0, -4));
}

/** A file with other metadata, of whichever bytes. @param footer without its length */
function withFooter(bytes: Uint8Array, footer: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  const data = bytes.subarray(0, bytes.length - 8 - Buffer.from(bytes).readUInt32LE(bytes.length - 8));
  return Buffer.concat([data, footer, length, Buffer.from("PAR1")]);
}

const chunkOf = ({ row_groups: groups }: FileMetaData, group = 0) => groups[group]!.columns[0]!.meta_data!;

test("row groups that unpack to more than --max-bytes are refused before they are read, with the size to write", async () => {
  // Of all columns that are read, wherever in the file: the larger of their pages and of 8 bytes a value.
  const two = { a: { type: "FLOAT", data: [1, 2, 3] }, b: { type: "FLOAT", data: [1, 2, 3] } } as const;
  const bytes = parquetOf(two, { rowGroupSize: 2 });
  for (const field of ["num_values", "total_uncompressed_size"] as const) {
    const size = field === "num_values" ? 40_000_000n : 320_000_000n;
    const wide = changed(bytes, ({ row_groups: [, group] }) => {
      for (const { meta_data: column } of group!.columns) column![field] = size;
    });
    const path = write(wide);
    const read = (columns: string, maxBytes: number) =>
      openData("--data", [`${path}#${columns}`], { ...limits, maxBytes });
    const { message } = await refusal(() => read("a,b", 639_999_999));
    assert.match(
      message,
      /#a,b: row group 1 unpacks to 640000000 bytes, more than maxBytes, 639999999; write .*=1 in/,
    );
    if (field === "num_values") continue;
    assert.equal(await (await read("a,b", 640_000_000)).read(4, 6), Float32Array.of(3, 3));
    assert.equal(await (await read("a", 320_000_000)).read(2, 3), Float32Array.of(3));
  }
});

test("a column with fewer rows than its row group is refused", async () => {
  const short = changed(parquetOf({ x: { type: "FLOAT", data: [1, 2, 3] } }), (metadata) => {
    metadata.num_rows = metadata.row_groups[0]!.num_rows = 4n;
    chunkOf(metadata).num_values = 4n;
  });
  const path = write(short);
  const { message } = await refusal(async () => (await open(`${path}#x`)).read(0, 4));
  assert.match(message, /the column "x" has 3 rows in place of 4 in a row group; write or copy it again/);
});

const refusals: [column: string, message: RegExp][] = [
  ["nullRow", /row 1 of the column "nullRow" has nothing, expected a list of 2.*fill/],
  ["nullFirst", /row 0 of the column "nullFirst" has nothing, expected a list.*leave such rows out/],
  ["nullValue", /row 1 of the column "nullValue" has nothing.*write NaN, and weights that are 0/],
  ["ragged", /row 2 of the column "ragged" has a list of 1, expected a list of 2.*one length/],
  ["raggedInside", /row 2 of the column "raggedInside" has a list of 2, expected a list of 1/],
  ["empty", /row 0 of the column "empty" has an empty list/],
  ["nullNumber", /row 1 of the column "nullNumber" has nothing/],
  ["text", /the column "text" is of texts, expected numbers.*write the numbers/],
  ["texts", /the column "texts" is of lists of texts/],
  ["struct", /the column "struct" is a struct.*make a column of each of its fields/],
  ["structOfOne", /the column "structOfOne" is a struct/],
  ["structs", /the column "structs" is of lists of structs/],
  ["time", /the column "time" is of the type TIMESTAMP.*cast it to float32/],
  ["date", /the column "date" is of the type DATE/],
  [
    "huge",
    /row 1 of the column "huge" has 9007199254740992, expected a whole number of less than 2\^53; scale/,
  ],
  ["far", /row 2 of the column "far" has 1e\+300, expected a number that float32 can stand for; scale/],
  ["list,float", /the column "list" is one of lists, which stands alone; name it alone, or/],
  ["float,list", /the column "list" is one of lists/],
  ["float,byte", /the columns "float" and "byte" are of the types float32 and uint8.*save them as one type/],
  ["nosuch", /has no column "nosuch"; it has "nullRow", "nullFirst", .* and 8 more/],
  ["float,nosuch", /has no column "nosuch"/],
];

test("what is no samples is refused: the flag, the file, the column, the row, and what to do", async () => {
  for (const [column, message] of refusals) {
    const path = `${fixture("rust-refused")}#${column}`;
    const said = await refusalOf(path);
    assert.ok(said.startsWith(`--data ${path}: `), said);
    assert.match(said, message);
  }
  const none = await refusalOf(fixture("rust-refused"));
  assert.match(
    none,
    /has the columns "nullRow", .* and 8 more; say which, as in "--data=FILE\.parquet#nullRow"/,
  );
  for (const [column, message] of [
    ["small", /"small" is of the type DECIMAL.*cast it/],
    ["middle", /"middle" is of the type DECIMAL/],
    ["large", /"large" is of the type DECIMAL/],
    ["map", /"map" is a map/],
    ["time", /"time" is of the type TIME/],
    ["uuid", /"uuid" is of the type UUID/],
    ["blob", /"blob" is of the type BYTE_ARRAY/],
    ["interval", /"interval" is of the type INTERVAL/],
    ["unsigned", /row 0 of the column "unsigned" has 18446744073709551615/],
    ["json", /"json" is of the type JSON/],
  ] as const) {
    assert.match(await refusalOf(`${fixture("duckdb-refused")}#${column}`), message);
  }
  assert.match(await refusalOf(`${fixture("rust-no-rows")}#list`), /has no rows; leave it out/);
  // Ragged lists are found before the work starts: as the file is opened.
  await refusal(() => open(`${fixture("rust-refused")}#ragged`));
});

test("a name with a comma, one that two columns have, and bytes that are none", async () => {
  const path = write(
    parquetOf({ "a,b": { type: "FLOAT", data: [1, 2] }, a: { type: "FLOAT", data: [3, 4] } }),
  );
  assert.equal((await readAll(`${path}#a,b`)).data, Float32Array.of(1, 2));
  const twice = changed(readFileSync(path), ({ schema }) => {
    schema[1]!.name = "a";
  });
  assert.match(await refusalOf(`${write(twice)}#a`), /has 2 columns "a"; give them names of their own/);
  const schema = [
    { name: "root", num_children: 1 },
    { name: "x", type: "INT32", converted_type: "UINT_8", repetition_type: "REQUIRED" },
  ];
  const bytes = write(parquetOf({ x: { type: undefined, data: [0, 255, 256] } }, { schema }));
  assert.match(
    await refusalOf(bytes),
    /row 2 of the column "x" has 256, expected a whole number from 0 to 255/,
  );
});

test("identifiers that are none, or would not stay what they are, are refused", async () => {
  const refused = async (column: string, file: string) => {
    const { message } = await refusal(async () => {
      const [ids] = await openIdColumns("--data", [file], column, limits);
      await ids!.read(0, ids!.count);
    });
    assert.ok(message.startsWith(`--data ${file}: `), message);
    return message;
  };
  const rust = fixture("rust-refused");
  assert.match(
    await refused("nullText", rust),
    /row 2 of the column "nullText" of identifiers has nothing; give/,
  );
  const [later] = await openIdColumns("--data", [rust], "nullText", limits);
  assert.match((await refusal(() => later!.read(1, 3))).message, /row 2 of the column "nullText"/);
  for (const column of ["float", "struct", "list", "time", "date"]) {
    assert.match(await refused(column, rust), /expected texts or whole numbers; cast it to texts/);
  }
  assert.match(await refused("nosuch", rust), /has no column "nosuch"/);
  for (const column of ["small", "middle", "large", "map", "json", "uuid"]) {
    assert.match(await refused(column, fixture("duckdb-refused")), /expected texts or whole numbers/);
  }
  assert.match(
    await refused("unsigned", fixture("duckdb-refused")),
    /row 0 .* 18446744073709551615, beyond 64 bits/,
  );
  const latin1 = { type: "BYTE_ARRAY", data: [Uint8Array.of(0xe4)] } as const;
  assert.match(await refused("x", write(parquetOf({ x: latin1 }))), /not valid for encoding utf-8/);
  assert.match(
    await refused("x", workplace.writeFloats(Float32Array.of(1), [1, 1])),
    /--id-column x is a column of CSV and Parquet/,
  );
  const { message } = await refusal(() => openIdColumns("--data", ["-"], "x", limits));
  assert.match(message, /--data \(stdin\): --id-column x is a column of CSV and Parquet files/);

  const texts = write(parquetOf({ id: { type: "STRING", data: ["\ufeffa"] } }));
  const integers = write(parquetOf({ id: { type: "INT64", data: [1n] } }));
  const [ids] = await openIdColumns("--data", [texts], "id", limits);
  assert.equal(await ids!.read(0, 1), ["\ufeffa"]);
  const mixed = await refusal(() => openIdColumns("--data", [texts, integers], "id", limits));
  assert.ok(
    mixed.message.startsWith(`--data ${integers}: the column "id" of identifiers has whole numbers, that of`),
  );
});

test("joined files: rows of other shapes, bytes and floats", async () => {
  const file = (shape: readonly number[], code = "<f4") =>
    write(npyOf(code, Array(elementCount(shape)).fill(1), shape), "npy");
  const first = file([2, 3]);
  for (const [second, message] of [
    [file([2, 4]), "its rows are 4, those of"],
    [file([2, 3, 1]), "its rows are 3 × 1, those of"],
    [file([2, 3], "|u1"), "its values are of the type uint8, those of"],
    [`${fixture("rust-snappy")}#fixed`, "its rows are 6, those of"],
  ] as const) {
    const said = (await refusal(() => openData("--data", [first, second], limits))).message;
    assert.ok(said.startsWith(`--data ${second}: ${message} --data ${first}`), said);
  }
});

/** Reads whatever a file may be in all ways, and no further than it can be: an error of ours, or numbers. */
async function tryAll(bytes: Uint8Array, what: string): Promise<"read" | "refused"> {
  const path = write(bytes);
  let outcome: "read" | "refused" = "read";
  for (const work of [
    () => readAll(`${path}#fixed`),
    () => readAll(`${path}#bytes`),
    async () => {
      const [ids] = await openIdColumns("--data", [path], "name", limits);
      return ids!.read(0, Math.min(ids!.count, 100));
    },
  ]) {
    try {
      await work();
    } catch (error) {
      assert.instance(error, LatentflowError, `${what}: ${(error as Error).stack}`);
      // Nothing but numbers that are damaged fits in no memory.
      assert.is((error as LatentflowError).code === "out_of_memory", false, what);
      outcome = "refused";
    }
  }
  await closeFiles();
  return outcome;
}

test("files that are cut short anywhere, or have other bytes in their pages, are refused or read: 300 of them", async () => {
  const random = createRandom(23);
  const below = (most: number) => Math.floor(most * random.uniform());
  const before = process.memoryUsage().rss;
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const name = samplesFiles[i % samplesFiles.length]!;
    const whole = new Uint8Array(readFileSync(fixture(name)));
    let bytes = whole.slice();
    const pagesEnd = whole.length - 8 - Buffer.from(whole).readUInt32LE(whole.length - 8);
    if (i % 6 === 0) bytes = bytes.slice(0, below(bytes.length));
    else {
      // Only in the pages: metadata that are read and lie may take any memory.
      for (let k = 0; k <= i % 3; k++) bytes[4 + below(pagesEnd - 4)] = i % 5 === 0 ? 255 : below(256);
    }
    if ((await tryAll(bytes, `variant ${i} of ${name}`)) === "refused") refused++;
  }
  // Data that nothing depends on may be anything.
  assert.ok(refused > 100 && refused < 300, `${refused}`);
  assert.ok(process.memoryUsage().rss - before < 2 ** 29);
});

const hostile: [name: string, change: (metadata: FileMetaData) => void][] = [
  [
    "rows that no row group has",
    (metadata) => {
      metadata.num_rows += 1n;
    },
  ],
  [
    "rows without number",
    (metadata) => {
      metadata.num_rows = 2n ** 62n;
    },
  ],
  [
    "as many in the row group",
    (metadata) => {
      metadata.num_rows = 2n ** 62n;
      metadata.row_groups[0]!.num_rows = 2n ** 62n;
      metadata.row_groups.length = 1;
    },
  ],
  [
    "a row group of less than no rows",
    ({ row_groups: [group] }) => {
      group!.num_rows = -5n;
    },
  ],
  [
    "values without number",
    (metadata) => {
      chunkOf(metadata).num_values = 2n ** 60n;
    },
  ],
  [
    "a negative offset",
    (metadata) => {
      chunkOf(metadata).dictionary_page_offset = -1n;
    },
  ],
  [
    "an offset beyond the file",
    (metadata) => {
      chunkOf(metadata).dictionary_page_offset = 2n ** 50n;
    },
  ],
  [
    "a negative offset of data",
    (metadata) => {
      chunkOf(metadata).dictionary_page_offset = 0n;
      chunkOf(metadata).data_page_offset = -1n;
    },
  ],
  [
    "a negative size",
    (metadata) => {
      chunkOf(metadata).total_compressed_size = -4n;
    },
  ],
  [
    "a size beyond the file",
    (metadata) => {
      chunkOf(metadata).total_compressed_size = 2n ** 50n;
    },
  ],
  [
    "another type",
    (metadata) => {
      chunkOf(metadata).type = "DOUBLE";
    },
  ],
  [
    "another codec",
    (metadata) => {
      chunkOf(metadata).codec = "GZIP";
    },
  ],
  [
    "no row groups",
    (metadata) => {
      metadata.row_groups.length = 0;
    },
  ],
  [
    "no columns in a row group",
    ({ row_groups: [group] }) => {
      group!.columns.length = 0;
    },
  ],
  [
    "another file",
    ({ row_groups: [group] }) => {
      group!.columns[0]!.file_path = "/etc/passwd";
    },
  ],
];

test("metadata that lie are refused, at once and in little memory", async () => {
  const whole = new Uint8Array(readFileSync(fixture("rust-snappy")));
  for (const [name, change] of hostile) {
    const path = `${write(changed(whole, change))}#fixed`;
    const before = process.memoryUsage().rss;
    const { code, message } = await refusal(() => readAll(path), name);
    assert.is(code, "invalid_file", `${name}: ${message}`);
    assert.match(message, /^--data .*#fixed: (the Parquet file is|row group 0 unpacks to)/, name);
    assert.match(message, /write (or copy|the file)/, name);
    assert.ok(process.memoryUsage().rss - before < 2 ** 27, name);
  }
});

test("an empty page may be stored as no bytes at all", async () => {
  const schema = [
    { name: "root", num_children: 1 },
    { name: "x", type: "FLOAT", repetition_type: "OPTIONAL" },
  ];
  const compressors = { GZIP: (bytes: Uint8Array) => (bytes.length === 0 ? bytes : gzipSync(bytes)) };
  const x = { type: undefined, data: [null, null] };
  const path = write(parquetOf({ x }, { schema, codec: "GZIP", compressors }));
  assert.match(await refusalOf(path), /row 0 of the column "x" has nothing/);
});

test("a page that unpacks to more than its header says is refused before it does", async () => {
  const bomb = gzipSync(new Uint8Array(2 ** 28));
  const x = { type: "FLOAT", data: [1, 2, 3] } as const;
  const path = write(parquetOf({ x }, { codec: "GZIP", compressors: { GZIP: () => bomb } }));
  const before = process.memoryUsage().rss;
  assert.match(
    await refusalOf(path),
    /the Parquet file is damaged, or of a kind that is not read: .*larger than/,
  );
  assert.ok(process.memoryUsage().rss - before < 2 ** 26);
});

test("a file that has changed since it was opened is refused; a fingerprint tells data apart", async () => {
  const bytes = parquetOf({ x: { type: "FLOAT", data: [1, 2, 3] }, y: { type: "FLOAT", data: [1, 2, 3] } });
  const other = parquetOf({ x: { type: "FLOAT", data: [1, 2, 4] }, y: { type: "FLOAT", data: [1, 2, 3] } });
  const prints = new Set<string>();
  for (const [file, names] of [
    [bytes, "x"],
    [bytes, "y"],
    [bytes, "x,y"],
    [bytes, "y,x"],
    [other, "x"],
  ] as const) {
    prints.add(await (await open(`${write(file)}#${names}`)).fingerprint());
  }
  assert.is(prints.size, 5);
  assert.ok(prints.has(await (await open(`${write(bytes)}#x`)).fingerprint()));

  for (const whole of [bytes, npyOf("<f4", [1, 2, 3], [3, 1])]) {
    const path = write(whole);
    const array = await open(whole === bytes ? `${path}#x` : path);
    ftruncateSync(openSync(path, "r+"), 4);
    const { code, message } = await refusal(() => array.read(0, 3));
    assert.is(code, "invalid_file");
    assert.match(message, /it was changed while it was read/);
  }
});

test.run();
