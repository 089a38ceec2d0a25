// Tests src/images/png-format.ts with src/images/png-rows.ts.
import { readFileSync } from "node:fs";
import { decode as decodeByFastPng, encode as encodeByFastPng } from "fast-png";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { decodePng, encodePng } from "../../src/images/png.ts";
import { readPngHeader } from "../../src/images/png-format.ts";
import { byPillow, pictureBytes, pictureFiles } from "../support/pictures.ts";
import {
  pngEnd as end,
  pngFile as fileOf,
  pngHeader as header,
  pngRows as packed,
} from "../support/png-file.ts";
import { refused } from "../support/refusal.ts";

const files = pictureFiles.filter((name) => name.endsWith(".png"));

for (const name of files) {
  test(`${name} has the pixels that Pillow reads`, () => {
    const [found, expected] = [decodePng(pictureBytes(name)), byPillow(name)];
    assert.equal([found.width, found.height], [expected.width, expected.height]);
    assert.equal(found.data, expected.data);
  });

  test(`${name} is written and read back bit for bit`, () => {
    const picture = decodePng(pictureBytes(name));
    assert.equal(decodePng(encodePng(picture)), picture);
  });
}

test("every kind of colour, depth and interlacing that fast-png writes", () => {
  const random = createRandom(1);
  const [width, height] = [11, 10];
  for (const channels of [1, 2, 3, 4] as const) {
    for (const depth of [8, 16] as const) {
      for (const interlace of ["null", "Adam7"] as const) {
        const levels = Array.from({ length: width * height * channels }, () =>
          Math.floor(random.uniform() * 2 ** depth),
        );
        const data = depth === 8 ? Uint8Array.from(levels) : Uint16Array.from(levels);
        const file = encodeByFastPng({ width, height, data, channels, depth }, { interlace });
        const found = decodePng(Uint8Array.from(file));
        const white = 2 ** depth - 1;
        const expected = Array.from({ length: width * height }, (_, pixel) => {
          const own = levels.slice(pixel * channels, (pixel + 1) * channels);
          const colour = channels < 3 ? [own[0]!, own[0]!, own[0]!] : own.slice(0, 3);
          return [...colour, channels % 2 === 0 ? own.at(-1)! : white];
        });
        assert.equal([...found.data], expected.flat(), `${channels} ${depth} ${interlace}`);
      }
    }
  }
});

test("a chunk of more bytes than are summed up at a time, and the longest side that there may be", () => {
  const random = createRandom(1);
  const data = Uint8ClampedArray.from({ length: 4 * 2 ** 16 }, () => 256 * random.uniform());
  const picture = { width: 2 ** 16, height: 1, data };
  const file = encodePng(picture);
  assert.ok(file.length > 2 ** 17);
  assert.equal(decodePng(file), picture);
});

test("fast-png reads what is written: grey and opaque pictures take one and three channels", () => {
  const grey = { width: 2, height: 1, data: Uint8ClampedArray.of(1, 1, 1, 255, 2, 2, 2, 255) };
  const written = decodeByFastPng(encodePng(grey));
  assert.equal([written.channels, written.depth, ...written.data], [1, 8, 1, 2]);
  for (const [data, channels] of [
    [[1, 2, 3, 255], 3],
    [[1, 1, 1, 254], 2],
    [[1, 2, 3, 0], 4],
  ] as const) {
    const { channels: found } = decodeByFastPng(
      encodePng({ width: 1, height: 1, data: Uint8Array.from(data) }),
    );
    assert.is(found, channels);
  }
  const deep = { width: 1, height: 1, data: Uint16Array.of(1000, 1000, 1000, 65535) };
  assert.equal([...decodeByFastPng(encodePng(deep)).data], [1000]);
});

test("torn and damaged files are refused", () => {
  const whole = pictureBytes("colour.png");
  const picture = decodePng(whole);
  for (let length = 0; length < whole.length; length++)
    refused(() => decodePng(whole.subarray(0, length)), "invalid_file", /^decodePng: /);
  for (let at = 0; at < whole.length; at++) {
    const damaged = whole.slice();
    damaged[at]! ^= 0x41;
    refused(() => decodePng(damaged), "invalid_file", /^decodePng: /);
  }
  assert.equal(decodePng(whole), picture);
});

