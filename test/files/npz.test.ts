// Tests src/files/zip.ts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { deflateRawSync, gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checksum } from "../../src/base/checksum.ts";
import { toNpy } from "../../src/files/npy.ts";
import { readArray } from "../../src/files/read.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { rejected } from "../support/refusal.ts";

// Written by numpy 2.4: arrays of every type that is read, in both byte orders and both orders of axes, packed by
// savez_compressed, and their values; and one array by savez.
const vectors = new URL("../vectors/", import.meta.url);
const numpy = readFileSync(new URL("numpy.npz", vectors));
const stored = readFileSync(new URL("stored.npz", vectors));

interface Expected {
  readonly dtype: string;
  readonly fortran: boolean;
  readonly shape: number[];
  readonly values: (number | "Infinity")[];
}
const expected: Record<string, Expected> = JSON.parse(readFileSync(new URL("numpy.json", vectors), "utf8"));

const refusedFile = (bytes: Uint8Array, message: RegExp, array?: string) =>
  rejected(readArray(bytes, { array }), "invalid_file", message);

test("numpy's arrays of every type, byte order and order of axes", async () => {
  const dtypes = new Set(Object.values(expected).map(({ dtype }) => dtype));
  for (const dtype of ["|b1", "|u1", "|i1", ...["i2", "u2", "f2", "i4", "u4", "f4", "i8", "u8", "f8"]]) {
    for (const order of dtype.startsWith("|") ? [""] : ["<", ">"])
      assert.ok(dtypes.has(order + dtype), dtype);
  }
  for (const [name, { dtype, shape, values }] of Object.entries(expected)) {
    const array = await readArray(numpy, { array: name });
    assert.equal(array.shape, shape, name);
    assert.instance(array.data, dtype === "|u1" ? Uint8Array : Float32Array);
    assert.is(array.data.length, values.length, name);
    values.forEach((value, i) => {
      assert.ok(
        Object.is(array.data[i], Number(value)),
        `${name}: ${array.data[i]} at ${i}, expected ${value}`,
      );
    });
  }
  assert.ok(Object.values(expected).filter(({ fortran }) => fortran).length >= 3);
});

test("which array: the only one, or the one that is named", async () => {
  const six = Float32Array.of(0, 1, 2, 3, 4, 5);
  assert.equal((await readArray(stored)).data, six);
  assert.equal((await readArray(stored, { array: "x" })).data, six);
  assert.equal((await readArray(stored, { array: "x.npy" })).data, six);
  await refusedFile(stored, /no array "y"; it holds "x"$/, "y");
  await rejected(
    readArray(numpy),
    "invalid_argument",
    /holds 31 arrays, "little i1", .* and 19 more; say which, as in array: "little i1"$/,
  );
  await refusedFile(toNpy(six, [6]), /holds one array, without a name; a name is for \.npz files/, "x");
  await refusedFile(zip([]), /zip file without a \.npy file in it, expected a \.npz file; there is nothing/);
  await refusedFile(zip([{ name: "a.txt", content: six }]), /without a \.npy file .* there is "a\.txt"/);
  await refusedFile(zip([{ name: "a.npy", content: six }]), /"a\.npy" is no \.npy file; it is damaged/);
});

