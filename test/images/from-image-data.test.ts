// Tests src/images/from-image-data.ts with src/images/picture.ts and src/images/resample.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Pausable } from "../../src/base/event-loop.ts";
import { convertImages, convertMasks } from "../../src/images/from-image-data.ts";
import {
  type FromImageDataOptions,
  fromImageData,
  type ImageDataLike,
  maskFrom,
  type PictureDecoder,
} from "../../src/images/index.ts";
import { decodePng } from "../../src/images/png.ts";
import { createDecoder, LatentflowError } from "../../src/index.ts";
import { pictureBytes, resizedByTorch } from "../support/pictures.ts";
import { refused } from "../support/refusal.ts";

type Pixel = readonly [red: number, green: number, blue: number, opacity: number];

function picture(width: number, height: number, pixelAt: (x: number, y: number) => Pixel): ImageDataLike {
  const pixels = Array.from({ length: width * height }, (_, i) => pixelAt(i % width, Math.floor(i / width)));
  return { width, height, data: Uint8ClampedArray.from(pixels.flat()) };
}

/** Three by two pixels of as many different levels as bytes allow. */
const colours = picture(3, 2, (x, y) => [40 * x + y, 80 * x + y, 100 + 50 * x + y, 255]);
const level = (byte: number) => Math.fround(byte / 255);
const channelOf = (image: ImageDataLike, channel: number) =>
  [...image.data].filter((_, i) => i % 4 === channel).map(level);

const grey: PictureDecoder = { outputShape: [2, 3] };

test("channels before the pixels, after them, or none: by the decoder's shape and layout", () => {
  const [red, green, blue] = [0, 1, 2].map((channel) => channelOf(colours, channel));
  const interleaved = red!.flatMap((value, i) => [value, green![i]!, blue![i]!]);
  const take = (decoder: PictureDecoder) => [...fromImageData(colours, decoder)];
  assert.equal(take({ outputShape: [2, 3, 3] }), interleaved);
  assert.equal(take({ outputShape: [3, 2, 3], outputLayout: "channelsFirst" }), [
    ...red!,
    ...green!,
    ...blue!,
  ]);
  const square = picture(3, 3, (x, y) => [x, y, x + y, 255]);
  const planes = [0, 1, 2].flatMap((channel) => channelOf(square, channel));
  assert.equal([...fromImageData(square, { outputShape: [3, 3, 3], outputLayout: "channelsFirst" })], planes);
  assert.not.equal([...fromImageData(square, { outputShape: [3, 3, 3] })], planes);
  assert.equal(take({ outputShape: [2, 3, 1] }), take(grey));
  assert.equal(take({ outputShape: [1, 2, 3], outputLayout: "channelsFirst" }), take(grey));
  // The only axis that can be that of channels is it.
  const wide = picture(5, 2, (x, y) => [x, y, 9, 255]);
  const first = [0, 1, 2].flatMap((channel) => channelOf(wide, channel));
  assert.equal([...fromImageData(wide, { outputShape: [3, 2, 5] })], first);
});

test("a decoder's value says its shape and layout itself", () => {
  const decoder = createDecoder({ layers: [2, 6], outputShape: [2, 3] });
  assert.equal(fromImageData(colours, decoder), fromImageData(colours, grey));
});

test("grey is Rec. 601's brightness, and that of a grey picture its own bytes", () => {
  const found = fromImageData(colours, grey);
  for (const [i, value] of found.entries()) {
    const [red, green, blue] = colours.data.subarray(4 * i);
    assert.ok(Math.abs(value - (0.299 * red! + 0.587 * green! + 0.114 * blue!) / 255) < 1e-7);
  }
  const shades = picture(16, 16, (x, y) => [16 * y + x, 16 * y + x, 16 * y + x, 255]);
  assert.equal([...fromImageData(shades, { outputShape: [16, 16] })], channelOf(shades, 0));
});

