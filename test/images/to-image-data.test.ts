import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { fromImageData, type ImageDataLike, toImageData } from "../../src/images/index.ts";
import { refused } from "../support/refusal.ts";

const pixelsOf = ({ data }: ImageDataLike) =>
  Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
const greys = (image: ImageDataLike) => pixelsOf(image).map(([red]) => red!);

test("pictures go in and come out byte for byte, in every layout", () => {
  const random = createRandom(3);
  const [width, height] = [5, 7];
  const bytes = (channels: number) =>
    Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) =>
      i % 4 < channels ? Math.floor(256 * random.uniform()) : 255,
    );
  for (const [outputShape, channels] of [
    [[7, 5, 3], 3],
    [[3, 7, 5], 3],
    [[7, 5, 4], 4],
    [[4, 7, 5], 4],
  ] as const) {
    for (const options of [{}, { invert: true }, { range: [-1, 1] as const }, { range: [3, 1] as const }]) {
      const image = { width, height, data: bytes(channels) };
      assert.equal(
        toImageData(fromImageData(image, { outputShape }, options), { outputShape }, options),
        image,
      );
    }
  }
});

test("every byte of a grey picture comes back", () => {
  const values = Float32Array.from({ length: 256 }, (_, i) => i / 255);
  assert.equal(
    greys(toImageData(values, { outputShape: [16, 16] })),
    Array.from({ length: 256 }, (_, i) => i),
  );
});

test("values beyond black and white are drawn as these", () => {
  assert.equal(
    greys(toImageData(Float32Array.of(-5, 0.5, 7, Infinity), { outputShape: [2, 2] })),
    [0, 128, 255, 255],
  );
});

test("a grid: columns, gaps, scale, and places without a picture", () => {
  const x = Float32Array.of(0, 0.2, 0.4);
  const decoder = { outputShape: [1, 1] };
  const image = toImageData(x, decoder, { columns: 2, gap: 1, scale: 2, background: 0.8 });
  assert.equal([image.width, image.height], [5, 5]);
  const [b, gap] = [204, 204];
  assert.equal(greys(image), [
    ...[0, 0, gap, 51, 51],
    ...[0, 0, gap, 51, 51],
    ...[gap, gap, gap, gap, gap],
    ...[102, 102, gap, b, b],
    ...[102, 102, gap, b, b],
  ]);
  assert.ok(pixelsOf(image).every(([, , , opacity]) => opacity === 255));
  assert.equal(toImageData(new Float32Array(7), decoder).width, 3);
  assert.equal(toImageData(new Float32Array(2), decoder, { columns: 9 }).width, 2);
});

test("hidden pixels are hatched: weight 0 in all channels, or NaN in one", () => {
  const isHatched = (pixel: readonly number[]) => pixel[2]! > pixel[0]! + 50;
  const hatched = (image: ImageDataLike) => pixelsOf(image).map(isHatched);
  const four = { outputShape: [2, 2] };
  const x = Float32Array.of(0, 1, Number.NaN, 0.5);
  assert.equal(hatched(toImageData(x, four)), [false, false, true, false]);
  for (const weights of [Float32Array.of(0, 3, 1, 1), Uint8Array.of(0, 1, 1, 1), [false, true, true, true]])
    assert.equal(hatched(toImageData(x, four, { weights })), [true, false, true, false]);
  const two = toImageData(new Float32Array(8), four, {
    columns: 1,
    weights: [...[1, 1, 1, 0], ...[0, 1, 1, 1]].map(Boolean),
  });
  assert.equal(hatched(two), [false, false, false, true, true, false, false, false]);
  const colour = { outputShape: [1, 2, 3] };
  const some = toImageData(new Float32Array(6), colour, { weights: Uint8Array.of(0, 0, 1, 0, 0, 0) });
  assert.equal(hatched(some), [false, true]);
  // Stripes are opaque over pixels that are not.
  const clear = toImageData(
    new Float32Array(8),
    { outputShape: [1, 2, 4] },
    { weights: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1) },
  );
  assert.equal(
    pixelsOf(clear).map(([, , , opacity]) => opacity),
    [255, 0],
  );
  // Stripes of two colours, whatever the scale.
  for (const scale of [1, 4]) {
    const large = toImageData(
      new Float32Array(16),
      { outputShape: [4, 4] },
      { scale, weights: new Uint8Array(16) },
    );
    assert.is(new Set(pixelsOf(large).map(String)).size, 2);
  }
});

test("an ImageData where the runtime has the class", () => {
  class ImageData {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  }
  Object.assign(globalThis, { ImageData });
  try {
    const image = toImageData(new Float32Array(6), { outputShape: [2, 3] });
    assert.instance(image, ImageData);
    assert.equal([image.width, image.height, image.data.length], [3, 2, 24]);
  } finally {
    delete (globalThis as { ImageData?: unknown }).ImageData;
  }
});

test("an ImageData that the runtime refuses is an error with advice, and what is no class is not called", () => {
  const draw = () => toImageData(new Float32Array(4), { outputShape: [2, 2] });
  const where = globalThis as { ImageData?: unknown };
  try {
    where.ImageData = class {
      constructor() {
        throw new DOMException("too large", "IndexSizeError");
      }
    };
    refused(
      draw,
      "invalid_argument",
      /x is a picture of 2 × 2 pixels, which this runtime refuses \(too large\).*scale/,
    );
    where.ImageData = 5;
    assert.is(draw().width, 2);
  } finally {
    delete where.ImageData;
  }
});

test("what cannot be drawn is refused", () => {
  const refuse = (call: () => unknown, message: RegExp) => refused(call, "invalid_argument", message);
  const decoder = { outputShape: [2, 2] };
  const x = new Float32Array(8);
  refuse(() => toImageData(x.subarray(1), decoder), /x has 7 values, expected a multiple of 4/);
  refuse(() => toImageData(new Float32Array(0), decoder), /x has 0 values/);
  refuse(() => toImageData([0, 0, 0, 0] as never, decoder), /x is an Array, expected a Float32Array/);
  refuse(() => toImageData(x, { outputShape: [8] }), /outputShape is \[8\]/);
  refuse(
    () => toImageData(x, decoder, { weights: new Uint8Array(3) }),
    /weights has 3 values, expected 4 .* or 8/,
  );
  refuse(() => toImageData(x, decoder, { weights: "a" as never }), /weights is "a"/);
  refuse(() => toImageData(x, decoder, { scale: 1.5 }), /scale is 1.5/);
  refuse(
    () => toImageData(x, decoder, { scale: 10 ** 5 }),
    /scale is 100000, expected a picture of at most 268435456 pixels; this one would be .* × .*: draw fewer/,
  );
  refuse(() => toImageData(x, decoder, { gap: 2 ** 30 }), /x has 2 samples, expected a picture of at most/);
  const weights = Object.assign([true, false], { length: 4 });
  refuse(
    () => toImageData(x, decoder, { weights }),
    /weights is undefined at element 2, expected true or false/,
  );
});

test.run();
