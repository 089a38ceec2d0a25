import { test } from "uvu";
import * as assert from "uvu/assert";
import { atOnce } from "../../../../src/base/event-loop.ts";
import { readJpeg, readJpegHeader, uprightSize } from "../../../../src/cli/input/pictures/jpeg.ts";
import { byPillow, pictureBytes, pictureFiles } from "../../../support/pictures.ts";
import { refused } from "../../../support/refusal.ts";

// JPEG decoders differ by rounding. Pillow's (libjpeg-turbo) also smooths colours of fewer pixels than brightness, which
// jpeg-js repeats: there a colour's edges differ more.
const TOLERANCES: Readonly<Record<string, number>> = { "subsampled.jpg": 24, "progressive.jpg": 24 };

const read = (bytes: Uint8Array) => atOnce(readJpeg(bytes));

const files = pictureFiles.filter((name) => name.endsWith(".jpg"));

for (const name of files) {
  test(`${name} has, upright, the pixels that Pillow reads`, () => {
    const [found, expected] = [read(pictureBytes(name)), byPillow(name)];
    assert.equal([found.width, found.height], [expected.width, expected.height]);
    const most = [...found.data].reduce(
      (far, value, i) => Math.max(far, Math.abs(value - expected.data[i]!)),
      0,
    );
    assert.ok(most <= (TOLERANCES[name] ?? 3), `${most}`);
    const header = readJpegHeader(pictureBytes(name));
    assert.equal(uprightSize(header), { width: expected.width, height: expected.height });
    assert.is(header.isGrey, name === "grey.jpg");
  });
}

test("torn files are refused", () => {
  const whole = pictureBytes("colour.jpg");
  for (const length of [3, 20, 160, 400, whole.length >> 1])
    refused(() => read(whole.subarray(0, length)), "invalid_file", /^the JPEG file/);
});

test("a size that no memory holds is refused before memory is taken", () => {
  const bytes = pictureBytes("colour.jpg").slice();
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  bytes.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  assert.equal(readJpegHeader(bytes).width, 65535);
  const before = process.memoryUsage().arrayBuffers;
  refused(
    () => read(bytes),
    "invalid_file",
    /65535 × 65535 pixels, expected 1 to 67108864 and sides of at most 65536; make it smaller/,
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

test("a thumbnail among the segments, and what follows the end, as a phone's film, are no part of the picture", () => {
  const picture = pictureBytes("colour.jpg");
  const thumbnail = pictureBytes("grey.jpg");
  const length = thumbnail.length + 2;
  const segment = [0xff, 0xe1, length >> 8, length & 255, ...thumbnail];
  const file = Uint8Array.of(...picture.subarray(0, 2), ...segment, ...picture.subarray(2), ...thumbnail);
  assert.equal(read(file), read(picture));
});

test("12 bits a colour are refused, and tables may come before the frame", () => {
  const file = Uint8Array.from(pictureBytes("grey.jpg"));
  const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
  const table = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc4);
  const tables = file.subarray(table, table + 2 + 256 * file[table + 2]! + file[table + 3]!);
  const early = Uint8Array.of(...file.subarray(0, frame), ...tables, ...file.subarray(frame));
  assert.equal(readJpegHeader(early), readJpegHeader(file));
  file[frame + 4] = 12;
  refused(() => read(file), "invalid_file", /12 bits a colour, expected 8/);
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
    assert.is(readJpegHeader(bytes).orientation, 8, isLittle ? "II" : "MM");
  }
});

test("an orientation that is none is upright", () => {
  const bytes = pictureBytes("orientation-6.jpg").slice();
  const tag = bytes.findIndex((byte, i) => byte === 0x01 && bytes[i + 1] === 0x12);
  assert.ok(tag > 0);
  assert.is(readJpegHeader(bytes).orientation, 6);
  bytes[tag + 9] = 9;
  assert.is(readJpegHeader(bytes).orientation, 1);
});

test.run();
