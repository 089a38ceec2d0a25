// run: slow
// Tests src/base/float32.ts, src/base/values.ts, src/files/gzip.ts, src/files/unpack.ts.
import { readFileSync } from "node:fs";
import { deflateRawSync, gzipSync } from "node:zlib";
import { Inflate } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { atOnce } from "../../src/base/event-loop.ts";
import { elementCount, parseArray } from "../../src/files/array.ts";
import { formatCsv } from "../../src/files/csv.ts";
import { gunzip, isGzip } from "../../src/files/gzip.ts";
import { idxFormat } from "../../src/files/idx.ts";
import { imageSize, scalePixels } from "../../src/files/images.ts";
import { readNpy, toNpy } from "../../src/files/npy.ts";
import { readArray } from "../../src/files/read.ts";
import { unpack } from "../../src/files/unpack.ts";
import { binaryCrossEntropy } from "../../src/index.ts";
import { lossFloors } from "../../src/terms/loss-floor.ts";
import { refused, rejected } from "../support/refusal.ts";

/** An IDX file: its header, and what follows it. */
function idx(type: number, shape: readonly number[], values: Uint8Array | readonly number[]): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  for (const [axis, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * axis);
  return Buffer.concat([header, Uint8Array.from(values)]);
}

/** A .npy file of any header, as numpy lays it out. */
function npy(dictionary: string, values: Uint8Array, major = 1, minor = 0): Uint8Array {
  const lengthSize = major === 1 ? 2 : 4;
  const start = 8 + lengthSize;
  const header = `${dictionary.padEnd(Math.ceil((start + dictionary.length + 1) / 64) * 64 - start - 1)}\n`;
  const prefix = Buffer.from([0x93, ...Buffer.from("NUMPY"), major, minor, ...Array(lengthSize).fill(0)]);
  prefix.writeUIntLE(header.length, 8, lengthSize);
  return Buffer.concat([prefix, Buffer.from(header), values]);
}

const dictionary = (descr: string, shape: string, order = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

/** Reads an IDX file whose beginning may be damaged; one in gzip as any array is read. */
const readIdx = async (bytes: Uint8Array) =>
  isGzip(bytes) ? readArray(bytes) : atOnce(parseArray(idxFormat, bytes, 2 ** 30));

const bytesOf = (values: Float32Array | Float64Array) => new Uint8Array(values.buffer);

const refusedFile = (read: () => unknown, message: RegExp) =>
  rejected(Promise.resolve().then(read), "invalid_file", message);

test("IDX: uint8, as it is and gzipped", async () => {
  const file = idx(0x08, [2, 1, 3], [1, 2, 3, 253, 254, 255]);
  for (const bytes of [file, gzipSync(file), new Uint8Array(file)]) {
    const { shape, data } = await readIdx(bytes);
    assert.equal(shape, [2, 1, 3]);
    assert.equal(data, Uint8Array.of(1, 2, 3, 253, 254, 255));
  }
});

test("IDX: numbers are big-endian in the file, and become float32", async () => {
  const files: [type: number, bytes: number[], values: number[]][] = [
    [0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0], [1, -2.5]],
    [0x0e, [0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18, 0x80, 0, 0, 0, 0, 0, 0, 0], [Math.PI, -0]],
    [0x09, [0x7f, 0x80], [127, -128]],
    [0x0b, [0x01, 0x02, 0xff, 0xfe], [258, -2]],
    [0x0c, [0, 1, 0, 2, 0xff, 0xff, 0xff, 0xfe], [65_538, -2]],
  ];
  for (const [type, bytes, values] of files) {
    const { shape, data } = await readIdx(idx(type, [2], bytes));
    assert.equal(shape, [2]);
    assert.equal(data, Float32Array.from(values));
  }
});