test("readDataset takes a path or a URL with the array's name, and labels of the same file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-npz-"));
  try {
    const file = join(folder, "digits.npz");
    const labels = Float32Array.of(7, 255, 0);
    writeFileSync(
      file,
      zip([
        { name: "x train.npy", content: toNpy(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]) },
        { name: "y.npy", content: int64(labels) },
        { name: "z.npy", content: int64(Float32Array.of(1, 2, 256)) },
      ]),
    );
    const wanted = Float32Array.of(3, 4);
    assert.equal((await readDataset(`${file}#x train`)).rows([1]), wanted);
    const url = pathToFileURL(file);
    url.hash = "x train";
    assert.equal((await readDataset(url)).rows([1]), wanted);
    const bytes = readFileSync(file);
    for (const source of [file, new Blob([bytes])]) {
      const dataset = await readDataset(source, { array: "x train", labels: "y" });
      assert.equal(dataset.labels, Uint8Array.from(labels));
      assert.equal(dataset.rows([1]), wanted);
    }
    const other = await readDataset(bytes, { array: "x train", labels: int64(labels) });
    assert.equal(other.labels, Uint8Array.from(labels));
    await rejected(
      readDataset(bytes, { array: "x train", labels: "z" }),
      "invalid_file",
      /^readDataset: labels: found 3 \(int64\), expected 3 integers/,
    );
    await rejected(
      readDataset(file),
      "invalid_argument",
      /^readDataset: ".*digits\.npz": the \.npz file holds 3 arrays/,
    );
    await rejected(readDataset(`${folder}/no.npz#x`), "not_found", /no\.npz#x": cannot be read: ENOENT/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("gzipped .npy files are read too", async () => {
  const file = toNpy(Float32Array.of(1, 2, 3), [3]);
  assert.equal((await readArray(gzipSync(file))).data, Float32Array.of(1, 2, 3));
  // Several gzip files one after the other are one.
  const halves = Buffer.concat([gzipSync(file.subarray(0, 70)), gzipSync(file.subarray(70)), gzipSync("")]);
  assert.equal((await readArray(halves)).data, Float32Array.of(1, 2, 3));
  const flipped = gzipSync(file.subarray(0, 70));
  flipped[flipped.length - 8]! ^= 1;
  await refusedFile(Buffer.concat([flipped, gzipSync(file.subarray(70))]), /gzip: the file is damaged/);
  await refusedFile(gzipSync("<html></html>"), /^gzip: within, it is an HTML page; /);
  await refusedFile(gzipSync("a,b\n1,2\n"), /^gzip: within, it is text; /);
});

test("integers beyond 2^53 are refused, and doubles beyond float32", async () => {
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n]) {
    await refusedFile(
      npyOf("<i8", new Uint8Array(BigInt64Array.of(1n, value).buffer)),
      new RegExp(`value ${value} \\(int64\\) at index 1`),
    );
  }
  await refusedFile(
    npyOf("<u8", new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 0n).buffer)),
    /18446744073709551615 \(uint64\) at index 0/,
  );
  await refusedFile(
    npyOf("<f8", new Uint8Array(Float64Array.of(1, 1e300).buffer)),
    /value 1e\+300 \(float64\) at index 1/,
  );
  await refusedFile(npyOf("|b1", Uint8Array.of(1, 2)), /value 2 \(bool\) at index 1, expected 0 or 1/);
  const whole = await readArray(npyOf("<f8", new Uint8Array(Float64Array.of(Infinity, Number.NaN).buffer)));
  assert.equal(Array.from(whole.data).join(), "Infinity,NaN");
});

