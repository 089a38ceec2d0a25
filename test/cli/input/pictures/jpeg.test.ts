import { test } from "uvu";
import * as assert from "uvu/assert";
import { atOnce } from "../../../../src/base/event-loop.ts";
import { readJpeg, readJpegHeader, uprightSize } from "../../../../src/cli/input/pictures/jpeg.ts";
import { byPillow, pictureBytes, pictureFiles } from "../../../support/pictures.ts";
import { refused } from "../../../support/refusal.ts";

// JPEG decoders differ by rounding. Pillow's (libjpeg-turbo) also smooths colours of fewer pixels than brightness, which
// jpeg-js repeats: there a colour's edges differ more.
const TOLERANCES: Readonly<Record<string, number>> = { "subsampled.jpg": 24, "progressive.jpg": 24 };

const read = (where: string, bytes: Uint8Array) => atOnce(readJpeg(where, bytes));

const files = pictureFiles.filter((name) => name.endsWith(".jpg"));

for (const name of files) {
  test(`${name} has, upright, the pixels that Pillow reads`, () => {
    const [found, expected] = [read(name, pictureBytes(name)), byPillow(name)];
    assert.equal([found.width, found.height], [expected.width, expected.height]);
    const most = [...found.data].reduce(
      (far, value, i) => Math.max(far, Math.abs(value - expected.data[i]!)),
      0,
    );
    assert.ok(most <= (TOLERANCES[name] ?? 3), `${most}`);
    const header = readJpegHeader(name, pictureBytes(name));
    assert.equal(uprightSize(header), { width: expected.width, height: expected.height });
    assert.is(header.isGrey, name === "grey.jpg");
  });
}

test("torn files are refused", () => {
  const whole = pictureBytes("colour.jpg");
  for (const length of [3, 20, 160, 400, whole.length >> 1])
    refused(() => read("here", whole.subarray(0, length)), "invalid_file", /^here: the JPEG file/);
});

