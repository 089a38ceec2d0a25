import { test } from "uvu";
import * as assert from "uvu/assert";
import { readJpeg, readJpegHeader, uprightSize } from "../../../../src/cli/input/pictures/jpeg.ts";
import { byPillow, pictureBytes, pictureFiles } from "../../../support/pictures.ts";
import { refused } from "../../../support/refusal.ts";

// JPEG decoders differ by rounding. Pillow's (libjpeg-turbo) also smooths colours of fewer pixels than brightness, which
// jpeg-js repeats: there a colour's edges differ more.
const TOLERANCES: Readonly<Record<string, number>> = { "subsampled.jpg": 24, "progressive.jpg": 24 };

const files = pictureFiles.filter((name) => name.endsWith(".jpg"));

for (const name of files) {
  test(`${name} has, upright, the pixels that Pillow reads`, () => {
    const [found, expected] = [readJpeg(name, pictureBytes(name)), byPillow(name)];
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
    refused(() => readJpeg("here", whole.subarray(0, length)), "invalid_file", /^here: the JPEG file/);
});

test("a size that no memory holds is refused before memory is taken", () => {
  const bytes = pictureBytes("colour.jpg").slice();
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  bytes.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  assert.equal(readJpegHeader("here", bytes).width, 65535);
  const before = process.memoryUsage().arrayBuffers;
  refused(() => readJpeg("here", bytes), "invalid_file", /cannot be read: maxResolutionInMP/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

test("12 bits a colour are refused, and tables may come before the frame", () => {
  const file = Uint8Array.from(pictureBytes("grey.jpg"));
  const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
  const table = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc4);
  const tables = file.subarray(table, table + 2 + 256 * file[table + 2]! + file[table + 3]!);
  const early = Uint8Array.of(...file.subarray(0, frame), ...tables, ...file.subarray(frame));
  assert.equal(readJpegHeader("here", early), readJpegHeader("here", file));
  file[frame + 4] = 12;
  refused(() => readJpeg("here", file), "invalid_file", /12 bits a colour, expected 8/);
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
