// Tests src/cli/input/pictures/picture-file.ts, too.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeFiles } from "../../../../src/cli/input/array-files/open-file.ts";
import { openData } from "../../../../src/cli/input/open-data.ts";
import type { PictureReading } from "../../../../src/cli/input/pictures/open-pictures.ts";
import { fromImageData, maskFrom, type PictureDecoder } from "../../../../src/images/index.ts";
import { decodePng, encodePng } from "../../../../src/images/png.ts";
import { byPillow, pictureBytes } from "../../../support/pictures.ts";
import { pngEnd, pngFile, pngHeader, pngRows } from "../../../support/png-file.ts";
import { Workplace } from "../../../support/program.ts";
import { rejected } from "../../../support/refusal.ts";

const workplace = new Workplace();
test.after(async () => {
  await closeFiles();
  workplace.dispose();
});

const fixtures = fileURLToPath(new URL("../../../fixtures/pictures/", import.meta.url));
const at = (...names: string[]) => names.map((name) => join(fixtures, name));
const limits = { maxBytes: 2 ** 30, givenMaxBytes: undefined, signal: undefined };
const open = (files: readonly string[], decoder?: PictureDecoder, more: Partial<PictureReading> = {}) =>
  openData("--data", files, limits, { target: () => decoder, ...more });
const image = (name: string) => decodePng(pictureBytes(name));

test("files are samples in the decoder's shape, with their names", async () => {
  const names = ["grey.png", "colour.png", "palette.png", "one-bit.png"];
  for (const decoder of [
    { outputShape: [9, 13] },
    { outputShape: [9, 13, 3] },
    { outputShape: [3, 9, 13] },
  ]) {
    const array = await open(at(...names), decoder);
    assert.equal(array.shape, [4, ...decoder.outputShape]);
    const all = fromImageData(names.map(image), decoder);
    assert.equal(await array.read(0, all.length), all);
    assert.equal(await array.read(100, 300), all.slice(100, 300), "within samples");
    assert.match(array.names![1]!, /colour\.png$/);
  }
});

test("without a decoder of pictures the first file's own shape and channels count", async () => {
  assert.equal((await open(at("grey.png", "colour.png"))).shape, [2, 9, 13]);
  assert.equal((await open(at("colour.png"))).shape, [1, 9, 13, 3]);
  assert.equal((await open(at("orientation-6.jpg"))).shape, [1, 26, 18, 3]);
  assert.equal((await open(at("colour.png"), { outputShape: [9 * 13] })).shape, [1, 9, 13]);
});

test("grey files with opacity are grey, and flat decoders take as many channels as fit", async () => {
  assert.equal((await open(at("grey-alpha.png"))).shape, [1, 9, 13]);
  assert.equal(
    (await open(at("colour.png", "grey-alpha.png", "grey-16.png"), { outputShape: [9, 13] })).pictures!
      .madeGrey,
    [true, false, false],
  );
  const colours = await open(at("grey.png", "colour.png"), { outputShape: [9, 13, 3] });
  assert.equal(colours.pictures!.madeGrey, [false, false]);
  assert.is(
    (await open(at("colour-alpha.png"), { outputShape: [9, 13] }, { as: "weight" })).pictures,
    undefined,
  );
  assert.equal((await open(at("grey.png"), { outputShape: [9 * 13 * 3] })).shape, [1, 9, 13, 3]);
});

test("a JPEG file whose frame lies behind 64 kB of a camera's data is read", async () => {
  const bytes = pictureBytes("grey.jpg");
  const segment = Uint8Array.of(0xff, 0xe2, 0xff, 0xff, ...new Uint8Array(0xffff - 2));
  const file = `${workplace.newPath()}.jpg`;
  writeFileSync(file, Buffer.concat([bytes.subarray(0, 2), segment, bytes.subarray(2)]));
  const [late, expected] = [await open([file]), await open(at("grey.jpg"))];
  assert.equal(late.shape, [1, 18, 26]);
  assert.equal(await late.read(0, 18 * 26), await expected.read(0, 18 * 26));
});

