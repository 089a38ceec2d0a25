// run: slow
// Tests src/cli/output/completed-files.ts, src/cli/input/array-files/store-value.ts,
// src/cli/input/array-files/rewrite-array.ts, src/cli/input/array-files/rewrite-whole.ts,
// src/cli/input/array-files/rewrite-parquet.ts, src/cli/input/tables/rewrite-table.ts.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { unzipSync, zipSync } from "fflate";
import { type FileMetaData, parquetMetadata, parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { atOnce } from "../../../src/base/event-loop.ts";
import { bytesIn } from "../../../src/base/values.ts";
import { closeFiles } from "../../../src/cli/input/array-files/open-file.ts";
import { float16Bits } from "../../../src/cli/input/array-files/store-value.ts";
import { openInput } from "../../../src/cli/input/encoding-input.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import { planCompletion, writeCompletedFiles } from "../../../src/cli/output/completed-files.ts";
import type { Part } from "../../../src/cli/parts/part.ts";
import { readNpy, toNpy } from "../../../src/files/npy.ts";
import { parseNpz } from "../../../src/files/npz.ts";
import { createDecoder } from "../../../src/index.ts";
import { readCsv, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere } from "../../support/run-here.ts";

const workplace = new Workplace();
test.after(() => workplace.dispose());

const [SIZE, B] = [4, 9];
const decoderFile = `${workplace.newPath()}.safetensors`;
writeFileSync(decoderFile, createDecoder({ layers: [2, 6, SIZE], loss: "mse", seed: 1 }).toSafetensors());
const given = ["--decoder", decoderFile, "--threads", "1", "--quiet", "--plain"];

async function encode(out: string, ...args: string[]) {
  const { exit, stdout, stderr } = await runHere("encode", ...given, "--out", out, ...args);
  assert.is(exit, 0, stderr);
  return { stdout, stderr };
}

async function refusal(out: string, ...args: string[]): Promise<string> {
  const { exit, stderr } = await runHere("encode", ...given, "--out", out, ...args);
  assert.ok(exit === 1 || exit === 2, stderr);
  return stderr;
}

/** Runs encode with reconstructions; returns its folder, and the decoder's values. */
async function decoded(...args: string[]) {
  const out = workplace.newPath();
  const { stdout, stderr } = await encode(out, "--reconstructions", ...args);
  const x = readNpy(readFileSync(join(out, "reconstructions.npy"))).data as Float32Array;
  return { out, x, stdout, stderr, completed: (name: string) => readFileSync(join(out, "completed", name)) };
}

/** Writes a file under a name in a folder of its own. */
function file(name: string, content: string | Uint8Array): string {
  const folder = workplace.newPath();
  mkdirSync(folder);
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** Writes a .npy file of a numpy type. */
function npy(descr: string, values: ArrayBufferView, fortran = false, shape: readonly number[] = [B, SIZE]) {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape.join(", ")}), }`;
  const header = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(117)}\n`, "latin1");
  header.writeUInt16LE(header.length - 10, 8);
  return new Uint8Array(Buffer.concat([header, bytesIn(values)]));
}

const HOLES = [2, 5, 6, 17, 35];
const y = randomArray(1, B * SIZE, -1, 1);
const holed = y.map((value, i) => (HOLES.includes(i) ? Number.NaN : value));
const filledOf = (x: Float32Array, values = y) =>
  values.map((value, i) => (HOLES.includes(i) ? x[i]! : value));
const mask = workplace.writeFloats(
  y.map((_, i) => (HOLES.includes(i) ? 0 : 1)),
  [B, SIZE],
);

const TABLE = ["id;age;sex;height", "a; ;f;1.50", 'b;2e0;"NA";', "", "c;0.25;m;-1", "d;1;f;0.5 "].join(
  "\r\n",
);
const ofTable = ["--id-column", "id", "--categories", "sex"];