test("transparent pixels are seen before the background; inversion and range come after it", () => {
  const clear = picture(1, 2, (_, y) => [0, 0, 0, y === 0 ? 0 : 51]);
  const one = (options: FromImageDataOptions) => [...fromImageData(clear, { outputShape: [2, 1] }, options)];
  assert.equal(one({}), [1, Math.fround(0.8)]);
  assert.equal(one({ background: 0 }), [0, 0]);
  assert.equal(one({ background: 0.5 }), [0.5, Math.fround(0.4)]);
  assert.equal(
    one({ invert: true }).map((value) => value.toFixed(6)),
    ["0.000000", "0.200000"],
  );
  assert.equal(
    one({ range: [-1, 1] }).map((value) => value.toFixed(6)),
    ["1.000000", "0.600000"],
  );
  const withOpacity = { outputShape: [2, 1, 4] };
  assert.equal([...fromImageData(clear, withOpacity)], [0, 0, 0, 0, 0, 0, 0, Math.fround(0.2)]);
  assert.equal([...fromImageData(clear, withOpacity, { invert: true })].slice(4), [
    1,
    1,
    1,
    Math.fround(0.2),
  ]);
});

test("16 bits stay 16 bits", () => {
  const deep = { width: 1, height: 1, data: Uint16Array.of(12_345, 12_345, 12_345, 65_535) };
  assert.equal([...fromImageData(deep, { outputShape: [1, 1] })], [Math.fround(12_345 / 65_535)]);
});

test("stretched pictures are those of PyTorch's antialiased bilinear interpolation", () => {
  const file = decodePng(pictureBytes("grey.png"));
  for (const [size, expected] of Object.entries(resizedByTorch)) {
    const outputShape = size.split("x").map(Number);
    const found = fromImageData(file, { outputShape }, { fit: "stretch" });
    assert.is(found.length, expected.length);
    for (const [i, value] of found.entries())
      assert.ok(Math.abs(value - expected[i]!) < 2e-7, `${size} ${i}: ${value}, ${expected[i]}`);
  }
});

test('"contain" shows all of a picture and pads, "cover" fills and crops', () => {
  // Four columns: black, dark, bright, white.
  const wide = picture(4, 2, (x) => [85 * x, 85 * x, 85 * x, 255]);
  const square = { outputShape: [4, 4] };
  const rows = (fit: "contain" | "cover") => {
    const found = fromImageData(wide, square, { fit });
    return [0, 1, 2, 3].map((row) =>
      [...found.subarray(4 * row, 4 * row + 4)].map((value) => value.toFixed(3)),
    );
  };
  const white = ["1.000", "1.000", "1.000", "1.000"];
  const own = ["0.000", "0.333", "0.667", "1.000"];
  assert.equal(rows("contain"), [white, own, own, white]);
  // Of an odd remainder the larger half is below.
  const tall = fromImageData(wide, { outputShape: [5, 4] }, { fit: "contain" });
  assert.equal(
    [0, 1, 2, 3, 4].map((row) => tall[4 * row]),
    [1, 0, 0, 1, 1],
  );
  // The two columns of the middle, twice as wide.
  const middle = ["0.250", "0.417", "0.583", "0.750"];
  assert.equal(rows("cover"), [middle, middle, middle, middle]);
  // Beside a high picture, too: each pixel is where it was, between columns of padding.
  const high = picture(2, 4, (x, y) => [51 * x + 17 * y, 51 * x + 17 * y, 51 * x + 17 * y, 255]);
  const beside = fromImageData(high, { outputShape: [4, 5] }, { fit: "contain" });
  assert.equal(
    [0, 1, 2, 3].map((row) => [...beside.subarray(5 * row, 5 * row + 5)].map((value) => value.toFixed(3))),
    [0, 1, 2, 3].map((y) => ["1.000", (y / 15).toFixed(3), ((3 + y) / 15).toFixed(3), "1.000", "1.000"]),
  );
  const padded = fromImageData(wide, square, { fit: "contain", invert: true, background: 0 });
  assert.equal([...padded.subarray(0, 4)], [1, 1, 1, 1]);
});

test("padding is transparent for a decoder with an axis for opacity, whatever the background", () => {
  const black = picture(2, 1, () => [0, 0, 0, 255]);
  const found = fromImageData(black, { outputShape: [2, 2, 4] }, { fit: "contain", background: 0.5 });
  assert.equal([...found], [...[0, 0, 0, 1, 0, 0, 0, 1], ...[0, 0, 0, 0, 0, 0, 0, 0]]);
});