test("a size that no memory holds is refused before memory is taken", () => {
  const bytes = pictureBytes("colour.jpg").slice();
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  bytes.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  assert.equal(readJpegHeader("here", bytes).width, 65535);
  const before = process.memoryUsage().arrayBuffers;
  refused(
    () => read("here", bytes),
    "invalid_file",
    /65535 × 65535 pixels, expected 1 to 67108864 and sides of at most 65536; make it smaller/,
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

/** A segment: marker, length and content. */
const segment = (marker: number, ...content: readonly number[]) => [
  ...[0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255],
  ...content,
];
const wordOf = (value: number) => [value >> 8, value & 255];
/** A table with one code, of a bit: 0 for `symbol`. */
const tableOf = (kind: number, symbol: number) => segment(0xc4, kind, 1, ...Array(15).fill(0), symbol);
const frameOf = (width: number, height: number) =>
  segment(0xc2, 8, ...wordOf(height), ...wordOf(width), 1, 1, 0x11, 0);
/** A scan of the first coefficients of one component, all 0. */
const firstScan = (blocks: number) => [
  ...segment(0xda, 1, 1, 0, 0, 0, 0),
  ...Array(Math.ceil(blocks / 8)).fill(0),
];
/** A scan of all other coefficients, which are none in up to 2^14 + 1 blocks: 16 bits. */
const emptyScan = [...segment(0xda, 1, 1, 0, 1, 63, 0), 0b0000_0000, 0b0000_0000];
const tables = [...segment(0xdb, 0, ...Array(64).fill(1)), ...tableOf(0, 0), ...tableOf(0x10, 0xe0)];
const [begin, finish] = [
  [0xff, 0xd8],
  [0xff, 0xd9],
];

test("a progressive file of more scans than are decoded in seconds is refused, wherever they hide", () => {
  const blocks = 2 ** 14;
  const most = 2 ** 26 / blocks;
  const fileOf = (scans: readonly number[], count: number, ...more: readonly number[]) =>
    Uint8Array.from([
      ...begin!,
      ...more,
      ...tables,
      ...frameOf(1024, 1024),
      ...firstScan(blocks),
      ...Array.from({ length: count }, () => scans).flat(),
      ...finish!,
    ]);
  const few = read("here", fileOf(emptyScan, 9));
  assert.equal([few.width, few.height], [1024, 1024]);
  const refuse = (file: Uint8Array, message: RegExp) =>
    refused(() => read("here", file), "invalid_file", message);
  const tooMany = /^here: the JPEG file has 4097 scans of 1024 × 1024 pixels, expected at most 4096; save it/;
  refuse(fileOf(emptyScan, most), tooMany);
  // In what a damaged length makes a table, or leads past.
  refuse(fileOf([...emptyScan, ...segment(0xc4, 0xff, 0xda)], most / 2), tooMany);
  const whole = fileOf(emptyScan, most);
  const broken = whole.slice();
  broken.set([0xff, 0xff], broken.length - 20 * emptyScan.length);
  refuse(broken, tooMany);
  // A comment's and a thumbnail's are none, and what follows the end is another picture's.
  const apart = [...segment(0xfe, 0xff, 0xda, 0xff, 0xc2), ...segment(0xe1, 0xff, 0xda, 0xff, 0xc2)];
  const many = Array.from({ length: most }, () => apart).flat();
  assert.equal(read("here", fileOf(emptyScan, 9, ...many)), few);
  assert.equal(read("here", Uint8Array.of(...fileOf(emptyScan, 9), ...whole)), few);
});

test("a second frame, which may be larger than the first, is refused before it is decoded", () => {
  const file = (second: readonly number[]) =>
    Uint8Array.from([...begin!, ...tables, ...frameOf(8, 8), ...second, ...firstScan(1), ...finish!]);
  assert.is(read("here", file([])).width, 8);
  refused(
    () => read("here", file(frameOf(8000, 8000))),
    "invalid_file",
    /more than one picture, expected one/,
  );
});

test("12 bits a colour are refused, and tables may come before the frame", () => {
  const file = Uint8Array.from(pictureBytes("grey.jpg"));
  const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
  const table = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc4);
  const tables = file.subarray(table, table + 2 + 256 * file[table + 2]! + file[table + 3]!);
  const early = Uint8Array.of(...file.subarray(0, frame), ...tables, ...file.subarray(frame));
  assert.equal(readJpegHeader("here", early), readJpegHeader("here", file));
  file[frame + 4] = 12;
  refused(() => read("here", file), "invalid_file", /12 bits a colour, expected 8/);
});

test("the orientation is read in either order of bytes", () => {
  // An EXIF segment of one entry, as cameras of Intel's order ("II") and Motorola's ("MM") write it.
  for (const isLittle of [true, false]) {
    const segment = Buffer.alloc(36);
    const view = new DataView(segment.buffer, segment.byteOffset, segment.length);
    view.setUint16(0, 0xffe1);
    view.setUint16(2, 34);
    segment.write(`Exif\0\0${isLittle ? "II" : "MM"}`, 4, "latin1");
    view.setUint16(12, 42, isLittle);
    view.setUint32(14, 8, isLittle);
    view.setUint16(18, 1, isLittle);
    view.setUint16(20, 0x0112, isLittle);
    view.setUint16(22, 3, isLittle);
    view.setUint32(24, 1, isLittle);
    view.setUint16(28, 8, isLittle);
    const plain = pictureBytes("grey.jpg");
    const bytes = Uint8Array.of(...plain.subarray(0, 2), ...segment, ...plain.subarray(2));
    assert.is(readJpegHeader("here", bytes).orientation, 8, isLittle ? "II" : "MM");
  }
});

test("an orientation that is none is upright", () => {
  const bytes = pictureBytes("orientation-6.jpg").slice();
  const tag = bytes.findIndex((byte, i) => byte === 0x01 && bytes[i + 1] === 0x12);
  assert.ok(tag > 0);
  assert.is(readJpegHeader("here", bytes).orientation, 6);
  bytes[tag + 9] = 9;
  assert.is(readJpegHeader("here", bytes).orientation, 1);
});

test.run();