test("a table keeps its text but for the missing cells; filled.csv has these", async () => {
  const data = file("people.csv", TABLE);
  const { x, completed, stdout } = await decoded("--data", data, ...ofTable);
  const number = (i: number) =>
    `${Number(completed("people.csv.filled.csv").toString().split("\n")[i]!.split(",")[3])}`;
  const sex = x[5]! > x[6]! ? "f" : "m";
  assert.is(
    completed("people.csv").toString(),
    TABLE.replace("a; ;", `a; ${number(1)};`.replace("a; ", "a;")).replace('"NA";', `"${sex}";${number(3)}`),
  );
  const list = completed("people.csv.filled.csv").toString().trimEnd().split("\n");
  assert.equal(
    list.map((line) => line.split(",").slice(0, 3).join()),
    ["row,id,column", "0,a,age", "1,b,sex", "1,b,height"],
  );
  assert.is(Math.fround(Number(number(1))), x[0]);
  assert.is(list[2]!.split(",")[3], sex);
  assert.is(Math.fround(Number(number(3))), x[7]);
  assert.match(stdout, /people\.csv +the input, 4 values filled by the decoder/);
  assert.match(stdout, /people\.csv\.filled\.csv +row, id, column and value of each filled cell/);
});

test("cells that a mask hides are filled, of categories where all values of the cell are hidden", async () => {
  const data = file("t.tsv", "a\tsex\tb\n1\tf\t2\n3\tm\t4\n");
  const hides = file("mask.csv", "1,0,0,1\n0,1,0,1\n");
  const { x, completed } = await decoded("--data", data, "--categories", "sex", "--mask", hides);
  const list = readCsv(file("list.csv", completed("t.tsv.filled.csv")));
  assert.equal(
    list.map(([row, name]) => `${row} ${name}`),
    ["row column", "0 sex", "1 a"],
  );
  const [first, second] = completed("t.tsv").toString().split("\n").slice(1) as [string, string];
  assert.is(first, `1\t${x[1]! > x[2]! ? "f" : "m"}\t2`);
  assert.is(second, `${list[2]![2]}\tm\t4`);
});

test("several files are completed each under its name, also packed, of one name, and with none missing", async () => {
  const files = [
    file("a.csv", "p,q,r,s\n1,,3,4\n5,6,7,\n"),
    file("b.csv.gz", gzipSync("s,q,p,r\n1,2,3,?\n")),
    file("a.csv", "p,q,r,s\n1,2,3,4\n"),
  ];
  const { completed, out, stderr, stdout } = await decoded("--data", ...files);
  assert.equal(readdirSync(join(out, "completed")).sort(), [
    "a-2.csv",
    "a-2.csv.filled.csv",
    "a.csv",
    "a.csv.filled.csv",
    "b.csv.gz",
    "b.csv.gz.filled.csv",
  ]);
  assert.match(completed("a.csv").toString(), /^p,q,r,s\n1,[-.\d]+,3,4\n5,6,7,[-.\d]+\n$/);
  assert.match(gunzipSync(completed("b.csv.gz")).toString(), /^s,q,p,r\n1,2,3,[-.\d]+\n$/);
  assert.is(completed("a-2.csv").toString(), "p,q,r,s\n1,2,3,4\n");
  assert.is(completed("a-2.csv.filled.csv").toString(), "row,column,value\n");
  assert.match(stderr, /completed: 1 file renamed, whose names others have: a-2\.csv is a\.csv/);
  assert.match(stdout, /completed +3 files, 3 values filled by the decoder, and lists of them/);
});

test("a file that has the name of another one's list is renamed, not lost", async () => {
  const files = [file("in.csv", "p,q,r,s\n1,,3,4\n"), file("in.csv.filled.csv", "p,q,r,s\n1,2,,4\n")];
  const { completed, out, stderr } = await decoded("--data", ...files);
  assert.is(readdirSync(join(out, "completed")).length, 4);
  assert.match(completed("in.csv.filled.csv").toString(), /^row,column,value\n0,q,/);
  assert.match(stderr, /1 file renamed, whose names others have: \S+ is in\.csv\.filled\.csv/);
});

test("rows behind --limit stay as they are, and files behind it are left out", async () => {
  const files = [file("a.csv", "p,q,r,s\n1,,3,4\n5,6,,8\n"), file("b.csv", "p,q,r,s\n1,,3,4\n")];
  const { completed, out } = await decoded("--data", ...files, "--limit", "1");
  assert.match(completed("a.csv").toString(), /^p,q,r,s\n1,[-.\d]+,3,4\n5,6,,8\n$/);
  assert.not(existsSync(join(out, "completed", "b.csv")));
  const whole = await decoded("--data", workplace.writeFloats(holed, [B, SIZE]), "--limit", "2");
  const [name] = readdirSync(join(whole.out, "completed"));
  const { data } = readNpy(whole.completed(name!));
  assert.equal(
    [...data.keys()].filter((i) => Number.isNaN(data[i])),
    HOLES.filter((i) => i >= 2 * SIZE),
  );
});