test("pixels that are half transparent at 16 bits are seen from 32768 on", async () => {
  const levels = [0, 32_767, 32_768, 65_535];
  const file = `${workplace.newPath()}.png`;
  const data = Uint16Array.from(levels.flatMap((opacity) => [0, 0, 0, opacity]));
  writeFileSync(file, encodePng({ width: 4, height: 1, data }));
  const { pictures } = await open([file], { outputShape: [1, 4] });
  assert.equal(pictures!.transparent, [2]);
  assert.equal(await pictures!.seen!.read(0, 4), Float32Array.of(0, 0, 1, 1));
  // Of two pixels that become one, exactly half is seen.
  const halves = await open([file], { outputShape: [1, 2] }, { fit: "stretch" });
  assert.equal(halves.pictures!.transparent, [1]);
  const both = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 255);
  writeFileSync(file, encodePng({ width: 2, height: 1, data: both }));
  assert.equal((await open([file], { outputShape: [1, 1] }, { fit: "stretch" })).pictures!.transparent, [0]);
});

test("pictures and masks without a pixel that is seen are refused by name", async () => {
  const file = `${workplace.newPath()}.png`;
  writeFileSync(file, encodePng({ width: 2, height: 1, data: new Uint8Array(8) }));
  const decoder = { outputShape: [1, 2] };
  const { pictures } = await open([file], decoder);
  await rejected(
    pictures!.seen!.read(0, 2),
    "invalid_file",
    /\.png: all pixels are transparent.*leave the picture out/,
  );
  const mask = await open([file], decoder, { as: "mask" });
  await rejected(
    mask.read(0, 2),
    "invalid_file",
    /the mask hides all pixels, as it is read with --mask-hides black/,
  );
});

test("a picture that is replaced after its header was read is refused, and a pipe in its place not waited for", async () => {
  const file = `${workplace.newPath()}.png`;
  const decoder = { outputShape: [6, 6] };
  copyFileSync(at("grey.png")[0]!, file);
  const scaled = await open([file], decoder, { fit: "contain" });
  copyFileSync(at("orientation-6.jpg")[0]!, file);
  const changed =
    /\.png: the picture is 18 × 26 pixels, and was 13 × 9 when .*opened; do not change it during the run/;
  await rejected(scaled.read(0, 36), "invalid_file", changed);

  unlinkSync(file);
  execFileSync("mkfifo", [file]);
  await rejected(scaled.read(0, 36), "invalid_file", /\.png: it is a named pipe, expected a file/);
  await rejected(scaled.fingerprint(), "invalid_file", /\.png: it is a named pipe, expected a file/);
});

test("JPEG files are upright samples", async () => {
  const decoder = { outputShape: [26, 18, 3] };
  const array = await open(at("orientation-6.jpg"), decoder);
  const expected = fromImageData(byPillow("orientation-6.jpg"), decoder);
  const found = await array.read(0, expected.length);
  assert.ok(found.every((value, i) => Math.abs(value - expected[i]!) <= 3.01 / 255));
});

test("--fit and --invert, and masks and weights, are those of the library", async () => {
  const decoder = { outputShape: [6, 6] };
  const options = { fit: "contain", invert: true } as const;
  const whole = await open(at("grey.png"), decoder, options);
  assert.equal(await whole.read(0, 36), fromImageData(image("grey.png"), decoder, options));
  const mask = await open(at("grey-alpha.png"), decoder, { fit: "cover", as: "mask", hides: "transparent" });
  const hiding = { fit: "cover", hides: "transparent" } as const;
  assert.equal(await mask.read(0, 36), maskFrom(image("grey-alpha.png"), decoder, hiding));
  const weights = await open(at("colour-alpha.png"), { outputShape: [9, 13] }, { as: "weight" });
  const expected = fromImageData(image("colour-alpha.png"), { outputShape: [9, 13] }, { background: 0 });
  assert.equal(await weights.read(0, 117), expected);
});

test("padding is counted and has weight 0, whatever the channels and with transparency beside it", async () => {
  for (const outputShape of [
    [20, 20],
    [3, 20, 20],
    [20, 20, 4],
  ]) {
    const decoder = { outputShape };
    const channels = outputShape.length === 2 ? 1 : outputShape[0] === 3 ? 3 : 4;
    const names = ["grey.png", "transparent-colour.png"];
    const { pictures } = await open(at(...names), decoder, { fit: "contain" });
    const expected = names.map((name, i) => {
      const hidden = maskFrom(byPillow(name), decoder, { hides: "transparent", fit: "contain" });
      const padding = maskFrom(byPillow("grey.png"), decoder, { hides: "transparent", fit: "contain" });
      return i === 1 && channels < 4 ? hidden : padding;
    });
    // 13 × 9 pixels become 20 × 14.
    assert.equal(pictures!.padded, [120, 120]);
    const count = (mask: Float32Array) => mask.filter((value) => value === 0).length / channels;
    assert.equal(
      pictures!.transparent,
      expected.map((mask) => count(mask) - 120),
    );
    assert.equal(
      await pictures!.seen!.read(0, 2 * 400 * channels),
      Float32Array.from(expected.flatMap((mask) => [...mask])),
    );
  }
});