test("IDX: files that are none, or of another type, are refused by name", async () => {
  await refusedFile(() => readIdx(new Uint8Array(0)), /begins with nothing/);
  await refusedFile(() => readIdx(Uint8Array.of(0, 0, 8)), /begins with 00 00 08, expected/);
  await refusedFile(() => readIdx(Uint8Array.of(1, 0, 8, 1)), /not an IDX file/);
  await refusedFile(
    () => readIdx(idx(0x42, [1], [0])),
    /type is 0x42, expected one of 0x08 \(uint8\), 0x09 \(int8\)/,
  );
  await refusedFile(() => readIdx(idx(0x08, [], [])), /no axes/);
  await refusedFile(() => readIdx(Uint8Array.of(0, 0, 8, 200, 0, 0)), /too short for a header of 200 axes/);
});

test("IDX: too few values, too many, and sizes beyond all bounds are refused", async () => {
  const huge = 0xffffffff;
  for (const pack of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => gzipSync(bytes)]) {
    await refusedFile(() => readIdx(pack(idx(8, [2, 2], [1, 2, 3]))), /2 × 2 values \(4 bytes\).*cut short/);
    await refusedFile(
      () => readIdx(pack(idx(8, [2, 2], [1, 2, 3, 4, 5]))),
      /\(4 bytes\), the file holds more/,
    );
    await refusedFile(() => readIdx(pack(idx(8, [huge, huge, huge], [1]))), /cut short/);
    await refusedFile(() => readIdx(pack(idx(8, Array(255).fill(huge), [1]))), /cut short/);
    // A product that wraps around to 0 in 32 and in 64 bits.
    await refusedFile(() => readIdx(pack(idx(8, Array(4).fill(2 ** 31), []))), /cut short/);
  }
});

test("gzip: a damaged or truncated file is refused", async () => {
  const packed = gzipSync(
    idx(
      8,
      [400],
      Array.from({ length: 400 }, (_, i) => (i * i) % 251),
    ),
  );
  for (const length of [3, 12, packed.length >> 1, packed.length - 8, packed.length - 1]) {
    await refusedFile(() => readIdx(packed.subarray(0, length)), /damaged or cut short/);
  }
  const flipped = packed.map((byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte));
  await refusedFile(() => readIdx(flipped), /damaged or cut short/);
});

test("gzip: files of every size are read, also where their beginning is all of a piece", async () => {
  // A header is looked for in the first 10,012 bytes: these end before, at and after them, and in other pieces.
  const values = Uint8Array.from({ length: 60_000 }, (_, i) => (i * i) % 251);
  for (let count = 1; count <= values.length; count += count > 9900 && count < 10_100 ? 1 : 977) {
    const file = idx(8, [count], values.subarray(0, count));
    for (const level of [0, 9]) {
      assert.equal((await readArray(gzipSync(file, { level }))).data, values.subarray(0, count), `${count}`);
    }
  }
});

test("gzip: a file may be 65,536 gzip files one after the other, and no more", async () => {
  const empty = gzipSync("");
  const file = Buffer.concat([gzipSync(idx(8, [1], [7])), ...Array(2 ** 16).fill(empty)]);
  assert.equal((await readArray(file.subarray(0, file.length - empty.length))).data, Uint8Array.of(7));
  await refusedFile(() => readArray(file), /more than 65536 gzip files in one/);
});

test("gzip: a bomb unpacks no further than allowed, and what is no array no further than its beginning", async () => {
  const [bomb, text] = [idx(8, [2 ** 27], new Uint8Array(2 ** 27)), Buffer.alloc(2 ** 27, "a,b\n")].map(
    (file) => gzipSync(file),
  ) as [Buffer, Buffer];
  const before = process.memoryUsage().arrayBuffers;
  await refusedFile(
    () => readArray(bomb, { maxBytes: 2 ** 20 }),
    /^gzip: it unpacks to more than maxBytes, 1048576 bytes; give a larger maxBytes to read it$/,
  );
  await refusedFile(() => readArray(text), /^gzip: within, it is text; /);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 26, "some pieces of 4 MB at most");
});

test("unpacking ends with the piece that exceeds the bound, and not with one that comes up to it", () => {
  const packed = deflateRawSync(new Uint8Array(2 ** 26));
  const unpackUpTo = (most: number) => atOnce(unpack(new Inflate(), packed, most)).length;
  // The first piece has 256 bytes, of which each becomes 1032 at most.
  const first = unpackUpTo(1000);
  assert.ok(first > 1000 && first <= 256 * 1032, `${first} bytes`);
  assert.ok(unpackUpTo(first) > first);
});