test("nothing is written where nothing is missing or hidden, but the file of --complete", async () => {
  const data = workplace.writeFloats(y, [B, SIZE]);
  const ones = workplace.writeFloats(new Float32Array(SIZE).fill(0.5), [SIZE]);
  const { out } = await decoded("--data", data, "--weights", ones);
  assert.not(existsSync(join(out, "completed")));
  const path = `${workplace.newPath()}.npy`;
  await encode(out, "--data", data, "--complete", path);
  assert.equal(readFileSync(path), readFileSync(data));
});

test("a .npy file keeps its header, and the bits of what was seen", async () => {
  const data = file("y.npy", toNpy(holed, [B, SIZE]));
  const { x, completed } = await decoded("--data", data);
  assert.equal(completed("y.npy"), Buffer.from(toNpy(filledOf(x), [B, SIZE])));
  const list = readNpy(completed("y.npy.filled.npy"));
  assert.equal([list.type, list.shape], ["uint8", [B, SIZE]]);
  assert.equal(
    [...list.data.keys()].filter((i) => list.data[i]),
    HOLES,
  );
});

test("hidden values are filled in every type of numbers, in both byte orders and orders of the axes", async () => {
  const whole = y.map((value) => Math.round(100 * Math.abs(value)));
  const types: readonly (readonly [descr: string, from: (values: Float32Array) => ArrayBufferView])[] = [
    ["<f8", (values) => Float64Array.from(values)],
    ["|i1", (values) => Int8Array.from(values)],
    ["<i2", (values) => Int16Array.from(values)],
    ["<u4", (values) => Uint32Array.from(values)],
    ["<i8", (values) => BigInt64Array.from(Array.from(values, BigInt))],
    ["<u8", (values) => BigUint64Array.from(Array.from(values, BigInt))],
  ];
  for (const [descr, make] of types) {
    const { x, completed } = await decoded("--data", file("n.npy", npy(descr, make(whole))), "--mask", mask);
    const isSigned = !descr.includes("u");
    const nearest = descr === "<f8" ? x : x.map((value) => Math.max(isSigned ? -128 : 0, Math.round(value)));
    assert.equal(new Uint8Array(completed("n.npy")), npy(descr, make(filledOf(nearest, whole))), descr);
    const big = descr.replace("<", ">");
    const swapped = new Uint8Array(bytesIn(make(whole)));
    const size = Number(descr.at(-1));
    for (let i = 0; i < swapped.length; i += size) swapped.subarray(i, i + size).reverse();
    const other = await decoded("--data", file("n.npy", npy(big, swapped)), "--mask", mask);
    assert.equal(readNpy(other.completed("n.npy")).data, readNpy(completed("n.npy")).data, big);
  }
  const transposed = (values: Float32Array) =>
    values.map((_, i) => values[(i % B) * SIZE + Math.floor(i / B)]!);
  const { x, completed } = await decoded("--data", file("f.npy", npy("<f4", transposed(holed), true)));
  assert.equal(new Uint8Array(completed("f.npy")), npy("<f4", transposed(filledOf(x)), true));
});

test("bytes are filled by the decoder's levels times 255, and what is out of range is said", async () => {
  const bytes = Uint8Array.from(y, (value) => Math.round(255 * Math.abs(value)));
  const { x, completed, stderr } = await decoded("--data", file("b.npy", npy("|u1", bytes)), "--mask", mask);
  const level = (value: number) => Math.round(Math.fround(255 * value));
  const expected = bytes.map((byte, i) =>
    HOLES.includes(i) ? Math.max(0, Math.min(255, level(x[i]!))) : byte,
  );
  assert.equal(readNpy(completed("b.npy")).data, expected);
  const outside = HOLES.filter((i) => level(x[i]!) < 0 || level(x[i]!) > 255).length;
  assert.ok(outside > 0);
  assert.match(stderr, new RegExp(`b.npy: ${outside} values? by the decoder`));
  const small = npy(
    "|i1",
    Int8Array.from(y, () => 127),
  );
  const weights = workplace.writeFloats(Float32Array.of(1, 1, 1, 0), [SIZE]);
  const far = await decoded("--data", file("s.npy", small), "--weights", weights);
  assert.ok(readNpy(far.completed("s.npy")).data.every((value) => value >= -128 && value <= 127));
});