test("sizes that a file cannot hold are refused before memory is taken", () => {
  const before = process.memoryUsage().arrayBuffers;
  for (const [width, height, message] of [
    [2 ** 31, 2 ** 31, /pixels, expected 1 to 67108864 and sides of at most 65536; make it/],
    [1, 2 ** 26, /1 × 67108864 pixels, expected 1 to 67108864 and sides of at most 65536; make it smaller/],
    [2 ** 16 + 1, 1, /65537 × 1 pixels, expected .*sides of at most 65536/],
    [2 ** 14, 2 ** 12, /fewer pixels than its header says/],
    [0, 4, /0 × 4 pixels/],
  ] as const) {
    refused(() => decodePng(fileOf([header(width, height), packed([0]), end])), "invalid_file", message);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

test("a file that unpacks to more or fewer pixels than its header says is refused", () => {
  const bomb = fileOf([header(2, 1), packed(new Uint8Array(2 ** 26)), end]);
  const before = process.memoryUsage().arrayBuffers;
  refused(() => decodePng(bomb), "invalid_file", /more pixels than its header says/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 25);
  refused(
    () => decodePng(fileOf([header(2, 2), packed([0, 1, 1]), end])),
    "invalid_file",
    /fewer pixels than its header/,
  );
});

test("headers, filters and palettes that are none are refused", () => {
  const refuse = (file: Uint8Array, message: RegExp) =>
    refused(() => decodePng(file), "invalid_file", message);
  refuse(fileOf([header(1, 1, 3), packed([0, 0]), end]), /header is damaged/);
  refuse(fileOf([header(1, 1, 16, 3), packed([0, 0]), end]), /header is damaged/);
  refuse(fileOf([header(1, 1, 8, 3), packed([0, 0]), end]), /no palette/);
  const palette = ["PLTE", Uint8Array.of(1, 2, 3)] as const;
  refuse(fileOf([header(1, 1, 8, 3), palette, packed([0, 1]), end]), /colour 1 is beyond/);
  refuse(fileOf([header(1, 1), packed([5, 0]), end]), /damaged or cut short/);
  refuse(fileOf([header(1, 1), ["IDAT", Uint8Array.of(1, 2, 3)], end]), /damaged or cut short/);
  refuse(pictureBytes("colour.jpg"), /no PNG file/);
  refused(() => decodePng("a.png" as never), "invalid_argument", /bytes is "a.png", expected a Uint8Array/);
  refused(
    () => encodePng({ width: 2, height: 1, data: new Uint8Array(4) }),
    "invalid_argument",
    /2 × 1 pixels with 4/,
  );
});

test("of two neighbours that predict alike the left one comes before the upper one, and that before the corner", () => {
  // Corner, upper and left; the prediction of Paeth's filter (4); section 9.4 says which neighbour wins.
  for (const [corner, up, left, predicted] of [
    [10, 8, 11, 8],
    [10, 11, 8, 8],
    [10, 12, 9, 12],
    [10, 7, 13, 10],
    [255, 255, 255, 255],
  ] as const) {
    const rows = [0, corner, up, 4, left - corner, 100 - predicted];
    const { data } = decodePng(fileOf([header(2, 2), packed(rows.map((byte) => byte & 255)), end]));
    assert.equal([data[8], data[12]], [left, 100], `${[corner, up, left]}`);
  }
});

/** Number of the pass that has each pixel of a square, as the specification draws them: figure 5. */
const PASSES = [
  [1, 6, 4, 6, 2, 6, 4, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
  [5, 6, 5, 6, 5, 6, 5, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
  [3, 6, 4, 6, 3, 6, 4, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
  [5, 6, 5, 6, 5, 6, 5, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
];

/** Rows of levels as bytes, each behind the filter "none". */
function bytesOf(rows: readonly (readonly number[])[], depth: number): number[] {
  return rows.flatMap((row) => {
    const bits = row.map((level) => level.toString(2).padStart(depth, "0")).join("");
    const bytes = bits.match(/.{1,8}/g)!.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
    return [0, ...bytes];
  });
}

test("interlaced pictures of every small size and depth have the pixels of those that are not interlaced", () => {
  const random = createRandom(2);
  for (const depth of [1, 2, 4, 8]) {
    for (let size = 0; size < 81; size++) {
      const [width, height] = [1 + (size % 9), 1 + Math.floor(size / 9)];
      const picture = Array.from({ length: height }, () =>
        Array.from({ length: width }, () => Math.floor(random.uniform() * 2 ** depth)),
      );
      const passes = [1, 2, 3, 4, 5, 6, 7].flatMap((pass) =>
        picture
          .map((row, y) => row.filter((_, x) => PASSES[y % 8]![x % 8] === pass))
          .filter((row) => row.length > 0),
      );
      const [whole, interlaced] = [picture, passes].map((rows, i) =>
        decodePng(fileOf([header(width, height, depth, 0, i), packed(bytesOf(rows, depth)), end])),
      );
      assert.equal(interlaced, whole, `${width} × ${height}, ${depth} bits`);
      const levels = picture.flat().map((level) => Math.round((255 * level) / (2 ** depth - 1)));
      assert.equal(
        [...whole!.data].filter((_, i) => i % 4 === 0),
        levels,
      );
    }
  }
});

test("chunks that come twice, too late or too long are refused, and a million empty ones are read", () => {
  const refuse = (chunks: Parameters<typeof fileOf>[0], message: RegExp) =>
    refused(() => decodePng(fileOf([...chunks, end])), "invalid_file", message);
  const pixel = packed([0, 0]);
  const palette = (bytes: number) => ["PLTE", new Uint8Array(bytes)] as const;
  const clear = (bytes: number) => ["tRNS", new Uint8Array(bytes)] as const;
  refuse([header(1, 1), header(2, 2), pixel], /a chunk IHDR too many/);
  refuse([header(1, 1, 8, 3), palette(3), palette(6), pixel], /a chunk PLTE too many/);
  refuse([header(1, 1, 8, 3), pixel, palette(3)], /a chunk PLTE too many, or behind its pixels/);
  refuse([header(1, 1), pixel, clear(2)], /a chunk tRNS too many, or behind/);
  refuse([header(1, 1, 8, 3), palette(771), pixel], /palette has 771 bytes, expected 3 for each/);
  refuse([header(1, 1, 8, 3), palette(4), pixel], /palette has 4 bytes/);
  refuse([header(1, 1, 8, 3), palette(3), clear(2), pixel], /tRNS has 2 bytes/);
  refuse([header(1, 1), clear(4), pixel], /tRNS has 4 bytes/);
  refuse([header(1, 1, 8, 2), clear(2), packed([0, 0, 0, 0])], /tRNS has 2 bytes/);
  refuse([header(1, 1, 8, 6), clear(0), packed([0, 0, 0, 0, 0])], /tRNS has 0 bytes/);
  const whole = fileOf([header(1, 1), packed([0, 7]), end]);
  const empty = fileOf([["IDAT", new Uint8Array(0)]]).subarray(8);
  const many = new Uint8Array(whole.length + 1e6 * empty.length);
  many.set(whole.subarray(0, 33));
  for (let i = 0; i < 1e6; i++) many.set(empty, 33 + i * empty.length);
  many.set(whole.subarray(33), 33 + 1e6 * empty.length);
  const start = process.cpuUsage();
  assert.equal(decodePng(many), decodePng(whole));
  assert.ok(process.cpuUsage(start).user < 5e6);
});

test("a transparent colour of a picture of one pixel", () => {
  const clear = ["tRNS", Uint8Array.of(0, 1, 0, 2, 0, 3)] as const;
  const one = (...pixel: readonly number[]) =>
    decodePng(fileOf([header(1, 1, 8, 2), clear, packed([0, ...pixel]), end])).data;
  assert.equal([...one(1, 2, 3)], [1, 2, 3, 0]);
  assert.equal([...one(1, 2, 4)], [1, 2, 4, 255]);
  const grey = ["tRNS", Uint8Array.of(1, 2)] as const;
  const deep = decodePng(fileOf([header(2, 1, 16), grey, packed([0, 1, 2, 2, 1]), end]));
  assert.equal([...deep.data], [258, 258, 258, 0, 513, 513, 513, 65_535]);
});

test("bytes whose memory may change or has gone are refused", () => {
  const whole = pictureBytes("grey.png");
  const resizable = new Uint8Array(Reflect.construct(ArrayBuffer, [whole.length, { maxByteLength: 1e4 }]));
  resizable.set(whole);
  refused(
    () => decodePng(resizable),
    "invalid_argument",
    /buffer of bytes is resizable, expected a fixed size/,
  );
  const gone = whole.slice();
  structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
  refused(() => decodePng(gone), "invalid_argument", /buffer of bytes has been detached/);
});

test("a suggested palette of a picture in colour is no palette", () => {
  const suggested = ["PLTE", new Uint8Array(768).fill(7)] as const;
  for (const [type, pixel] of [
    [2, [100, 9, 200]],
    [6, [100, 9, 200, 50]],
  ] as const) {
    const found = decodePng(fileOf([header(1, 1, 8, type), suggested, packed([0, ...pixel]), end]));
    assert.equal([...found.data], [...pixel, 255].slice(0, 4));
  }
});

test("colours that differ in one channel alone are written as colours, and are not the transparent one", () => {
  for (const colour of [
    [9, 9, 200],
    [9, 200, 9],
    [200, 9, 9],
  ]) {
    const data = Uint8Array.of(...colour, 255);
    assert.equal([...decodePng(encodePng({ width: 1, height: 1, data })).data], [...data]);
    const clear = ["tRNS", Uint8Array.of(0, 9, 0, 9, 0, 9)] as const;
    const pixels = packed([0, ...colour, 9, 9, 9, 1, 1, 1]);
    const found = decodePng(fileOf([header(3, 1, 8, 2), clear, pixels, end]));
    assert.equal([...found.data], [...data, 9, 9, 9, 0, 1, 1, 1, 255]);
  }
});

test("the demo's digits, the pictures of docs and a header alone", () => {
  const file = readFileSync(new URL("../../examples/conditional/digits.png", import.meta.url));
  const { width, height, data } = decodeByFastPng(file);
  const found = decodePng(file);
  assert.equal([found.width, found.height], [width, height]);
  assert.equal(
    [...found.data].filter((_, i) => i % 4 === 0),
    [...data],
  );
  assert.is(readPngHeader(file.subarray(0, 33)).width, width);
});

test.run();