test("gzip: the checksum of a file of exactly as many bytes as may come out is verified", async () => {
  const packed = gzipSync("123");
  assert.is(atOnce(gunzip(packed, 3)).length, 3);
  packed[packed.length - 8]! ^= 1;
  await refusedFile(() => atOnce(gunzip(packed, 3)), /its checksum is/);
});

test("npy: uint8, float32 and float64, in every version", async () => {
  const values = Float32Array.of(0, 1.5, -2, 3e38, 0.1, 7);
  for (const version of [1, 2, 3]) {
    const float32 = readNpy(npy(dictionary("'<f4'", "(2, 3)"), bytesOf(values), version));
    assert.equal(float32.shape, [2, 3]);
    assert.equal(float32.data, values);
  }
  const float64 = readNpy(npy(dictionary("'<f8'", "(2,)"), bytesOf(Float64Array.of(0.1, 2))));
  assert.equal(float64.data, Float32Array.of(0.1, 2));
  const bytes = readNpy(npy(dictionary("'|u1'", "(3, 1)"), Uint8Array.of(1, 2, 255)));
  assert.equal(bytes.shape, [3, 1]);
  assert.equal(bytes.data, Uint8Array.of(1, 2, 255));
  assert.equal(readNpy(npy(dictionary("'<f4'", "()"), bytesOf(Float32Array.of(4)))).shape, []);
});

test("npy: the first axis may be the fastest, also in files that are read in several turns", async () => {
  for (const shape of [
    [5, 131, 113],
    [1, 2 ** 16, 2],
    [2 ** 16 + 1, 2],
    [2, 2 ** 16 + 1],
  ]) {
    // Each value is its place, counted with the last axis as the fastest.
    const expected = Float32Array.from({ length: elementCount(shape) }, (_, i) => i);
    const columns = new Float32Array(expected.length);
    for (const place of expected) {
      let [rest, at] = [place, 0];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += (rest % shape[axis]!) * elementCount(shape.slice(0, axis));
        rest = Math.floor(rest / shape[axis]!);
      }
      columns[at] = place;
    }
    const file = npy(dictionary("'<f4'", `(${shape.join(", ")})`, "True"), bytesOf(columns));
    const array = await readArray(file);
    assert.equal(array.shape, shape);
    assert.ok(Buffer.from(array.data.buffer).equals(bytesOf(expected)), `${shape}`);
  }
});

test("npy: where the bytes lie in their buffer does not matter", () => {
  const file = npy(dictionary("'<f4'", "(2,)"), bytesOf(Float32Array.of(1, 2)));
  for (const offset of [1, 2, 3]) {
    const buffer = Buffer.concat([Buffer.alloc(offset), file, Buffer.alloc(9)]);
    assert.equal(readNpy(buffer.subarray(offset, offset + file.length)).data, Float32Array.of(1, 2));
  }
});