test("transparent pixels of samples are counted and have weights of 0, of every format with opacity", async () => {
  const names = ["grey.png", "grey-alpha.png", "colour-alpha.png", "palette.png", "transparent-colour.png"];
  for (const decoder of [{ outputShape: [9, 13] }, { outputShape: [3, 9, 13] }]) {
    const channels = decoder.outputShape.length === 2 ? 1 : 3;
    const files = names;
    const { pictures } = await open(at(...files), decoder);
    const expected = files.map((name) => maskFrom(byPillow(name), decoder, { hides: "transparent" }));
    assert.equal(
      pictures!.transparent,
      expected.map((mask) => mask.filter((value) => value === 0).length / channels),
    );
    assert.is(pictures!.transparent[0], 0);
    assert.ok(pictures!.transparent[4]! > 0);
    const size = 9 * 13 * channels;
    assert.equal(
      await pictures!.seen!.read(size, 3 * size),
      Float32Array.from([...expected[1]!, ...expected[2]!]),
    );
    assert.is((await open(at("grey.png"), decoder)).pictures!.seen, undefined);
  }
  const withOpacity = await open(at("colour-alpha.png"), { outputShape: [9, 13, 4] });
  assert.is(withOpacity.pictures!.seen, undefined);
  assert.equal((await open(at("colour.png", "grey.png"), { outputShape: [9, 13] })).pictures!.madeGrey, [
    true,
    false,
  ]);
});

test("each of the pictures that are scaled has its own mask", async () => {
  const folder = workplace.newPath();
  const write = (name: string, levels: readonly number[]) => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    const data = Uint8Array.from(levels.flatMap((level) => [level, level, level, 255]));
    writeFileSync(file, encodePng({ width: levels.length, height: 1, data }));
    return file;
  };
  const pictures = [write("a.png", [0, 255]), write("b.png", [0, 255])];
  const files = [write("masks/a.png", [255, 0]), write("masks/b.png", [0, 255])];
  const masks = { flag: "--mask", files, hides: "black" } as const;
  const array = await open(pictures, { outputShape: [1, 1] }, { fit: "stretch", masks });
  assert.equal([...(await array.read(0, 2))], [0, 1]);
});

test("a decoder with a channel of opacity takes transparency as a value where pictures are scaled, too", async () => {
  const file = `${workplace.newPath()}.png`;
  const [red, clear] = [
    [255, 0, 0, 255],
    [0, 255, 0, 0],
  ];
  writeFileSync(file, encodePng({ width: 2, height: 1, data: Uint8Array.from([...red!, ...clear!]) }));
  const decoder = { outputShape: [1, 1, 4] };
  const masks = { flag: "--mask", hides: "transparent" } as const;
  const array = await open([file], decoder, { fit: "stretch", masks });
  assert.equal(array.pictures!.transparent, [0]);
  assert.equal([...(await array.read(0, 4))], [1, 0, 0, 0.5]);
});

test("fingerprints differ by the files' bytes, their order and how they are read", async () => {
  const decoder = { outputShape: [9, 13] };
  const sums = await Promise.all([
    ...[at("grey.png", "colour.png"), at("colour.png", "grey.png"), at("grey.png", "one-bit.png")].map(
      (files) => open(files, decoder).then((array) => array.fingerprint()),
    ),
    open(at("grey.png", "colour.png"), decoder, { invert: true }).then((array) => array.fingerprint()),
  ]);
  const masks = await Promise.all(
    (
      [
        [decoder, { as: "mask" }],
        [decoder, { as: "mask", hides: "white" }],
        [decoder, { as: "weight" }],
        [decoder, { fit: "cover" }],
        [{ outputShape: [3, 3, 3] }, { fit: "cover" }],
        [{ outputShape: [3, 3, 3], outputLayout: "channelsFirst" }, { fit: "cover" }],
      ] as const
    ).map(([shape, reading]) =>
      open(at("grey.png", "colour.png"), shape, reading).then((array) => array.fingerprint()),
    ),
  );
  assert.is(new Set([...sums, ...masks]).size, 10);
  const copy = workplace.newPath();
  mkdirSync(copy);
  copyFileSync(join(fixtures, "grey.png"), join(copy, "a.png"));
  const array = await open([join(copy, "a.png")], decoder);
  assert.is(await array.fingerprint(), await (await open(at("grey.png"), decoder)).fingerprint());
});