test("colours of transparent pixels do not bleed into a decoder with an axis for opacity", () => {
  const half = picture(2, 1, (x) => (x === 0 ? [255, 255, 255, 255] : [0, 0, 0, 0]));
  const found = fromImageData(half, { outputShape: [1, 1, 4] }, { fit: "stretch" });
  assert.equal([...found], [1, 1, 1, 0.5]);
});

test("several pictures are samples one after the other, and canvases are read", () => {
  const context = {
    getImageData: (x: number, y: number, w: number, h: number) => {
      assert.equal([x, y, w, h], [0, 0, 3, 2]);
      return colours;
    },
  };
  const canvas = { width: 3, height: 2, getContext: (type: "2d") => (type === "2d" ? context : null) };
  const one = fromImageData(colours, grey);
  assert.equal(fromImageData([colours, canvas], grey), Float32Array.from([...one, ...one]));
});

test("masks: what is black, transparent or painted is hidden, in all channels", () => {
  const mask = picture(
    4,
    1,
    (x) =>
      (
        [
          [0, 0, 0, 255],
          [255, 255, 255, 255],
          [255, 255, 255, 0],
          [0, 0, 0, 0],
        ] as const
      )[x]!,
  );
  const decoder = { outputShape: [1, 4] };
  assert.equal([...maskFrom(mask, decoder)], [0, 1, 0, 0]);
  assert.equal([...maskFrom(mask, decoder, { hides: "transparent" })], [1, 1, 0, 0]);
  assert.equal([...maskFrom(mask, decoder, { hides: "painted" })], [0, 0, 1, 1]);
  assert.equal([...maskFrom(mask, decoder, { hides: "white" })], [1, 0, 0, 0]);
  const first = { outputShape: [3, 1, 4], outputLayout: "channelsFirst" } as const;
  assert.equal([...maskFrom(mask, first)], [0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]);
  const last = { outputShape: [1, 4, 3] };
  assert.equal([...maskFrom(mask, last)], [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
});

test("an opaque mask without hides is refused, which may be black on white or white on black", () => {
  const opaque = picture(2, 1, (x) => (x ? [0, 0, 0, 255] : [255, 255, 255, 255]));
  const decoder = { outputShape: [1, 2] };
  const message =
    /hides is undefined, expected "black" or "white".*without transparent pixels; give "black" if/;
  refused(() => maskFrom(opaque, decoder), "invalid_argument", message);
  refused(() => maskFrom([opaque], decoder), "invalid_argument", message);
  refused(() => fromImageData(opaque, decoder, { mask: opaque }), "invalid_argument", message);
  assert.equal([...maskFrom(opaque, decoder, { hides: "black" })], [1, 0]);
  assert.equal([...fromImageData(opaque, decoder, { mask: opaque, hides: "white" })], [1, 0]);
});

test("masks of another size: the larger part of a pixel decides, and padding is hidden by all", () => {
  const mask = picture(8, 4, (x) => (x < 3 ? [0, 0, 0, 255] : [255, 255, 255, 255]));
  assert.equal([...maskFrom(mask, { outputShape: [1, 2] }, { fit: "stretch", hides: "black" })], [0, 1]);
  const square = { outputShape: [4, 4] };
  const rows = (values: Float32Array) =>
    [0, 1, 2, 3].map((row) => [...values.subarray(4 * row, 4 * row + 4)].join(""));
  assert.equal(rows(maskFrom(mask, square, { fit: "contain", hides: "black" })), [
    "0000",
    "0111",
    "0111",
    "0000",
  ]);
  assert.equal(rows(maskFrom(mask, square, { fit: "contain", hides: "white" })), [
    "0000",
    "1100",
    "1100",
    "0000",
  ]);
  const clear = picture(8, 4, (x) => (x < 3 ? [0, 0, 0, 255] : [0, 0, 0, 0]));
  const painted = maskFrom(clear, square, { fit: "contain", hides: "painted" });
  assert.equal(rows(painted), ["0000", "0111", "0111", "0000"]);
});

test("a scaled pixel that is seen is the mean of seen ones, and one that is hidden is as without a mask", () => {
  const [width, height] = [8, 6];
  const isSeen = (x: number, y: number) => x < 3 || (y > 2 && x !== 4);
  const mask = picture(width, height, (x, y) => (isSeen(x, y) ? [255, 255, 255, 255] : [0, 0, 0, 255]));
  const shade = (x: number, y: number) => 20 * x + 11 * y;
  const damaged = (damage: Pixel) =>
    picture(width, height, (x, y) => (isSeen(x, y) ? [shade(x, y), 0, 0, 255] : damage));
  const decoder = { outputShape: [3, 4, 3] };
  const options = { fit: "stretch", mask, hides: "black", background: 0.25 } as const;
  const given = damaged([255, 0, 255, 255]);
  const found = fromImageData(given, decoder, options);
  const whole = fromImageData(given, decoder, { fit: "stretch", background: 0.25 });
  const other = fromImageData(damaged([0, 9, 77, 3]), decoder, options);
  const weights = maskFrom(mask, decoder, { fit: "stretch", hides: "black" });
  const filter = (target: number, source: number) => Math.max(0, 1 - Math.abs(source - 2 * target - 0.5) / 2);
  for (let pixel = 0; pixel < 12; pixel++) {
    let [sum, total, all] = [0, 0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const weight = filter(pixel % 4, x) * filter(Math.floor(pixel / 4), y);
        all += weight;
        if (!isSeen(x, y)) continue;
        sum += (weight * shade(x, y)) / 255;
        total += weight;
      }
    }
    const isHidden = total / all < 0.5;
    assert.is(weights[3 * pixel], isHidden ? 0 : 1);
    for (const [channel, mean] of [sum / total, 0, 0].entries()) {
      const at = 3 * pixel + channel;
      if (isHidden) assert.is(found[at], whole[at], `pixel ${pixel}, ${channel}`);
      else {
        assert.ok(Math.abs(found[at]! - mean) < 1e-6, `pixel ${pixel}, ${channel}`);
        assert.is(other[at], found[at]);
      }
    }
  }
  assert.ok(weights.includes(0) && weights.includes(1));
});

test("a soft mask keeps hidden pixels out of every scaled pixel that maskFrom calls seen", () => {
  // Three pixels become one, whose filter weighs them 4 : 6 : 4.
  const narrow = { outputShape: [1, 1] };
  const greys = (...levels: number[]) =>
    picture(levels.length, 1, (x) => [levels[x]!, levels[x]!, levels[x]!, 255]);
  const values = (photo: ImageDataLike, mask: ImageDataLike) => {
    const options = { fit: "stretch", hides: "black" } as const;
    const weight = maskFrom(mask, narrow, options)[0]!;
    return [weight, fromImageData(photo, narrow, { ...options, mask })[0]!];
  };
  // Each of the first two is hidden by more than half, all three together by less.
  const mostlyHidden = greys(120, 120, 255);
  assert.equal(values(greys(255, 255, 0), mostlyHidden), [1, 0]);
  assert.equal(values(greys(0, 0, 255), mostlyHidden), [1, 1]);
  // The other way round the scaled pixel is hidden, and has the value that it has without a mask.
  const [weight, value] = values(greys(255, 0, 255), greys(140, 140, 0)) as [number, number];
  assert.is(weight, 0);
  assert.ok(Math.abs(value - 8 / 14) < 1e-6, `${value}`);
});

test("a mask changes no bit where nothing is hidden or nothing scaled", () => {
  const photo = decodePng(pictureBytes("colour-alpha.png"));
  const size = [photo.height, photo.width];
  const masking = (byte: number) => {
    const mask = picture(photo.width, photo.height, () => [byte, byte, byte, 255]);
    return { mask, hides: "black" } as const;
  };
  for (const channels of [1, 3, 4]) {
    const half = { outputShape: [5, 7, channels] };
    for (const fit of ["contain", "cover", "stretch"] as const)
      assert.equal(fromImageData(photo, half, { fit, ...masking(255) }), fromImageData(photo, half, { fit }));
    const same = { outputShape: [...size, channels] };
    assert.equal(fromImageData(photo, same, masking(0)), fromImageData(photo, same));
  }
});

test("a picture's own opacity is its mask, and each picture has one of its size", () => {
  const erased = picture(4, 2, (x) => (x < 2 ? [51, 51, 51, 255] : [255, 0, 255, 0]));
  const narrow = { outputShape: [1, 2] };
  const options = { fit: "stretch", mask: [erased], hides: "transparent" } as const;
  // The erased half is white behind transparency, and has no part in the other.
  assert.ok(Math.abs(fromImageData(erased, narrow, options)[0]! - 0.2) < 1e-7);
  const list = fromImageData([erased, colours], narrow, { ...options, mask: [erased, colours] });
  assert.equal(list.subarray(2), fromImageData(colours, narrow, { fit: "stretch" }));
  refused(
    () => fromImageData(erased, narrow, { fit: "stretch", mask: colours }),
    "invalid_argument",
    /mask is 3 × 2 pixels, expected 4 × 2, as its picture/,
  );
  refused(
    () => fromImageData([erased, erased, erased], narrow, { ...options, mask: [erased, erased] }),
    "invalid_argument",
    /mask has 2 pictures, expected 1, for all, or 3, one for each/,
  );
});

test("lengths that are no lengths and ranges of no colours are refused", () => {
  const grey = { outputShape: [2, 2] };
  for (const [width, height] of [
    [-2, -2],
    [0, 0],
    [0.5, 8],
  ] as const) {
    const data = new Uint8Array(Math.abs(4 * width * height));
    refused(
      () => fromImageData({ width, height, data }, grey),
      "invalid_argument",
      /expected width × height/,
    );
  }
  const image = { width: 2, height: 2, data: new Uint8Array(16) };
  for (const outputShape of [
    [-2, 2],
    [1.5, 2],
    [Number.NaN, 2],
    [Number.POSITIVE_INFINITY, 2],
    ["2", "2"],
  ]) {
    const decoder = { outputShape: outputShape as number[] };
    refused(() => fromImageData(image, decoder), "invalid_argument", /outputShape is/);
  }
  for (const range of [[0, 1e39], [0, 1, 2], [0], [0, "1"]]) {
    const options = { range: range as unknown as [number, number] };
    refused(() => fromImageData(image, grey, options), "invalid_argument", /black and of white/);
  }
});

/** Error that a call throws. */
function errorOf(call: () => unknown): LatentflowError {
  try {
    call();
  } catch (error) {
    if (error instanceof LatentflowError) return error;
    throw error;
  }
  return assert.unreachable("nothing was refused") as never;
}

test("a canvas whose pixels may not be read, and what is none, are refused by name with advice", () => {
  const tainted = () => {
    throw new DOMException("The canvas has been tainted by cross-origin data.", "SecurityError");
  };
  const canvas = (getContext: () => unknown) => ({ width: 3, height: 2, getContext }) as never;
  for (const [at, image] of [
    ["image", canvas(() => ({ getImageData: tainted }))],
    ["image[1]", [colours, canvas(() => ({ getImageData: tainted }))]],
  ] as const) {
    const error = errorOf(() => maskFrom(image, grey, { hides: "black" }));
    assert.is(error.option, at);
    assert.match(error.got!, /^a canvas whose pixels cannot be read \(The canvas has been tainted/);
    assert.match(error.message, /maskFrom: image.* need crossOrigin = "anonymous"/);
    assert.instance(error.cause, DOMException);
  }
  for (const [option, call] of [
    [
      "image",
      () =>
        fromImageData(
          canvas(() => 5),
          grey,
        ),
    ],
    [
      "image",
      () =>
        fromImageData(
          canvas(() => ({ getImageData: 5 })),
          grey,
        ),
    ],
    [
      "image",
      () =>
        fromImageData(
          canvas(() => ({ getImageData: () => null })),
          grey,
        ),
    ],
    [
      "image",
      () =>
        fromImageData(
          canvas(() => ({ getImageData: () => 7 })),
          grey,
        ),
    ],
    ["image", () => fromImageData(colours, { outputShape: [28, 28] })],
    ["decoder", () => fromImageData(colours, {} as never)],
    ["decoder.outputShape", () => fromImageData(colours, { outputShape: [784] })],
  ] as const) {
    const error = errorOf(call);
    assert.equal([error.code, error.option], ["invalid_argument", option]);
    assert.ok(error.got && error.expected, error.message);
  }
});

test("a shape that no memory holds is an error of the library's", () => {
  const huge = { outputShape: [2 ** 20, 2 ** 20] };
  refused(
    () => fromImageData(colours, huge, { fit: "stretch" }),
    "out_of_memory",
    /no memory for 1099511627776 values/,
  );
  const holes = { outputShape: Object.assign([1, 2], { length: 3 }) };
  refused(() => fromImageData(colours, holes), "invalid_argument", /outputShape is \[1, 2/);
});

test("what is no picture, no decoder of pictures, or of another size is refused", () => {
  const refuse = (call: () => unknown, message: RegExp) => refused(call, "invalid_argument", message);
  refuse(
    () => fromImageData(colours, { outputShape: [28, 28] }),
    /image is 3 × 2 pixels, expected 28 × 28.*give fit/,
  );
  const hiding = { hides: "black" } as const;
  refuse(() => maskFrom([colours, colours], { outputShape: [5, 5] }, hiding), /maskFrom: .*expected 5 × 5/);
  refuse(
    () => fromImageData(colours, { outputShape: [784] }),
    /outputShape is \[784\], expected \[height, width\]/,
  );
  refuse(() => fromImageData(colours, { outputShape: [2, 3, 5] }), /outputShape is \[2, 3, 5\]/);
  refuse(() => fromImageData(colours, undefined as never), /decoder is undefined/);
  refuse(() => fromImageData([], grey), /image is an empty list, expected at least one picture/);
  refuse(() => fromImageData(null as never, grey), /image is null, expected an ImageData/);
  refuse(() => fromImageData([colours, "a" as never], grey), /image\[1\] is "a"/);
  refuse(() => fromImageData({ ...colours, width: 4 }, grey), /4 × 2 pixels with 24 values/);
  refuse(
    () => fromImageData({ ...colours, data: new Float32Array(24) as never }, grey),
    /with a Float32Array as data/,
  );
  const canvas = { width: 3, height: 2, getContext: () => null };
  refuse(() => fromImageData(canvas, grey), /canvas without a 2D context/);
  refuse(
    () => fromImageData(colours, grey, { fit: "fill" as never }),
    /fit is "fill", expected "contain" or "cover" or "stretch"/,
  );
  refuse(() => fromImageData(colours, grey, { range: [0, 0] }), /range is \[0, 0\]/);
  refuse(() => maskFrom(colours, grey, { hides: "red" as never }), /hides is "red"/);
});

test("single bright pixels on black stay within [0, 1] when they are scaled", () => {
  for (let size = 29; size < 130; size++) {
    // Row i has its pixel in column i, and only columns are scaled.
    const data = new Uint8ClampedArray(size * size * 4);
    for (let pixel = 0; pixel < size * size; pixel++)
      data.set(pixel % (size + 1) === 0 ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * pixel);
    const y = fromImageData(
      { width: size, height: size, data },
      { outputShape: [size, 28] },
      { fit: "stretch" },
    );
    assert.ok(
      y.every((value) => value >= 0 && value <= 1),
      `from ${size}`,
    );
  }
});

test("a picture is converted with pauses, by rows where it is scaled", () => {
  const image = { width: 2, height: 3000, data: new Uint8Array(4 * 6000) };
  const decoder = { outputShape: [2, 2, 3] };
  const stepsOf = (work: Pausable<Float32Array>) => [...work].length;
  assert.ok(stepsOf(convertImages(image, decoder, { fit: "stretch" })) >= 3 * 3000);
  assert.ok(stepsOf(convertImages(image, decoder, { fit: "stretch", mask: image })) >= 4 * 3 * 3000);
  assert.ok(stepsOf(convertMasks(image, decoder, { fit: "stretch" })) >= 3000);
  const same = { width: 2 ** 9, height: 2 ** 9, data: new Uint8Array(4 * 2 ** 18) };
  // 2^16 pixels at once, to read them and to write them.
  assert.ok(stepsOf(convertImages(same, { outputShape: [2 ** 9, 2 ** 9] }, {})) >= 2 * 4);
});

test("what a thin picture is scaled by takes no more memory than it does", () => {
  const image = { width: 1, height: 2 ** 16, data: new Uint8Array(4 * 2 ** 16).fill(255) };
  const before = process.memoryUsage().arrayBuffers;
  fromImageData(image, { outputShape: [512, 512] }, { fit: "contain" });
  // The rows would take 2^27 bytes at the width of the sample.
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
});

test.run();