test("npy: what cannot be read is refused by name, with the cure", async () => {
  const four = bytesOf(Float32Array.of(1, 2, 3, 4));
  const read =
    (text: string, values = four, version = 1) =>
    () =>
      readNpy(npy(text, values, version));
  await refusedFile(() => readNpy(Uint8Array.of(1, 2, 3)), /not a \.npy file/);
  await refusedFile(
    read(dictionary("'|O'", "(4,)")),
    /type is "\|O", an object array, .*pickles.*numpy\.stack/,
  );
  await refusedFile(read(dictionary("'<c8'", "(4,)")), /type is "<c8", complex numbers; save numpy\.stack/);
  await refusedFile(read(dictionary("'<U4'", "(1,)")), /texts; save numbers/);
  await refusedFile(read(dictionary("'<M8[ns]'", "(2,)")), /dates; save array\.astype\(numpy\.int64\)/);
  await refusedFile(read(dictionary("'|V4'", "(4,)")), /raw bytes; save array\.view/);
  for (const descr of ["<f16", "|f4", "=f4", "f4", "<i3", "<q", "", "<f4 ", "__proto__"]) {
    await refusedFile(read(dictionary(`'${descr}'`, "(4,)")), /which is not read; save array\.astype/);
  }
  await refusedFile(
    read(dictionary("[('a', '<f4'), ('b', '<f4')]", "(2,)")),
    /type is a structured one; save one of its/,
  );
  for (const shape of ["(-4,)", "[4]", "4", "(4)", "('4',)", "((4,),)", "(True,)", `(${"1, ".repeat(65)})`]) {
    await refusedFile(
      read(dictionary("'<f4'", shape)),
      /'shape' is no tuple of at most 64 lengths|is no dictionary as numpy writes it/,
    );
  }
  await refusedFile(read(dictionary("'<f4'", "(4,)", "'0'")), /'fortran_order' is neither True nor False/);
  await refusedFile(
    read(dictionary("'<f4'", "(4,)"), four, 4),
    /version is 4\.0, expected 1\.0, 2\.0 or 3\.0/,
  );
  for (const [major, minor] of [
    [0, 0],
    ...[1, 2, 3].flatMap((version) => [
      [version, 1],
      [version, 255],
    ]),
  ]) {
    await refusedFile(
      () => readNpy(npy(dictionary("'<f4'", "(4,)"), four, major, minor)),
      new RegExp(`version is ${major}\\.${minor}, expected 1\\.0, 2\\.0 or 3\\.0`),
    );
  }
  await refusedFile(read(dictionary("'<f4'", "(5,)")), /5 values \(20 bytes\), the file holds 16 bytes/);
  await refusedFile(read(dictionary("'<f4'", "(3,)")), /\(12 bytes\), the file holds more/);
  await refusedFile(read(dictionary("'<f4'", `(${"9".repeat(400)}, 2)`)), /cut short/);
  await refusedFile(read(dictionary("'<f4'", `(4,)${" ".repeat(20_000)}`)), /expected at most 10000/);
});

test("npy: no file cut short anywhere is read", async () => {
  const file = npy(dictionary("'<f4'", "(2, 2)"), bytesOf(Float32Array.of(1, 2, 3, 4)));
  for (let length = 0; length < file.length; length++) {
    await refusedFile(() => readNpy(file.subarray(0, length)), /readNpy/);
  }
});

test("npy: what is written follows numpy's format, and is read back", () => {
  const values = Float32Array.from({ length: 60 }, (_, i) => i / 3);
  const file = toNpy(values, [3, 20]);
  const headerLength = new DataView(file.buffer).getUint16(8, true);
  assert.equal([...file.subarray(0, 8)], [0x93, ...Buffer.from("NUMPY"), 1, 0]);
  assert.is((10 + headerLength) % 64, 0, "the values are aligned");
  const header = Buffer.from(file.subarray(10, 10 + headerLength)).toString("latin1");
  assert.is(header.trimEnd(), "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 20), }");
  assert.ok(header.endsWith("\n"));
  assert.equal(readNpy(file), { shape: [3, 20], data: values, type: "float32" });

  assert.match(Buffer.from(toNpy(values, [60])).toString("latin1"), /'shape': \(60,\), }/);
  assert.equal(readNpy(toNpy(values.subarray(1, 3), [2])).data, values.slice(1, 3));
  assert.equal(readNpy(toNpy(new Float32Array(0), [0, 20])).shape, [0, 20]);
  const precise = Float64Array.of(1 / 3, 2);
  const double = toNpy(precise, [2, 1]);
  assert.match(Buffer.from(double).toString("latin1"), /'descr': '<f8', .*'shape': \(2, 1\), }/);
  assert.equal(double.subarray(-16), new Uint8Array(precise.buffer));
});

test("npy: a shape of another size is an invalid argument", () => {
  for (const shape of [[2, 2], [], [-1, -3], [1.5, 2], Object.assign([3], { length: 2 }), "3", undefined]) {
    refused(
      () => toNpy(new Float32Array(3), shape as number[]),
      "invalid_argument",
      /^toNpy: shape is .*, expected lengths whose product is 3/,
    );
  }
  refused(
    () => toNpy([1] as never, [1]),
    "invalid_argument",
    /values is an Array, expected a Float32Array or/,
  );
});