test("wrong sizes, torn files and mixed kinds are refused, each by its name, before the first is read", async () => {
  const decoder = { outputShape: [9, 13] };
  const refuse = (
    work: Promise<unknown>,
    message: RegExp,
    code: "invalid_file" | "invalid_argument" = "invalid_file",
  ) => rejected(work, code, message);
  await refuse(
    open(at("colour.jpg"), decoder),
    /colour\.jpg: the picture is 26 × 18 pixels, expected 13 × 9; give --fit/,
  );
  await refuse(
    open(at("grey.png", "grey.jpg")),
    /grey\.jpg: the picture is 26 × 18 .* as --data .*grey\.png/,
  );
  const file = `${workplace.newPath()}.png`;
  writeFileSync(file, pictureBytes("colour.png").subarray(0, 200));
  const torn = await open([file], decoder);
  await refuse(torn.read(0, 10), /damaged or cut short/);
  writeFileSync(file, pictureBytes("colour.png").subarray(0, 20));
  await refuse(open([file], decoder), /cut short within its header/);
  const text = workplace.writeFloats(new Float32Array(2), [1, 2]);
  await refuse(
    open([...at("grey.png"), text], decoder),
    /it is a \.npy file.*, expected a PNG or JPEG file, as the first file is/,
  );
  const other = join(workplace.newPath(), "broken.png");
  mkdirSync(dirname(other));
  writeFileSync(other, new Uint8Array(100).fill(7));
  for (const files of [[other], [...at("grey.png"), other]])
    await refuse(
      open(files, decoder),
      /broken\.png: it begins with "\\u0007.*, expected a PNG or JPEG file, which its name says/,
    );
  writeFileSync(other, Buffer.from("GIF89a\x01\0\x01\0"));
  await refuse(
    open([other], decoder),
    /broken\.png: it begins with "GIF89a.*", expected a PNG or JPEG file, which its name says/,
  );
  const webp = `${workplace.newPath()}.webp`;
  writeFileSync(webp, Buffer.from("RIFF\x24\0\0\0WEBPVP8 "));
  await refuse(
    open([webp], decoder),
    /it begins with "RIFF.*WEBP", expected an IDX file, a \.npy file or a \.npz file/,
  );
  await refuse(
    open(at("grey.png"), { outputShape: [117] }, { fit: "cover" }),
    /--fit cover: .* \[?117.*--output-shape/,
    "invalid_argument",
  );
  await refuse(
    open([text], decoder, { fit: "cover" }),
    /--fit is for PNG and JPEG files/,
    "invalid_argument",
  );
  await refuse(
    open([text], decoder, { invert: true }),
    /--invert is for PNG and JPEG files/,
    "invalid_argument",
  );
});

test("pictures are decoded and scaled a row at a time, and an abort between two rows ends that", async () => {
  const file = `${workplace.newPath()}.png`;
  const [width, height] = [8, 2 ** 12];
  writeFileSync(
    file,
    pngFile([pngHeader(width, height, 1), pngRows(new Uint8Array(height * (1 + width / 8))), pngEnd]),
  );
  /** Reads the picture, and aborts when the signal is looked at for this time. */
  const read = async (as: NonNullable<PictureReading["as"]>, last: number) => {
    const { signal } = new AbortController();
    let looks = 0;
    Object.assign(signal, {
      throwIfAborted() {
        if (looks++ >= last) throw new Error("enough");
      },
    });
    const reading: PictureReading = {
      target: () => ({ outputShape: [28, 28] }),
      fit: "contain",
      as,
      hides: "white",
    };
    const array = await openData("--data", [file], { ...limits, signal }, reading);
    const reason = await array.read(0, 784).then(
      () => undefined,
      ({ message }: Error) => message,
    );
    return { looks, reason };
  };
  for (const as of ["sample", "weight", "mask"] as const) {
    const { looks, reason } = await read(as, Number.POSITIVE_INFINITY);
    assert.is(reason, undefined, as);
    assert.ok(looks >= 2 * height, `${as}: ${looks}`);
    for (const last of [height / 2, looks - height / 2])
      assert.equal(await read(as, last), { looks: last + 1, reason: "enough" }, as);
  }
});

test.run();
