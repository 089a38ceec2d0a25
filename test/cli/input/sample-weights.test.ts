import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ArrayFile } from "../../../src/cli/input/array-files/array-file.ts";
import { closeFiles } from "../../../src/cli/input/array-files/open-file.ts";
import { openData } from "../../../src/cli/input/open-data.ts";
import { readNumbers } from "../../../src/cli/input/sample-numbers.ts";
import { openWeights } from "../../../src/cli/input/sample-weights.ts";
import type { SamplesTaken } from "../../../src/cli/input/samples.ts";
import { encodePng } from "../../../src/images/png.ts";
import { Workplace } from "../../support/program.ts";
import { rejected } from "../../support/refusal.ts";

const workplace = new Workplace();
test.after(async () => {
  await closeFiles();
  workplace.dispose();
});

const limits = { maxBytes: 2 ** 30, givenMaxBytes: undefined, signal: undefined };
const [H, W] = [8, 8];

/** Writes a picture, its brightness by place. */
function write(width: number, height: number, level: (x: number, y: number) => number): string {
  const path = `${workplace.newPath()}.png`;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const value = 255 * level(pixel % width, Math.floor(pixel / width));
    data.set([value, value, value, 255], 4 * pixel);
  }
  writeFileSync(path, encodePng({ width, height, data }));
  return path;
}

/** A tall and a wide picture, which `contain` pads at other sides. */
const files = [write(4, 8, () => 0.5), write(16, 8, () => 0.5)];

async function samplesOf(paths: readonly string[]): Promise<SamplesTaken> {
  const target = () => ({ outputShape: [H, W] });
  const array: ArrayFile = await openData("--data", paths, limits, { target, fit: "contain" });
  const taken = { count: paths.length, total: paths.length, shape: [H, W], array };
  return { ...taken, flag: "--data", at: "--data" };
}

async function weightsOf(mask: string, paths: readonly string[] = files): Promise<Float32Array> {
  const samples = await samplesOf(paths);
  const flags = { mask: [mask], fit: "contain" } as const;
  const weights = await openWeights("--mask", flags, samples, undefined, limits);
  return readNumbers(weights!, 0, samples.count);
}

const seen = (x: number, y: number, i: number) => (i === 0 ? x >= 2 && x < 6 : y >= 2 && y < 6);
const expected = (isHidden: (x: number, y: number) => boolean, count = 2) =>
  Float32Array.from({ length: count * H * W }, (_, at) => {
    const [i, x, y] = [Math.floor(at / (H * W)), at % W, Math.floor(at / W) % H];
    return seen(x, y, i) && !isHidden(x, y) ? 1 : 0;
  });

test("padding is hidden, too, by a mask of the decoder's size: a picture's, or an array's", async () => {
  const isHidden = (x: number, y: number) => x < 4 && y < 4;
  const level = (x: number, y: number) => (isHidden(x, y) ? 0 : 1);
  const picture = write(W, H, level);
  const array = workplace.writeFloats(
    Float32Array.from({ length: H * W }, (_, at) => level(at % W, Math.floor(at / W))),
    [H, W],
  );
  for (const mask of [picture, array]) assert.equal(await weightsOf(mask), expected(isHidden));
});

test("a mask of its picture's shape may be larger or smaller; one of another shape is refused by both names", async () => {
  const upper = (height: number) => (_x: number, y: number) => (y < height / 2 ? 0 : 1);
  for (const size of [2, 4, 12])
    assert.equal(
      await weightsOf(write(size, 2 * size, upper(2 * size)), [files[0]!]),
      expected((_, y) => y < 4, 1),
    );
  const turned = write(16, 8, upper(8));
  await rejected(
    weightsOf(turned, [files[0]!]),
    "invalid_file",
    /--mask .*the mask is 16 × 8 pixels, .*png is 4 × 8; give a mask of the picture's shape, or of the decoder's size, 8 × 8/,
  );
});

test("a mask or weights of one channel serve all channels, for all samples or for each", async () => {
  const [count, channels] = [2, 3];
  const plane = Float32Array.from({ length: count * H * W }, (_, i) => (i * 7) % 5);
  const read = async (first: boolean, each: boolean, flag: "mask" | "weights", ones: boolean) => {
    const shape = first ? [channels, H, W] : [H, W, channels];
    const data = workplace.writeFloats(new Float32Array(count * channels * H * W), [count, ...shape]);
    const array = await openData("--data", [data], limits);
    const samples = { count, total: count, shape, array, flag: "--data", at: "--data" };
    const image = ones ? [1, H, W] : [H, W];
    const values = each ? plane : plane.subarray(0, H * W);
    const path = workplace.writeFloats(values, each ? [count, ...image] : image);
    const flags = flag === "mask" ? { mask: [path] } : { weights: path };
    const numbers = await openWeights(`--${flag}`, flags, samples, undefined, limits);
    assert.is(numbers!.isEach, each);
    return [await readNumbers(numbers!, 0, count), await readNumbers(numbers!, 1, 1)] as const;
  };
  for (const first of [true, false])
    for (const each of [true, false])
      for (const flag of ["mask", "weights"] as const)
        for (const ones of [true, false]) {
          const expected = Float32Array.from({ length: (each ? count : 1) * channels * H * W }, (_, at) => {
            const [sample, i] = [Math.floor(at / (channels * H * W)), at % (channels * H * W)];
            const pixel = first ? i % (H * W) : Math.floor(i / channels);
            const value = plane[sample * H * W + pixel]!;
            return flag === "weights" ? value : Math.min(value, 1);
          });
          const [all, second] = await read(first, each, flag, ones);
          assert.equal(all, expected);
          assert.equal(second, each ? expected.subarray(channels * H * W) : expected);
        }
});

test("NaN in a mask is refused, padded or not", async () => {
  const mask = workplace.writeFloats(new Float32Array(H * W).fill(Number.NaN, 20, 21), [H, W]);
  const square = write(W, H, () => 0.5);
  for (const pictures of [files, [square]])
    await rejected(
      weightsOf(mask, pictures),
      "invalid_file",
      /--mask .* has NaN, expected 0 where a value is hidden/,
    );
});

test.run();