test("headers are read as numpy writes them, and nothing else is taken for one", async () => {
  const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const read = async (header: string) => (await readArray(npyFile(header, four))).shape;
  for (const header of [
    `{"shape": (2L, 2L), 'descr' : "<f4" , 'fortran_order':False}`,
    `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2,), }`,
    `\t{ 'descr':'<f4','fortran_order':False,'shape':( 2,2 ) } \n`,
  ]) {
    assert.equal(await read(header), [2, 2], header);
  }
  assert.equal(await read(`{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}`), [4]);
  const nested = `{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': 'shape'}`;
  const damaged = /is no dictionary as numpy writes it; it is damaged/;
  const cases: [header: string, message: RegExp][] = [
    [nested, /has the key "x", expected descr, fortran_order, shape/],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'shape': (2, 2)}`, /the key "shape" twice/],
    [`{'descr': '<f4', 'fortran_order': False}`, /has no 'shape'/],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} x`, damaged],
    [`{'descr': '<f4' 'fortran_order': False, 'shape': (4,)}`, damaged],
    [`{'descr': '<f4', 'fortran_order': false, 'shape': (4,)}`, damaged],
    [`{'descr': '<f4, 'fortran_order': False, 'shape': (4,)}`, damaged],
    [`{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (4,)}`, damaged],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (,)}`, damaged],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (-4,)}`, damaged],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': {'shape': (4,)}}`, damaged],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (4)}`, /'shape' is no tuple of at most 64 lengths/],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': '4'}`, /'shape' is no tuple/],
    [`{'descr': '<f4', 'fortran_order': (0,), 'shape': (4,)}`, /'fortran_order' is neither True nor False/],
    [`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}`, /is a structured one; save one of/],
    [`${"(".repeat(100)}`, damaged],
    [`('descr',)`, damaged],
    ["", damaged],
  ];
  for (const [header, message] of cases) await refusedFile(npyFile(header, four), message);
});

interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array | Float32Array;
  readonly deflate?: boolean;
  readonly wide?: boolean;
  /** What differs from what is right. */
  readonly method?: number;
  readonly sum?: number;
  readonly size?: number;
  readonly flags?: number;
  readonly offset?: number;
}

/** A zip file of entries; with zip64 records at its end where `wide` says so. */
function zip(entries: readonly ZipEntry[], wide = false): Buffer {
  const parts: Buffer[] = [];
  const records: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const content = Buffer.from(entry.content.buffer, entry.content.byteOffset, entry.content.byteLength);
    const packed = entry.deflate ? deflateRawSync(content) : content;
    const name = Buffer.from(entry.name);
    const method = entry.method ?? (entry.deflate ? 8 : 0);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(name.length, 26);
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50);
    record.writeUInt16LE(entry.flags ?? 0x800, 8);
    record.writeUInt16LE(method, 10);
    record.writeUInt32LE(entry.sum ?? checksum(content), 16);
    const extra = Buffer.alloc(entry.wide ? 20 : 0);
    record.writeUInt32LE(entry.wide ? 0xffffffff : packed.length, 20);
    record.writeUInt32LE(entry.wide ? 0xffffffff : (entry.size ?? content.length), 24);
    if (entry.wide) {
      extra.writeUInt16LE(1);
      extra.writeUInt16LE(16, 2);
      extra.writeBigUInt64LE(BigInt(entry.size ?? content.length), 4);
      extra.writeBigUInt64LE(BigInt(packed.length), 12);
    }
    record.writeUInt16LE(name.length, 28);
    record.writeUInt16LE(extra.length, 30);
    record.writeUInt32LE(entry.offset ?? at, 42);
    parts.push(local, name, packed);
    records.push(record, name, extra);
    at += 30 + name.length + packed.length;
  }
  const directory = Buffer.concat(records);
  const end64 = Buffer.alloc(wide ? 76 : 0);
  if (wide) {
    end64.writeUInt32LE(0x06064b50);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeBigUInt64LE(BigInt(entries.length), 24);
    end64.writeBigUInt64LE(BigInt(entries.length), 32);
    end64.writeBigUInt64LE(BigInt(directory.length), 40);
    end64.writeBigUInt64LE(BigInt(at), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(at + directory.length), 64);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(wide ? 0xffff : entries.length, 8);
  end.writeUInt16LE(wide ? 0xffff : entries.length, 10);
  end.writeUInt32LE(wide ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(wide ? 0xffffffff : at, 16);
  return Buffer.concat([...parts, directory, end64, end]);
}

/** A .npy file of any header. */
function npyFile(header: string, values: Uint8Array): Buffer {
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 0, 0]);
  start.writeUInt16LE(Buffer.byteLength(header), 8);
  return Buffer.concat([start, Buffer.from(header), values]);
}

/** A .npy file of two values. */
const npyOf = (descr: string, values: Uint8Array) =>
  npyFile(`{'descr': '${descr}', 'fortran_order': False, 'shape': (2,), }`, values);

function int64(values: Float32Array): Buffer {
  const wide = BigInt64Array.from(values, (value) => BigInt(value));
  const header = `{'descr': '<i8', 'fortran_order': False, 'shape': (${values.length},), }`;
  return npyFile(header, new Uint8Array(wide.buffer));
}

const content = toNpy(Float32Array.of(1, 2, 3), [3]);
const a = { name: "a.npy", content };

test("zip: stored, deflated, zip64", async () => {
  for (const entry of [
    a,
    { ...a, deflate: true },
    { ...a, wide: true },
    { ...a, wide: true, deflate: true },
  ]) {
    for (const wide of [false, true]) {
      assert.equal((await readArray(zip([entry], wide))).data, Float32Array.of(1, 2, 3));
    }
  }
});

test("zip: what is damaged, encrypted or packed otherwise is refused", async () => {
  const cases: [entry: ZipEntry, message: RegExp][] = [
    [{ ...a, sum: 1 }, /entry "a\.npy": .* damaged .*: its checksum is [\da-f]{8}, expected 00000001/],
    [{ ...a, deflate: true, sum: 1 }, /its checksum is [\da-f]{8}, expected 00000001/],
    [{ ...a, deflate: true, size: 2 ** 31 }, /unpacks to 2147483648 bytes, more than maxBytes/],
    [{ ...a, wide: true, deflate: true, size: 2 ** 40 }, /unpacks to 1099511627776 bytes, more than/],
    // A megabyte in place of 1000 bytes, with the checksum of the megabyte: it is not unpacked to its end.
    [{ name: "a.npy", content: new Uint8Array(2 ** 20), deflate: true, size: 1000 }, /its checksum is/],
    [{ ...a, method: 8 }, /the file is damaged or cut short/],
    [
      { ...a, method: 14 },
      /packed by method 14, expected 8 \(deflate\) or 0 \(none\); save it with numpy\.savez/,
    ],
    [{ ...a, flags: 1 }, /is encrypted; save it without a password/],
    [{ ...a, offset: 5 }, /directory is damaged/],
    [{ ...a, name: "a\x1b[2J.npy", sum: 1 }, /the entry "a\\u001b\[2J\.npy"/],
  ];
  for (const [entry, message] of cases) await refusedFile(zip([entry]), message);
  // More entries than there are, and a directory at another place.
  for (const [offset, value] of [
    [10, 3],
    [10, 60_000],
    [16, 7],
  ] as const) {
    const file = zip([a]);
    file.writeUInt16LE(value, file.length - 22 + offset);
    await refusedFile(file, /^zip: its directory is damaged or missing; the file is cut short/);
  }
});

test("zip: a comment of up to 65,535 bytes may follow", async () => {
  const withComment = (length: number) => Buffer.concat([zip([a]), Buffer.alloc(length)]);
  assert.equal((await readArray(withComment(0xffff))).data, Float32Array.of(1, 2, 3));
  await refusedFile(withComment(0x10000), /directory is damaged or missing/);
});

test("zip: no file cut short anywhere is read, and no flipped byte of an array is missed", async () => {
  for (const deflate of [false, true]) {
    const file = zip([{ ...a, deflate }]);
    for (let length = 4; length < file.length; length++) await refusedFile(file.subarray(0, length), /zip/);
    const start = 30 + a.name.length;
    const size = deflate ? deflateRawSync(content).length : content.length;
    for (let at = start; at < start + size; at++) {
      const damaged = Buffer.from(file);
      damaged[at]! ^= 1;
      await refusedFile(damaged, /zip: the entry "a\.npy"/);
    }
  }
});

test("maxBytes counts what values become: float32, of which each takes four bytes", async () => {
  const header = "{'descr': '|i1', 'fortran_order': False, 'shape': (1000,), }";
  const file = npyFile(header, new Uint8Array(1000).fill(255));
  const entry = { name: "a.npy", content: file };
  for (const packed of [file, gzipSync(file), zip([entry]), zip([{ ...entry, deflate: true }])]) {
    await rejected(
      readArray(packed, { maxBytes: 3999 }),
      "invalid_file",
      /as float32 its values take 4000 bytes, more than maxBytes, 3999; to read it give maxBytes: 4000/,
    );
    assert.equal((await readArray(packed, { maxBytes: 4000 })).data, new Float32Array(1000).fill(-1));
  }
});

test("zip: a bomb unpacks no further than allowed", async () => {
  const header = npyFile(
    "{'descr': '|u1', 'fortran_order': False, 'shape': (67108800,), }",
    new Uint8Array(67_108_800),
  );
  const bomb = zip([{ name: "a.npy", content: header, deflate: true }]);
  const before = process.memoryUsage().arrayBuffers;
  const refused = rejected(
    readArray(bomb, { maxBytes: 2 ** 20 }),
    "invalid_file",
    /entry "a\.npy": unpacks to \d+ bytes, more than maxBytes, 1048576; to read it give maxBytes: 671/,
  );
  await refused;
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  assert.is((await readArray(bomb, { maxBytes: 2 ** 27 })).data.length, 67_108_800);
});

test.run();