test("float16 is rounded to the nearest, halves to even", async () => {
  const table: [number, number][] = [
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 - 2 ** -12, 0x4000],
    [2 ** -14 - 2 ** -26, 0x0400],
  ];
  for (const [value, bits] of table) assert.is(float16Bits(value), bits, `${value}`);
  const halves = Uint16Array.from(holed, (value) => (Number.isNaN(value) ? 0x7e00 : float16Bits(value)));
  const { x, completed } = await decoded("--data", file("h.npy", npy("<f2", halves)));
  const expected = halves.map((bits, i) => (HOLES.includes(i) ? float16Bits(x[i]!) : bits));
  assert.equal(new Uint8Array(completed("h.npy")), npy("<f2", expected));
});

test("an array of a .npz file, and one packed by gzip, are completed in these formats", async () => {
  const array = toNpy(holed, [B, SIZE]);
  for (const level of [0, 6] as const) {
    const data = file("z.npz", zipSync({ "other.npy": toNpy(y, [B * SIZE]), "y.npy": array }, { level }));
    const { x, completed } = await decoded("--data", `${data}#y`);
    const expected = toNpy(filledOf(x), [B, SIZE]);
    assert.equal(Object.keys(unzipSync(completed("z.npz"))), ["y.npy"]);
    assert.equal(unzipSync(completed("z.npz"))["y.npy"], expected);
    assert.equal(atOnce(parseNpz(completed("z.npz"), undefined, 1e6)).data, filledOf(x));
  }
  const header = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, B, 0, 0, 0, SIZE);
  const idx = Buffer.concat([header, Uint8Array.from(y, (value) => 99 + value)]);
  const bytes = await decoded("--data", file("y-idx2-ubyte", idx), "--mask", mask);
  const kept = bytes.completed("y-idx2-ubyte");
  assert.equal(
    [...kept.keys()].filter((i) => kept[i] === idx[i]),
    [...idx.keys()].filter((i) => !HOLES.includes(i - header.length)),
  );
  const { x, completed } = await decoded("--data", file("y.npy.gz", gzipSync(array)));
  assert.equal(new Uint8Array(gunzipSync(completed("y.npy.gz"))), toNpy(filledOf(x), [B, SIZE]));
});

type Row = Readonly<Record<string, unknown>>;

async function readParquet(bytes: Uint8Array) {
  const { buffer: file } = new Uint8Array(bytes);
  const compressors = {
    GZIP: (packed: Uint8Array) => gunzipSync(packed),
    BROTLI: (packed: Uint8Array) => brotliDecompressSync(packed),
  };
  const rows = (await parquetReadObjects({ file, compressors })) as Row[];
  return { rows, metadata: parquetMetadata(file) };
}

/** Columns and types of a file. Integers are marked in the newer way, or in the older one, which says the same. */
const namesOf = ({ schema }: FileMetaData) =>
  schema.map(({ name, type, repetition_type, converted_type, logical_type: logical }) => {
    const { bitWidth, isSigned } = logical?.type === "INTEGER" ? logical : {};
    const integer = bitWidth && `${isSigned ? "" : "U"}INT_${bitWidth}`;
    const marks = integer ? [integer] : [converted_type, logical];
    return JSON.stringify([
      name,
      type,
      repetition_type,
      ...(/INT_/.test(`${converted_type}`) ? [converted_type] : marks),
    ]);
  });