test("files are told apart by how they begin", async () => {
  const pixels = idx(8, [1, 2], [3, 4]);
  assert.equal((await readArray(pixels)).data, Uint8Array.of(3, 4));
  assert.equal((await readArray(gzipSync(pixels))).data, Uint8Array.of(3, 4));
  assert.equal((await readArray(toNpy(Float32Array.of(5), [1]))).data, Float32Array.of(5));
  await refusedFile(
    () => readArray(Uint8Array.of(1, 2, 3)),
    /it begins with "\\u0001\\u0002\\u0003", expected an IDX file, a \.npy file or/,
  );
  await refusedFile(
    () => readArray(Buffer.from("index,loss\n")),
    /^it is text; if it is a table of numbers, .*pandas\.read_csv/,
  );
});

test("the demo's digits are 300 images with black corners and ink in the middle", async () => {
  const file = readFileSync(new URL("../../demo/mnist-test-300.idx.gz", import.meta.url));
  const { shape, data } = await readArray(file);
  assert.equal(shape, [300, 28, 28]);
  assert.instance(data, Uint8Array);
  assert.ok(data.includes(255));
  const ink = (pixel: number) => data.filter((value, i) => i % 784 === pixel && value > 0).length;
  assert.is(ink(0) + ink(27) + ink(783), 0);
  assert.ok(ink(14 * 28 + 14) > 100);
});

test("pixels are scaled to [0, 1]", () => {
  assert.equal(scalePixels(Uint8Array.of(0, 51, 255)), Float32Array.of(0, 0.2, 1));
});

test("image sizes: two axes, or three of which one outer is a single channel", () => {
  assert.equal(imageSize([28, 20]), [28, 20]);
  assert.equal(imageSize([1, 28, 20]), [28, 20]);
  assert.equal(imageSize([28, 20, 1]), [28, 20]);
  for (const shape of [[], [784], [3, 28, 20], [28, 1, 20], [1, 784], [784, 1], [1, 1, 28, 20]]) {
    assert.is(imageSize(shape), undefined, `${shape}`);
  }
});

test("the targets' entropy: 0 for black and white, log 2 for grey", () => {
  const y = Float32Array.of(0, 1, 0.5, 0.5, 0, 0.25);
  const quarter = -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75));
  const near = (found: Float64Array, expected: readonly number[]) => {
    assert.is(found.length, expected.length);
    expected.forEach((value, i) => {
      assert.ok(Math.abs(found[i]! - value) < 1e-12, `${found[i]} is not ${value}`);
    });
  };
  near(lossFloors(binaryCrossEntropy(), y, 2), [0, Math.LN2, quarter / 2]);
  near(lossFloors(binaryCrossEntropy({ reduction: "sum" }), y, 3), [Math.LN2, Math.LN2 + quarter]);
  near(lossFloors(binaryCrossEntropy(), y, 3, Float32Array.of(1, 0, 3)), [
    (3 * Math.LN2) / 4,
    (Math.LN2 + 3 * quarter) / 4,
  ]);
  const missing = Float32Array.of(Number.NaN, 0.5, 0.5, Number.NaN);
  near(lossFloors(binaryCrossEntropy(), missing, 2, Float32Array.of(0, 1, 2, 0)), [Math.LN2, Math.LN2]);
});

test("CSV: names, a line per row, float32 exact in few digits, text quoted where it must be", () => {
  const table = formatCsv({
    index: [0, 1],
    loss: Float32Array.of(0.1, Number.NaN),
    status: ["converged", 'say "no", or\nmore'],
  });
  assert.is(table, 'index,loss,status\n0,0.1,converged\n1,NaN,"say ""no"", or\nmore"\n');
  for (const value of [0.1, 1 / 3, 3.4e38, 1e-45, 16777215]) {
    const text = formatCsv({ value: Float32Array.of(value) }).split("\n")[1]!;
    assert.is(Math.fround(Number(text)), Math.fround(value));
  }
});

test.run();