test("a Parquet file keeps its columns, types and row groups; lists and columns of numbers are filled", async () => {
  const rowsOf = (values: Float32Array) =>
    Array.from({ length: B }, (_, i) => [...values.subarray(4 * i, 4 * i + 4)]);
  const other = Array.from({ length: B }, (_, i) => ({ when: new Date(1000 * i), text: `t${i}` }));
  const common = [
    { name: "when", data: other.map(({ when }) => when) },
    { name: "text", data: other.map(({ text }) => text) },
  ];
  const asLists = (values: Float32Array) =>
    parquetWriteBuffer({
      columnData: [common[0]!, { name: "y", data: rowsOf(values) as never }, common[1]!],
      schema: [
        { name: "root", num_children: 3 },
        { name: "when", type: "INT64", converted_type: "TIMESTAMP_MILLIS", repetition_type: "OPTIONAL" },
        { name: "y", repetition_type: "REQUIRED", converted_type: "LIST", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", type: "FLOAT", repetition_type: "OPTIONAL" },
        { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
      rowGroupSize: 4,
      kvMetadata: [{ key: "k", value: "v" }],
    });
  const asColumns = (values: Float32Array) =>
    parquetWriteBuffer({
      columnData: [
        ...["d", "c", "b", "a"].map((name, k) => ({
          name,
          data: rowsOf(values).map((row) => row[3 - k]!),
          type: k % 2 === 0 ? ("DOUBLE" as const) : ("FLOAT" as const),
        })),
        common[1]!,
      ],
      rowGroupSize: 4,
    });
  const cases = [
    [asLists, ["--id-column", "text"]],
    [asColumns, ["--columns", "a,b,c,d"]],
  ] as const;
  for (const [make, flags] of cases) {
    const data = file("y.parquet", new Uint8Array(make(holed)));
    const { x, completed, out } = await decoded("--data", data, ...flags);
    const [before, after] = [
      await readParquet(readFileSync(data)),
      await readParquet(completed("y.parquet")),
    ];
    const expected = await readParquet(new Uint8Array(make(filledOf(x))));
    assert.equal(after.rows, expected.rows);
    assert.equal(namesOf(after.metadata), namesOf(before.metadata));
    assert.equal(after.metadata.key_value_metadata, before.metadata.key_value_metadata);
    assert.equal(
      after.metadata.row_groups.map(({ num_rows }) => num_rows),
      [4n, 4n, 1n],
    );
    // The writer's newer mark of integers is one that other readers refuse.
    assert.not(after.metadata.schema.some(({ logical_type: logical }) => logical?.type === "INTEGER"));
    const list = readNpy(completed("y.parquet.filled.npy"));
    assert.equal(
      [...list.data.keys()].filter((i) => list.data[i]),
      HOLES,
    );
    const parts = workplace.newPath();
    await encode(parts, "--data", data, ...flags, "--parts", "4");
    assert.equal(readFileSync(join(parts, "completed", "y.parquet")), completed("y.parquet"));
    assert.equal(readFileSync(join(parts, "latents.npy")), readFileSync(join(out, "latents.npy")));
  }
});

test("files of other writers of Parquet are filled, in every type of numbers", async () => {
  const cases = [
    ...["snappy", "gzip", "brotli", "dictionary", "v2", "uncompressed"].flatMap((name) => [
      [`rust-${name}`, "fixed"],
      [`rust-${name}`, "bytes"],
    ]),
    ["rust-snappy", "doubles"],
    ["rust-v2", "nested"],
    ["rust-scalars", "whole,single,half,truth"],
    ["rust-scalars-v2", "truth,half"],
    ["rust-scalars", "red,green"],
  ] as const;
  for (const [name, columns] of cases) {
    const source = fileURLToPath(new URL(`../../fixtures/parquet/${name}.parquet`, import.meta.url));
    const before = await readParquet(readFileSync(source));
    const names = columns.split(",");
    const flat = (rows: readonly Row[]) =>
      rows.map((row) => names.flatMap((each) => [row[each]].flat(2).map(Number)));
    const width = flat(before.rows)[0]!.length;
    const network = `${workplace.newPath()}.safetensors`;
    writeFileSync(network, createDecoder({ layers: [2, width], loss: "mse", seed: 1 }).toSafetensors());
    const hides = workplace.writeFloats(
      Float32Array.from({ length: width }, (_, i) => i % 2),
      [width],
    );
    const out = workplace.newPath();
    const { exit, stderr } = await runHere(
      ...[
        "encode",
        "--decoder",
        network,
        "--threads",
        "1",
        "--quiet",
        "--plain",
        "--reconstructions",
        "--out",
        out,
      ],
      ...["--data", source, "--columns", columns, "--mask", hides],
    );
    assert.is(exit, 0, stderr);
    const x = readNpy(readFileSync(join(out, "reconstructions.npy"))).data;
    const after = await readParquet(readFileSync(join(out, "completed", `${name}.parquet`)));
    assert.equal(namesOf(after.metadata), namesOf(before.metadata));
    const others = (rows: readonly Row[]) =>
      rows.map((row) => ({ ...row, ...Object.fromEntries(names.map((each) => [each, 0])) }));
    assert.equal(others(after.rows), others(before.rows), `${name} ${columns}`);
    const [given, found] = [flat(before.rows), flat(after.rows)];
    for (const [row, values] of found.entries()) {
      for (const [i, value] of values.entries()) {
        const scale = columns === "bytes" || columns === "red,green" ? 255 : 1;
        const expected = i % 2 === 1 ? given[row]![i]! : x[row * width + i]! * scale;
        const column = names[names.length === 1 ? 0 : i]!;
        const isWhole = ["bytes", "whole", "truth", "red", "green"].includes(column);
        const top = column === "truth" ? 1 : column === "whole" ? Infinity : 255;
        const nearest = isWhole
          ? Math.max(column === "whole" ? -Infinity : 0, Math.min(top, Math.round(expected)))
          : expected;
        const slack = column === "half" ? 1e-3 * Math.abs(nearest) : 0;
        assert.ok(
          Math.abs(value - nearest) <= slack,
          `${name} ${columns} ${row} ${i}: ${value}, expected ${nearest}`,
        );
      }
    }
  }
});

test("--complete names the file, whose ending has to fit; it is never an input or a file of the results", async () => {
  const data = file("y.csv", "p,q,r,s\n1,,3,4\n");
  const out = workplace.newPath();
  const folder = workplace.newPath();
  await encode(out, "--data", data, "--complete", join(folder, "whole.csv.gz"));
  assert.match(
    gunzipSync(readFileSync(join(folder, "whole.csv.gz"))).toString(),
    /^p,q,r,s\n1,[-.\d]+,3,4\n$/,
  );
  assert.ok(existsSync(join(folder, "whole.csv.gz.filled.csv")));
  assert.not(existsSync(join(out, "completed")));
  const refused = async (path: string, pattern: RegExp, ...of: string[]) => {
    const message = await refusal(
      workplace.newPath(),
      "--data",
      ...(of.length > 0 ? of : [data]),
      "--complete",
      path,
    );
    assert.match(message, pattern);
  };
  await refused(
    join(folder, "whole.npy"),
    /the completed file is a CSV file, as --data .*; give a name that ends in \.csv or \.txt/,
  );
  await refused(data, /y\.csv would be written over the file of --data; give another name/);
  const link = join(folder, "link.csv");
  symlinkSync(data, link);
  await refused(link, /link\.csv would be written over the file of --data/);
  await refused(
    join(folder, "a.csv"),
    /there are 2; leave it out/,
    data,
    file("z.csv", "p,q,r,s\n1,2,3,4\n"),
  );
  assert.match(
    await refusal(out, "--data", data, "--complete", join(out, "results.csv")),
    /results\.csv is a file of the results; give another name/,
  );
  assert.match(
    await refusal(out, "--data", data, "--complete", "a.csv", "--part", "0/1"),
    /--complete does not go with --part.*encode --plain --parts 1/,
  );
});

test("input files are not overwritten by links in completed/, nor by a folder of that name", async () => {
  const data = file("y.csv", "p,q,r,s\n1,,3,4\n");
  const out = workplace.newPath();
  mkdirSync(join(out, "completed"), { recursive: true });
  symlinkSync(data, join(out, "completed", "y.csv"));
  assert.match(await refusal(out, "--data", data), /y\.csv would be written over the file of --data/);
  assert.match(
    await refusal(out, "--data", join(out, "completed", "y.csv")),
    /--data are in .*completed; give another folder/,
  );
  assert.is(readFileSync(data, "utf8"), "p,q,r,s\n1,,3,4\n");
});

test("a folder that cannot be written is refused before the work", async () => {
  const data = file("y.csv", "p,q,r,s\n1,,3,4\n");
  const out = workplace.newPath();
  assert.match(
    await refusal(out, "--data", data, "--complete", join(data, "y.csv")),
    /cannot make the folder/,
  );
  assert.not(existsSync(join(out, "results.csv")));
  if (process.getuid?.() === 0) return;
  const folder = workplace.newPath();
  mkdirSync(folder);
  chmodSync(folder, 0o555);
  assert.match(await refusal(out, "--data", data, "--complete", join(folder, "y.csv")), /cannot write into/);
  assert.not(existsSync(join(out, "results.csv")));
});

test("a run that is stopped leaves the older completed file, and nothing half-written", async () => {
  const data = file("y.npy", toNpy(holed, [B, SIZE]));
  const { out } = await decoded("--data", data);
  writeFileSync(join(out, "completed", "y.npy"), "older");
  const before = readdirSync(join(out, "completed"));
  const controller = new AbortController();
  const { signal } = controller;
  const job = { decoder: decoderFile, data: [data], out, fixed: [], threads: 1 } as unknown as Job;
  const input = await openInput(job, signal);
  const completion = await planCompletion(job, input, []);
  const parts = async function* () {
    for (const count of [2, B - 2]) {
      const first = count === 2 ? 0 : 2;
      yield { index: 0, first, count, results: { z: new Float32Array(2 * count) } } as unknown as Part;
      controller.abort();
    }
  };
  const stopped = await writeCompletedFiles({ job, input, signal }, completion!, parts(), 1).catch(
    (error) => error,
  );
  assert.is(stopped, signal.reason);
  await closeFiles();
  assert.equal(readdirSync(join(out, "completed")), before);
  assert.is(readFileSync(join(out, "completed", "y.npy"), "utf8"), "older");
});

test("completed files have the same bytes in however many parts, and --json lists them", async () => {
  const cases = [
    file("y.npy", toNpy(holed, [B, SIZE])),
    file("y.npy.gz", gzipSync(toNpy(holed, [B, SIZE]))),
    file("y.npz", zipSync({ "y.npy": toNpy(holed, [B, SIZE]) })),
    file(
      "y.npy",
      npy(
        "<f4",
        holed.map((_, i) => holed[(i % B) * SIZE + Math.floor(i / B)]!),
        true,
      ),
    ),
    file(
      "y.csv",
      `p,q,r,s\n${Array.from({ length: B }, (_, i) => [...holed.slice(4 * i, 4 * i + 4)].join()).join("\n")}`,
    ),
  ];
  for (const data of cases) {
    const [whole, parts] = [await decoded("--data", data), workplace.newPath()];
    for (const part of [1, 3]) {
      const { exit, stderr } = await runHere(
        "encode",
        ...given,
        "--out",
        parts,
        "--data",
        data,
        "--part",
        `${part}/4`,
      );
      assert.is(exit, 0, stderr);
    }
    assert.not(existsSync(join(parts, "completed")));
    const { stdout } = await encode(parts, "--data", data, "--parts", "4", "--json");
    const names = readdirSync(join(whole.out, "completed"));
    assert.is(names.length, 2);
    assert.equal(readdirSync(join(parts, "completed")), names);
    for (const name of names) {
      assert.equal(readFileSync(join(parts, "completed", name)), whole.completed(name), name);
      assert.ok(JSON.parse(stdout).files.includes(join(parts, "completed", name)));
    }
  }
});

test("a Parquet file's older marks of unsigned integers bound what is filled", async () => {
  const make = (values: Float32Array) =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: ["a", "b", "c", "d"].map((name, k) => ({
          name,
          data: Array.from({ length: B }, (_, i) => values[SIZE * i + k]!),
        })),
        schema: [
          { name: "root", num_children: SIZE },
          ...["a", "b", "c", "d"].map((name) => ({
            name,
            type: "INT32" as const,
            converted_type: "UINT_16" as const,
            repetition_type: "OPTIONAL" as const,
          })),
        ],
      }),
    );
  const whole = y.map((value) => Math.round(30_000 + 30_000 * value));
  const { x, completed } = await decoded(
    ...["--data", file("y.parquet", make(whole)), "--columns", "a,b,c,d", "--mask", mask],
  );
  const nearest = x.map((value) => Math.min(65535, Math.max(0, Math.round(value))));
  assert.ok(
    HOLES.some((i) => x[i]! < -1 || x[i]! > 33_000),
    `${HOLES.map((i) => x[i])}`,
  );
  const expected = await readParquet(make(filledOf(nearest, whole)));
  assert.equal((await readParquet(completed("y.parquet"))).rows, expected.rows);
});

test.run();
