// run: slow
// Tests src/cli/commands with pictures as samples, weights and results: src/cli/input/sample-weights.ts,
// src/cli/output/completed-pictures.ts, src/cli/output/input-figures.ts, src/cli/input/pictures/picture-options.ts.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import fileSystem from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import { fromImageData, maskFrom, toImageData } from "../../../src/images/index.ts";
import { decodePng, encodePng } from "../../../src/images/png.ts";
import { createDecoder, decode, wasm } from "../../../src/index.ts";
import { column, readCsv, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere } from "../../support/run-here.ts";

const workplace = new Workplace();
test.after(() => workplace.dispose());

const [H, W, B] = [6, 5, 11];
const shape = { outputShape: [H, W] };
const decoder = createDecoder({ layers: [3, 8, H * W], outputShape: [H, W], loss: "bce", seed: 1 });
const decoderFile = `${workplace.newPath()}.safetensors`;
writeFileSync(decoderFile, decoder.toSafetensors());
const y = randomArray(1, B * H * W, 0, 1).map((value) => Math.fround(Math.round(255 * value) / 255));
const folder = workplace.newPath();
mkdirSync(folder);
for (let i = 0; i < B; i++) {
  const image = toImageData(y.slice(i * H * W, (i + 1) * H * W), shape);
  writeFileSync(join(folder, `p${i}.png`), encodePng(image));
}
const arrayFile = workplace.writeFloats(y, [B, H, W]);
const seen = Float32Array.from({ length: H * W }, (_, i) => (i < 12 ? 0 : 1));
const maskFile = `${workplace.newPath()}.png`;
writeFileSync(maskFile, encodePng(toImageData(seen, shape)));

async function succeed(command: string, ...args: string[]): Promise<string> {
  const out = workplace.newPath();
  const { exit, stderr } = await runHere(command, "--out", out, "--threads", "1", "--quiet", ...args);
  assert.is(exit, 0, stderr);
  return out;
}
const encode = (...args: string[]) => succeed("encode", "--decoder", decoderFile, ...args);
const latents = (out: string) => readFileSync(join(out, "latents.npy"));
const isHatched = ([red, , blue]: Iterable<number>) => blue! > red! + 50;

test("encode: a folder of pictures is the same samples as an array of them, each by its name", async () => {
  const [pictures, array] = [await encode("--data", folder), await encode("--data", arrayFile)];
  assert.equal(latents(pictures), latents(array));
  const names = column(readCsv(join(pictures, "results.csv")), "id").map((name) => name.slice(-7));
  assert.equal(names[9], "/p9.png");
  assert.equal(names[10], "p10.png");
  assert.equal(
    readFileSync(join(pictures, "reconstructions.png")),
    readFileSync(join(array, "reconstructions.png")),
  );
});

test("encode: a mask by a picture is that by an array, and weights of 0 and 1; what it hides is hatched", async () => {
  const arrayMask = workplace.writeFloats(
    seen.map((value) => 7 * value),
    [H, W],
  );
  const weights = workplace.writeFloats(seen, [H, W]);
  const outs = [
    await encode("--data", folder, "--mask", maskFile),
    await encode("--data", arrayFile, "--mask", arrayMask),
    await encode("--data", arrayFile, "--weights", weights),
  ];
  for (const out of outs) assert.equal(latents(out), latents(outs[0]!));
  assert.not.equal(latents(outs[0]!), latents(await encode("--data", folder)));
  const { data, width } = decodePng(readFileSync(join(outs[0]!, "reconstructions.png")));
  const pixel = (x: number, y: number) => data.subarray(4 * (y * width + x));
  assert.ok(isHatched(pixel(6, 6)), "given, above");
  assert.not(isHatched(pixel(6, 4 + 14 * 5)), "given, below");
  assert.not(isHatched(pixel(6, 4 + 14 * H + 4 + 2)), "completed");
});

test("encode --samples: a picture of what is given, the weighted mean of the draws, and the four heaviest", async () => {
  const [count, N] = [3, 6];
  const out = await encode(
    ...["--data", arrayFile, "--mask", maskFile, "--limit", `${count}`],
    ...["--prior", "gaussian", "--samples", `${N}`, "--plain"],
  );
  const codes = readNpy(readFileSync(join(out, "samples.npy"))).data as Float32Array;
  const file = readFileSync(join(out, "sample-weights.npy"));
  const weights = new Float64Array(new Uint8Array(file.subarray(-8 * count * N)).buffer);
  const drawn = await decode(decoder, codes, { backend: wasm({ relaxed: false, threads: 1 }) });
  const size = H * W;
  const { data, width } = decodePng(readFileSync(join(out, "samples.png")));
  // Tiles are 14 times as large, with gaps of 4 around them.
  const pixelOf = (row: number, sample: number, i: number) => {
    const left = 4 + sample * (14 * W + 4) + 14 * (i % W) + 7;
    const top = 4 + row * (14 * H + 4) + 14 * Math.floor(i / W) + 7;
    return data.subarray(4 * (top * width + left), 4 * (top * width + left) + 3);
  };
  for (let sample = 0; sample < count; sample++) {
    const own = [...weights.subarray(sample * N, (sample + 1) * N)];
    const tile = (draw: number) => drawn.subarray((sample * N + draw) * size, (sample * N + draw + 1) * size);
    const ranked = own.map((_, draw) => draw).sort((a, b) => own[b]! - own[a]!);
    for (const i of [0, 7, 11, 12, 29]) {
      const mean = own.reduce((sum, weight, draw) => sum + weight * tile(draw)[i]!, 0);
      const expected = [mean, ...ranked.slice(0, 4).map((draw) => tile(draw)[i]!)];
      for (const [k, value] of expected.entries()) {
        const shown = seen[i] === 0 ? value : y[sample * size + i]!;
        const [level] = pixelOf(k + 1, sample, i);
        assert.ok(Math.abs(level! / 255 - shown) <= 1 / 255, `row ${k + 1}, sample ${sample}, pixel ${i}`);
      }
    }
  }
  // Lines of the hatching may pass beside the middle of a pixel.
  const above = Array.from({ length: 42 }, (_, x) => data.subarray(4 * (10 * width + 6 + x)));
  assert.ok(above.some(isHatched), "given");
});

test("merge has the pictures that one process would have drawn", async () => {
  const out = workplace.newPath();
  const drawn = ["--prior", "gaussian", "--samples", "2"];
  for (const part of ["0/2", "1/2"]) {
    const args = ["--data", folder, "--part", part, "--out", out, ...drawn];
    const { exit, stderr } = await runHere("encode", "--decoder", decoderFile, "--quiet", ...args);
    assert.is(exit, 0, stderr);
  }
  const { exit, stderr } = await runHere("merge", out, "--quiet", "--delete-parts");
  assert.is(exit, 0, stderr);
  assert.not(existsSync(join(out, "parts")));
  const one = await encode("--data", folder, "--parts", "2", "--plain", ...drawn);
  for (const name of ["latents.npy", "results.csv", "reconstructions.png", "steps.png", "samples.png"])
    assert.equal(readFileSync(join(out, name)), readFileSync(join(one, name)), name);
});

test("train and evaluate take pictures and masks", async () => {
  const options = ["--layers", "3,30", "--optimizer", "adam", "--batch-size", "4"];
  const trained = (data: string, ...more: string[]) => succeed("train", "--data", data, ...options, ...more);
  const decoders = await Promise.all(
    [await trained(folder, "--mask", maskFile), await trained(arrayFile, "--mask", maskFile)].map((out) =>
      readFileSync(join(out, "decoder.safetensors")),
    ),
  );
  assert.equal(decoders[0], decoders[1]);
  const evaluated = (data: string) =>
    succeed("evaluate", "--decoder", decoderFile, "--data", data, "--mask", maskFile);
  const tables = [await evaluated(join(folder, "*.png")), await evaluated(arrayFile)];
  const [first, second] = tables.map((out) => readFileSync(join(out, "results.csv"), "utf8"));
  assert.is(first, second);
});

/** Writes discs of a colour on another, in pictures of two sizes. */
function writeDiscs(count: number): string {
  const out = workplace.newPath();
  mkdirSync(out);
  const random = randomArray(7, 9 * count, 0, 1);
  for (let i = 0; i < count; i++) {
    const [x, y, radius, ...levels] = random.subarray(9 * i, 9 * i + 9);
    const [width, height] = i % 2 === 0 ? [48, 48] : [40, 56];
    const data = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const [right, down] = [(pixel % width) - width * x!, Math.floor(pixel / width) - height * y!];
      const isDisc = Math.hypot(right, down) < 8 + 8 * radius!;
      for (let c = 0; c < 3; c++)
        data[4 * pixel + c] = isDisc ? 120 * levels[c]! : 135 + 120 * levels[3 + c]!;
    }
    writeFileSync(join(out, `${i}.png`), encodePng({ width, height, data }));
  }
  return out;
}

for (const [name, ...options] of [
  ["fully connected layers", "--layers", "16,128,3072", "--output-shape", "32,32,3"],
  ["demo/convolutional-colour.json", "--architecture", "demo/convolutional-colour.json"],
] as const) {
  test(`a folder of pictures of several sizes trains a decoder by a command: ${name}`, async () => {
    const count = 40;
    const pictures = writeDiscs(count);
    const trained = await report(
      ...[
        "train",
        "--data",
        pictures,
        "--fit",
        "stretch",
        ...options,
        "--autoencoder",
        "--loss",
        "squaredError",
      ],
      ...["--epochs", "60", "--optimizer", "adam", "--learning-rate", "3e-3", "--schedule", "linear"],
      ...["--gradient-clip", "0.5", "--batch-size", "10"],
    );
    assert.is(trained.exit, 0, trained.stderr);
    const colour = { outputShape: [32, 32, 3] };
    const images = Array.from({ length: count }, (_, i) =>
      decodePng(readFileSync(join(pictures, `${i}.png`))),
    );
    const values = fromImageData(images, colour, { fit: "stretch" });
    const size = 32 * 32 * 3;
    let variance = 0;
    for (let i = 0; i < size; i++) {
      const own = Array.from({ length: count }, (_, sample) => values[sample * size + i]!);
      const mean = own.reduce((sum, value) => sum + value, 0) / count;
      variance += own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    }
    const { meanLossLastTenth } = trained.document;
    assert.ok(meanLossLastTenth < variance / 2, `loss ${meanLossLastTenth}, variance ${variance}`);
  });
}

test("evaluate says that losses are those of seen values, and how far hidden ones are off", async () => {
  const args = ["evaluate", "--decoder", decoderFile, "--data", arrayFile, "--mask", maskFile, "--quiet"];
  const { meanHiddenError } = JSON.parse((await runHere(...args, "--json")).stdout);
  assert.ok(meanHiddenError > 0 && meanHiddenError < 1, meanHiddenError);
  const shown = (await runHere(...args)).stdout;
  assert.match(shown, /mean cross entropy +│ \d\.\d+ nats, of the values that are seen/);
  assert.match(shown, new RegExp(`squared error of hidden values +│ ${meanHiddenError.toPrecision(4)}`));
});

test("demo --hide shows what is given, completed, and the original", async () => {
  const out = await succeed("demo", "--hide", "--limit", "3");
  const { data, width, height } = decodePng(readFileSync(join(out, "reconstructions.png")));
  const rows = [0, 1, 2].map((row) => 4 + Math.floor((row * (height - 4)) / 3) + 42);
  assert.equal(
    rows.map((row) => isHatched(data.subarray(4 * (row * width + 10)))),
    [true, false, false],
  );
});

test("completed/ has no padding of --fit contain", async () => {
  // 5 × 3 pixels of the decoder's 5 × 6.
  const data = workplace.newPath();
  const masks = workplace.newPath();
  for (const [folder, levelAt] of [
    [data, (pixel: number) => (pixel % 20 < 10 ? 0.2 : 0.6)],
    [masks, (pixel: number) => (pixel % 20 < 16 ? 1 : 0)],
  ] as const) {
    mkdirSync(folder);
    const values = Float32Array.from({ length: 12 * 20 }, (_, pixel) => levelAt(pixel));
    writeFileSync(join(folder, "wide.png"), encodePng(toImageData(values, { outputShape: [12, 20] })));
    writeFileSync(join(folder, "same.png"), readFileSync(maskFile));
  }
  const out = await encode("--data", data, "--mask", masks, "--fit", "contain");
  const wide = decodePng(readFileSync(join(out, "completed", "wide.png")));
  assert.equal([wide.width, wide.height], [5, 3]);
  for (const row of [0, 1, 2]) {
    const levels = [0, 1, 2, 3].map((x) => wide.data[4 * (5 * row + x)]);
    assert.equal([levels[0], levels[3]], [51, 153], `row ${row}`);
  }
  const same = decodePng(readFileSync(join(out, "completed", "same.png")));
  assert.equal([same.width, same.height], [W, H]);
});

test("each of many completed pictures has its own code, pixels and size, also in parts", async () => {
  const count = 70;
  const data = workplace.newPath();
  mkdirSync(data);
  // Every third is 5 × 3 pixels, with padding beside it; the left two columns of all are transparent.
  const heightOf = (i: number) => (i % 3 === 0 ? 3 : H);
  const values = randomArray(8, count * H * W, 0, 1);
  for (let i = 0; i < count; i++) {
    const height = heightOf(i);
    const image = toImageData(values.slice(i * H * W, i * H * W + height * W), { outputShape: [height, W] });
    for (let pixel = 0; pixel < height * W; pixel++) if (pixel % W < 2) image.data[4 * pixel + 3] = 0;
    writeFileSync(join(data, `p${i}.png`), encodePng(image));
  }
  for (const more of [[], ["--parts", "3"]]) {
    const out = await encode("--data", data, "--fit", "contain", ...more);
    const x = await decode(decoder, readNpy(latents(out)).data as Float32Array);
    for (const i of [0, 1, 31, 32, 63, 65, 66, 69]) {
      const found = decodePng(readFileSync(join(out, "completed", `p${i}.png`)));
      const [height, top] = [heightOf(i), Math.floor((H - heightOf(i)) / 2)];
      assert.equal([found.width, found.height], [W, height], `p${i}`);
      for (let pixel = 0; pixel < height * W; pixel++) {
        const own = pixel % W < 2 ? x[i * H * W + top * W + pixel]! : values[i * H * W + pixel]!;
        assert.ok(Math.abs(found.data[4 * pixel]! - 255 * own) < 0.51, `p${i}, ${pixel}`);
      }
    }
  }
});

test("pictures of one name in several folders are completed under names that no file system takes for one", async () => {
  const folders = ["a.png", "A.png", "a.png"].map((name) => {
    const own = workplace.newPath();
    mkdirSync(own);
    writeFileSync(join(own, name), readFileSync(join(folder, "p0.png")));
    return own;
  });
  const out = await encode("--data", ...folders, "--mask", maskFile);
  assert.equal(readdirSync(join(out, "completed")).sort(), ["A-2.png", "a-3.png", "a.png"]);
});

test("a picture has its own name in completed/ whatever others are renamed to, and those that are renamed are printed", async () => {
  const folder = writeTransparent(["a.png", "b.png", "c.png"], (i, pixel) => (i + pixel) % 2);
  const other = workplace.newPath();
  mkdirSync(other);
  for (const [name, as] of [
    ["A.png", "b.png"],
    ["a-2.png", "c.png"],
  ] as const)
    writeFileSync(join(other, name), readFileSync(join(folder, as)));
  const [out, plain] = [workplace.newPath(), workplace.newPath()];
  const args = ["--decoder", decoderFile, "--threads", "1", "--quiet"];
  const { exit, stderr } = await runHere("encode", "--data", folder, other, "--out", out, ...args);
  assert.is(exit, 0, stderr);
  assert.is(stderr, "latentflow: completed: 1 picture renamed, whose names others have: A-3.png is A.png\n");
  assert.is((await runHere("encode", "--data", folder, "--out", plain, ...args)).exit, 0);
  const completed = (of: string, name: string) => readFileSync(join(of, "completed", name));
  for (const [name, as] of [
    ["a.png", "a.png"],
    ["A-3.png", "b.png"],
    ["a-2.png", "c.png"],
  ] as const)
    assert.equal(completed(out, name), completed(plain, as), name);
});

test("a picture whose name is as long as may be is completed under its name; bytes that are no UTF-8 become _", async () => {
  const long = `${"n".repeat(251)}.png`;
  const own = workplace.newPath();
  mkdirSync(own);
  writeFileSync(join(own, long), readFileSync(join(folder, "p0.png")));
  // A byte that is no UTF-8, beside a character that is.
  const odd = Buffer.concat([Buffer.from(`${own}/p\u00e9`), Buffer.of(0xff), Buffer.from(".png")]);
  writeFileSync(odd, readFileSync(join(folder, "p1.png")));
  const out = await encode("--data", own, "--mask", maskFile);
  const oddName = "p___.png";
  assert.equal(readdirSync(join(out, "completed")).sort(), [long, oddName].sort());
  const [ids, codes] = [column(readCsv(join(out, "results.csv")), "id"), readNpy(latents(out)).data];
  const all = await encode("--data", folder, "--mask", maskFile);
  const plain = readNpy(latents(all)).data;
  const completed = (of: string, name: string) => readFileSync(join(of, "completed", name));
  assert.equal(completed(out, long), completed(all, "p0.png"));
  assert.equal(completed(out, oddName), completed(all, "p1.png"));
  const odds = ids.findIndex((id) => id.includes("\ufffd"));
  assert.equal(codes.slice(3 * odds, 3 * odds + 3), plain.slice(3, 6), "the picture of the odd name");
});

test("what stands in the way of completed pictures is refused before the work", async () => {
  const pictures = writeTransparent(["a.png", "b.png"], (i, pixel) => (i + pixel) % 2);
  const inTheWay: [RegExp, (path: string) => void][] = [
    [
      /cannot make the folder .*completed: it is a file, expected a folder\n$/,
      (path) => writeFileSync(path, ""),
    ],
    [
      /cannot write .*b\.png: it is a folder, expected a file\n$/,
      (path) => mkdirSync(join(path, "b.png"), { recursive: true }),
    ],
  ];
  for (const [stated, make] of inTheWay) {
    const out = workplace.newPath();
    mkdirSync(out);
    make(join(out, "completed"));
    const { exit, stderr } = await runHere(
      "encode",
      "--decoder",
      decoderFile,
      "--out",
      out,
      "--data",
      pictures,
    );
    assert.is(exit, 1);
    assert.match(stderr, stated);
    assert.equal(readdirSync(out), ["completed"]);
  }
});

test("what has a picture's name and is no file is refused by its name, wherever it is in a folder", async () => {
  const pipe = workplace.newPath();
  execFileSync("mkfifo", [pipe]);
  const device = "/dev/null";
  const kinds: [string, string, (path: string) => void][] = [
    ["a folder", "a named pipe", (path) => symlinkSync(pipe, path)],
    ["a pattern", "a named pipe", (path) => execFileSync("mkfifo", [path])],
    ["a folder", "a folder", (path) => void mkdirSync(path)],
    ["a pattern", "a folder", (path) => symlinkSync(folder, path)],
    ["a folder", "a device", (path) => symlinkSync(device, path)],
    ["a pattern", "a device", (path) => symlinkSync(device, path)],
    ["a folder", "there is no such file or folder", (path) => symlinkSync(join(folder, "none"), path)],
    ["a pattern", "there is no such file or folder", (path) => symlinkSync(join(folder, "none"), path)],
    ["a pattern", "its symbolic links go in a circle", (path) => symlinkSync(path, path)],
  ];
  const refuses = async (stated: RegExp, ...args: string[]) => {
    const where = ["--decoder", decoderFile, "--out", workplace.newPath(), "--quiet"];
    const { exit, stderr } = await runHere("encode", ...where, ...args);
    assert.is(exit, 1);
    assert.match(stderr, stated);
  };
  for (const [way, kind, make] of kinds) {
    for (const name of ["a.png", "z.jpeg"]) {
      const own = workplace.newPath();
      mkdirSync(own);
      writeFileSync(join(own, "p.png"), readFileSync(join(folder, "p0.png")));
      make(join(own, name));
      const given = way === "a folder" ? own : join(own, "*");
      const stated = (flag: string) =>
        new RegExp(`^latentflow: ${flag} .*/${name}: (it is ${kind}, expected a file|${kind})\n$`);
      await refuses(stated("--data"), "--data", given);
      await refuses(stated("--mask"), "--data", folder, "--mask", given);
    }
  }
  const named = `${workplace.newPath()}.png`;
  execFileSync("mkfifo", [named]);
  await refuses(/\.png: it is a named pipe, expected a file\n$/, "--data", named);
  await refuses(/\.png: it is a named pipe, expected a file\n$/, "--data", folder, "--mask", named);
});

/** Writes pictures of `values`, with these opacities from 0 to 1, into a folder. */
function writeTransparent(names: readonly string[], opacity: (i: number, pixel: number) => number): string {
  const out = workplace.newPath();
  mkdirSync(out);
  for (const [i, name] of names.entries()) {
    const { data, ...size } = toImageData(y.slice(i * H * W, (i + 1) * H * W), shape);
    for (let pixel = 0; pixel < H * W; pixel++) data[4 * pixel + 3] = Math.round(255 * opacity(i, pixel));
    writeFileSync(join(out, name), encodePng({ ...size, data }));
  }
  return out;
}
/** Copies the first pictures of the folder under other names. */
function writeNamed(names: readonly string[]): string {
  return writeTransparent(names, () => 1);
}
/** Runs a command with --json; returns its document, or undefined with what it printed on stderr. */
async function report(...args: string[]) {
  const out = workplace.newPath();
  const { exit, stdout, stderr } = await runHere(
    ...args,
    "--out",
    out,
    "--threads",
    "1",
    "--quiet",
    "--json",
  );
  return { out, exit, stderr, document: exit === 0 ? JSON.parse(stdout) : undefined };
}
const encodeReport = (...args: string[]) => report("encode", "--decoder", decoderFile, ...args);
const fourNames = ["a.png", "b.png", "c.png", "d.png"];

test("transparent pixels have weight 0, as a mask of them, in encode, evaluate and train", async () => {
  // Two of the four pictures have 9 transparent pixels, and others that are half opaque or more.
  const data = writeTransparent(fourNames, (i, pixel) =>
    i % 2 === 1 && pixel < 9 ? 0.4 : i === 2 ? 0.6 : 1,
  );
  const masks = workplace.newPath();
  mkdirSync(masks);
  for (const [i, name] of fourNames.entries()) {
    const mask = Float32Array.from({ length: H * W }, (_, pixel) => (i % 2 === 1 && pixel < 9 ? 0 : 1));
    writeFileSync(join(masks, name), encodePng(toImageData(mask, shape)));
  }
  const [found, masked] = [
    await encodeReport("--data", data),
    await encodeReport("--data", data, "--mask", masks),
  ];
  assert.is(found.exit, 0, found.stderr);
  assert.is(found.document.hiddenPixels, 18);
  assert.is(masked.document.hiddenPixels, 0);
  assert.equal(latents(found.out), latents(masked.out));
  const shown = await runHere(
    "encode",
    "--decoder",
    decoderFile,
    "--data",
    data,
    "--out",
    workplace.newPath(),
    "--quiet",
  );
  assert.match(shown.stdout, /hidden\s.*18 transparent pixels of 2 pictures/);
  const white = await encodeReport(
    "--data",
    data,
    "--weights",
    workplace.writeFloats(new Float32Array(H * W).fill(1), [H, W]),
  );
  assert.not.equal(latents(white.out), latents(found.out), "given weights count");

  const evaluated = (...mask: string[]) =>
    succeed("evaluate", "--decoder", decoderFile, "--data", data, ...mask);
  const tables = [await evaluated(), await evaluated("--mask", masks)];
  const [first, second] = tables.map((out) => readFileSync(join(out, "results.csv"), "utf8"));
  assert.is(first, second);
  const options = ["--layers", "3,30", "--optimizer", "adam", "--batch-size", "2", "--data", data];
  const outs = [await succeed("train", ...options), await succeed("train", ...options, "--mask", masks)];
  const decoders = outs.map((out) => readFileSync(join(out, "decoder.safetensors")));
  assert.equal(decoders[0], decoders[1]);

  const shifted = await report("train", ...options, "--output-shape", `${H},${W}`, "--shift", "1");
  assert.is(shifted.exit, 1);
  assert.match(shifted.stderr, /--shift does not go with the transparent pixels or padding of --data/);
  const autoencoder = await report("train", ...options, "--autoencoder");
  assert.is(autoencoder.exit, 0, autoencoder.stderr);
  assert.match(autoencoder.stderr, /18 transparent pixels of 2 pictures count as white, since --autoencoder/);
});

test("what is hidden has no influence where pictures are scaled", async () => {
  // Twice the decoder's size, with a hole of 5 × 5 pixels that is damaged by a colour and by another.
  const isHole = (pixel: number) => pixel % (2 * W) < 5 && Math.floor(pixel / (2 * W)) < 5;
  const large = { outputShape: [2 * H, 2 * W] };
  const scene = randomArray(5, 4 * H * W, 0, 1);
  const write = (values: Float32Array, opacity = 1) => {
    const out = workplace.newPath();
    mkdirSync(out);
    for (const name of fourNames) {
      const { data, ...size } = toImageData(values, large);
      for (let pixel = 0; pixel < values.length; pixel++)
        if (isHole(pixel)) data[4 * pixel + 3] = 255 * opacity;
      writeFileSync(join(out, name), encodePng({ ...size, data }));
    }
    return out;
  };
  const damaged = (value: number, opacity?: number) =>
    write(
      scene.map((own, pixel) => (isHole(pixel) ? value : own)),
      opacity,
    );
  const masks = write(scene.map((_, pixel) => (isHole(pixel) ? 0 : 1)));
  const [dark, bright, erased] = [damaged(0), damaged(1), damaged(0.5, 0)];
  const ways = [
    ["--data", dark, "--mask", masks],
    ["--data", bright, "--mask", masks],
    ["--data", erased],
    ["--data", bright, "--mask", join(masks, "a.png")],
  ];
  const same = async (name: string, command: string, ...options: string[]) => {
    const files: Buffer[] = [];
    for (const way of ways) {
      const out = await succeed(command, ...way, "--fit", "stretch", ...options);
      files.push(readFileSync(join(out, name)));
    }
    for (const file of files) assert.equal(file, files[0]!, command);
  };
  await same("latents.npy", "encode", "--decoder", decoderFile);
  await same("results.csv", "evaluate", "--decoder", decoderFile);
  const layers = ["--layers", `3,${H * W}`, "--output-shape", `${H},${W}`, "--optimizer", "adam"];
  await same("decoder.safetensors", "train", ...layers, "--batch-size", "2");
  // Yet evaluate compares with it.
  const read = (from: string) => fourNames.map((name) => decodePng(readFileSync(join(from, name))));
  const weights = maskFrom(read(masks), decoder, { fit: "stretch", hides: "black" });
  for (const pictures of [dark, bright]) {
    const given = ["--data", pictures, "--mask", masks, "--fit", "stretch", "--decoder", decoderFile];
    const out = await succeed("encode", ...given);
    const { meanHiddenError } = JSON.parse((await runHere("evaluate", ...given, "--json", "--quiet")).stdout);
    const x = await decode(decoder, readNpy(latents(out)).data as Float32Array);
    const errors = fromImageData(read(pictures), decoder, { fit: "stretch" })
      .map((value, i) => (value - x[i]!) ** 2)
      .filter((_, i) => weights[i] === 0);
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    assert.ok(Math.abs(meanHiddenError - mean) < 1e-5 * mean, `${meanHiddenError}, expected ${mean}`);
  }
  const validated = async (pictures: string) => {
    const validation = ["--validate", pictures, "--validate-mask", masks];
    const out = await succeed("train", "--data", dark, "--fit", "stretch", ...layers, ...validation);
    return readFileSync(join(out, "validation.csv"), "utf8");
  };
  assert.is(await validated(dark), await validated(bright));
});

/** Encodes the folder with its mask. */
const encodeMasked = (...more: string[]) => {
  const args = ["--decoder", decoderFile, "--data", folder, "--mask", maskFile, "--out", workplace.newPath()];
  return runHere("encode", ...args, ...more);
};

test("the share of values that masks hide is reported, and none or nearly all are warned of", async () => {
  const hidden = (command: string, mask: string) =>
    command === "train"
      ? report("train", "--layers", "3,30", "--data", folder, "--mask", mask)
      : report(command, "--decoder", decoderFile, "--data", folder, "--mask", mask, "--limit", "7");
  for (const command of ["encode", "evaluate", "train"]) {
    const { document, stderr } = await hidden(command, maskFile);
    assert.is(document.hiddenShare, 12 / 30, command);
    assert.is(stderr, "");
    const nothing = await hidden(
      command,
      workplace.writeFloats(
        seen.map(() => 0.1),
        [H, W],
      ),
    );
    assert.is(nothing.document.hiddenShare, 0);
    assert.match(nothing.stderr, /warning: --mask: nothing is hidden; 0 hides, and any other/);
  }
  // One value of the first seven samples is seen, and all of the others, which are not taken.
  const most = new Float32Array(B * H * W).fill(1, 0, 1).fill(1, 7 * H * W);
  const { stderr } = await hidden("encode", workplace.writeFloats(most, [B, H, W]));
  assert.match(stderr, /warning: --mask: 99\.5 % of the values are hidden; 0 hides/);
  const white = `${workplace.newPath()}.png`;
  writeFileSync(
    white,
    encodePng(
      toImageData(
        seen.map(() => 1),
        shape,
      ),
    ),
  );
  assert.match((await hidden("encode", white)).stderr, /nothing is hidden; --mask-hides says which pixels/);
  const table = await encodeMasked();
  assert.match(table.stdout, /hidden\s.*40 % of the values/);
});

test("--mask-hides says which pixels of masks are holes", async () => {
  const inverted = `${workplace.newPath()}.png`;
  writeFileSync(inverted, encodePng(toImageData(seen, shape, { invert: true })));
  const [black, white] = [
    await encode("--data", folder, "--mask", maskFile),
    await encode("--data", folder, "--mask", inverted, "--mask-hides", "white"),
  ];
  assert.equal(latents(black), latents(white));
  const erased = writeTransparent(fourNames, (_, pixel) => (pixel < 12 ? 0 : 1));
  const plain = writeNamed(fourNames);
  const both = [
    await encode("--data", plain, "--mask", erased, "--mask-hides", "transparent"),
    await encode("--data", plain, "--mask", maskFile),
  ];
  assert.equal(latents(both[0]!), latents(both[1]!));

  const dark = `${workplace.newPath()}.png`;
  writeFileSync(dark, encodePng(toImageData(new Float32Array(H * W), shape)));
  const cases = [
    [["--mask", dark], 1, /hides all pixels, as it is read with --mask-hides black; give another of .*white/],
    [["--mask", workplace.writeFloats(new Float32Array(H * W), [H, W])], 1, /all --mask .*\.npy are 0/],
    [["--mask-hides", "white"], 2, /--mask-hides is for pictures of --mask/],
    [
      ["--mask", workplace.writeFloats(seen, [H, W]), "--mask-hides", "white"],
      1,
      /--mask-hides is for PNG and JPEG/,
    ],
  ] as const;
  for (const [args, exit, message] of cases) {
    const end = await encodeReport("--data", plain, ...args);
    assert.is(end.exit, exit, end.stderr);
    assert.match(end.stderr, message);
  }
});

test("masks are paired with pictures by name, or else by position with a warning", async () => {
  const data = writeNamed(fourNames);
  const opacity = (i: number, pixel: number) => (pixel >= 2 * i && pixel < 2 * i + 3 ? 0 : 1);
  const masks = writeTransparent(fourNames, opacity);
  const named = (order: readonly string[]) => order.map((name) => join(masks, name));
  const hides = ["--mask-hides", "transparent"];
  const sorted = await encodeReport("--data", data, "--mask", ...named(fourNames), ...hides);
  const reversed = await encodeReport("--data", data, "--mask", ...named([...fourNames].reverse()), ...hides);
  assert.equal(latents(sorted.out), latents(reversed.out));
  assert.is(reversed.stderr, "");
  const others = writeTransparent(["m1.png", "m2.png", "m3.png", "m4.png"], opacity);
  const byPlace = await encodeReport("--data", data, "--mask", others, ...hides);
  assert.equal(latents(byPlace.out), latents(sorted.out));
  assert.match(byPlace.stderr, /warning: --mask: .* paired by position: m1\.png with a\.png/);
  // The example is a pair that may be wrong.
  const likely = writeTransparent(["a-mask.png", "b-mask.png", "d-mask.png", "e-mask.png"], opacity);
  const doubtful = await encodeReport("--data", data, "--mask", likely, ...hides);
  assert.match(doubtful.stderr, /paired by position: d-mask\.png with c\.png, say/);
  const few = await encodeReport("--data", data, "--mask", ...named(["a.png", "b.png", "c.png"]));
  assert.match(
    few.stderr,
    /a\.png and 2 more: there are 3 pictures, expected 1, for all samples, or 4, one for each/,
  );
});

test("completed/ has each picture: what is seen as it is, what is hidden by the decoder; sheets say how many they show", async () => {
  const expected = async (out: string, i: number, invert = false) => {
    const bytes = Uint8Array.from(latents(out));
    const z = new Float32Array(bytes.slice(-4 * 3 * B).buffer).slice(3 * i, 3 * i + 3);
    const decoded = await decode(decoder, z, { backend: wasm({ threads: 1 }) });
    const own = y.slice(i * H * W, (i + 1) * H * W);
    const given = own.map((value) => (invert ? 1 - value : value));
    const completed = given.map((value, k) => (seen[k] ? value : decoded[k]!));
    return toImageData(completed, shape, { invert }).data;
  };
  for (const more of [[], ["--parts", "2"], ["--invert"]]) {
    const { out, document, exit, stderr } = await encodeReport("--data", folder, "--mask", maskFile, ...more);
    assert.is(exit, 0, stderr);
    const names = readdirSync(join(out, "completed")).sort();
    assert.is(names.length, B);
    for (const i of [0, 7, 10]) {
      const found = decodePng(readFileSync(join(out, "completed", `p${i}.png`))).data;
      assert.equal([...found], [...(await expected(out, i, more.includes("--invert")))], `p${i}`);
    }
    assert.ok(JSON.stringify(document).includes("completed"));
  }
  const sheet = await encodeMasked("--quiet");
  assert.match(sheet.stdout, /11 pictures, hidden pixels by the decoder/);
  assert.match(sheet.stdout, /the first 6 of 11/);
  assert.match(sheet.stdout, /completed by the decoder, as in --data, hidden pixels, too/);
  assert.match(sheet.stdout, /at the end, given/);
  assert.not(existsSync(join(await encode("--data", folder), "completed")), "nothing is hidden");
  const again = join(workplace.newPath(), "completed");
  mkdirSync(again, { recursive: true });
  writeFileSync(join(again, "p0.png"), readFileSync(join(folder, "p0.png")));
  const over = await runHere(
    "encode",
    "--decoder",
    decoderFile,
    "--data",
    again,
    "--mask",
    maskFile,
    "--out",
    dirname(again),
  );
  assert.is(over.exit, 2);
  assert.match(over.stderr, /--data are in .*completed/);
});

test("pictures with colours for a grey decoder are said to become grey", async () => {
  const colour = workplace.newPath();
  mkdirSync(colour);
  const values = randomArray(2, H * W * 3, 0, 1);
  writeFileSync(join(colour, "a.png"), encodePng(toImageData(values, { outputShape: [H, W, 3] })));
  writeFileSync(join(colour, "b.png"), readFileSync(join(folder, "p0.png")));
  const { document, stderr } = await encodeReport("--data", colour);
  assert.is(document?.madeGrey, 1, stderr);
  const shown = await runHere(
    "encode",
    "--decoder",
    decoderFile,
    "--data",
    colour,
    "--out",
    workplace.newPath(),
    "--quiet",
  );
  assert.match(shown.stdout, /1 picture with colours read in grey/);
});

test("bytes of weights are 0 and 1", async () => {
  const bytes = Uint8Array.from(seen, (value) => 255 * value);
  const file = `${workplace.newPath()}.idx`;
  writeFileSync(file, Uint8Array.from([0, 0, 8, 2, 0, 0, 0, H, 0, 0, 0, W, ...bytes]));
  const wrong = await encodeReport("--data", folder, "--weights", file);
  assert.is(wrong.exit, 1);
  assert.match(
    wrong.stderr,
    /--weights .*\.idx has 255 at element 12, expected bytes of 0 and 1; give a mask by --mask/,
  );
  const right = await encodeReport("--data", folder, "--mask", file);
  assert.equal(latents(right.out), latents(await encode("--data", folder, "--mask", maskFile)));
});

test("what contradicts itself is refused", async () => {
  const cases = [
    [["encode", "--data", folder, "--out", folder], 2, /--out .* is the folder of --data/],
    [
      ["encode", "--data", decoderFile, "--out", decoderFile],
      2,
      /--out .* is the file of --data, and is to be a folder; give another folder/,
    ],
    [
      ["encode", "--data", folder, "--mask", maskFile, "--weights", maskFile],
      2,
      /--mask .*cannot be used with.*--weights/,
    ],
    [["encode", "--data", arrayFile, "--invert"], 1, /--invert is for PNG and JPEG files/],
    [["encode", "--data", "damagd", "--fit", "contain"], 1, /--data damagd: there is no such file or folder/],
    [["encode", "--data", "photo.png", "--invert"], 1, /--data photo\.png: there is no such file or folder/],
    [["train", "--data", "damagd", "--fit", "contain"], 1, /--data damagd: there is no such file or folder/],
    [
      ["train", "--data", "damagd", "damaged", "--fit", "contain"],
      1,
      /--data damagd: there is no such file or folder/,
    ],
    [["evaluate", "--dataset", "mnist", "--fit", "cover"], 2, /--fit does not go with --dataset/],
    [
      ["encode", "--data", maskFile, "--id-column", "name"],
      1,
      /--id-column name is a column of CSV and Parquet files/,
    ],
  ] as const;
  for (const [args, exit, message] of cases) {
    const out = args.includes("--out" as never) ? [] : ["--out", workplace.newPath()];
    const end = await runHere(...args, "--decoder", decoderFile, ...out);
    assert.is(end.exit, exit, `${args}: ${end.stderr}`);
    assert.match(end.stderr, message);
  }
});

test("train --validate-mask hides of the validation samples what --validate-weights of 0 does", async () => {
  const weights = workplace.writeFloats(seen, [H, W]);
  const inverted = `${workplace.newPath()}.png`;
  writeFileSync(inverted, encodePng(toImageData(seen, shape, { invert: true })));
  const train = ["--data", arrayFile, "--layers", "3,30", "--epochs", "1", "--validate", folder];
  const tableOf = async (...more: string[]) =>
    readFileSync(join(await succeed("train", ...train, ...more), "validation.csv"), "utf8");
  const expected = await tableOf("--validate-weights", weights);
  assert.is(await tableOf("--validate-mask", maskFile), expected);
  assert.is(await tableOf("--validate-mask", inverted, "--mask-hides", "white"), expected);
  assert.is.not(await tableOf(), expected);
  for (const [more, exit, message] of [
    [["--validate-mask", maskFile, "--validate-weights", weights], 2, /cannot be used with/],
    [["--validate-mask", maskFile, "--autoencoder"], 2, /--validate-mask does not go with --autoencoder/],
    [["--validate-mask", inverted, inverted], 1, /--validate-mask \S+ and 1 more: there are 2 pictures/],
  ] as const) {
    const end = await runHere("train", ...train, ...more, "--out", workplace.newPath());
    assert.is(end.exit, exit, end.stderr);
    assert.match(end.stderr, message);
  }
});

/** Runs encode on the folder of pictures, and `then` whenever a file has got its name. */
async function encodeWhile(out: string, then: (file: string) => unknown) {
  const { rename } = fileSystem;
  fileSystem.rename = async (from, to) => {
    await rename(from, to);
    await then(String(to));
  };
  syncBuiltinESMExports();
  try {
    return await runHere("encode", "--decoder", decoderFile, "--data", folder, "--out", out, "--quiet");
  } finally {
    fileSystem.rename = rename;
    syncBuiltinESMExports();
  }
}

test("SIGTERM once the results are written leaves pictures out, and ends as any other interrupted run", async () => {
  const out = workplace.newPath();
  const { exit, stdout, stderr } = await encodeWhile(out, (file) => {
    if (file.endsWith("results.csv")) process.emit("SIGTERM");
  });
  assert.is(exit, 143, stderr);
  assert.is(stderr, "latentflow: stopping; SIGTERM again quits at once\n");
  assert.match(stdout, /latents\.npy/);
  assert.equal(readdirSync(out).sort(), ["latents.npy", "results.csv"]);
});

test("a picture that cannot be written is an error that names the results, which are whole", async () => {
  const out = workplace.newPath();
  const { exit, stdout, stderr } = await encodeWhile(out, (file) => {
    // Not for writing, even for root.
    if (file.endsWith("results.csv")) mkdirSync(join(out, "reconstructions.png"));
  });
  assert.is(exit, 1);
  assert.is(stdout, "");
  assert.match(
    stderr,
    /^latentflow: cannot write .*reconstructions\.png: it is a folder.*; what is written before it is whole: .*latents\.npy, .*results\.csv\n$/,
  );
  assert.equal(readdirSync(out).sort(), ["latents.npy", "reconstructions.png", "results.csv"]);
  assert.is(readNpy(latents(out)).shape[0], B);
});

test("encode: a pipe among pictures is refused, and pictures of more bytes than --max-bytes are not unpacked", async () => {
  const pipe = `${workplace.newPath()}.png`;
  execFileSync("mkfifo", [pipe]);
  const first = join(folder, "p0.png");
  const run = (...args: string[]) =>
    runHere("encode", "--decoder", decoderFile, "--out", workplace.newPath(), "--quiet", ...args);
  const piped = await run("--data", first, pipe);
  assert.is(piped.exit, 1);
  assert.match(piped.stderr, /\.png: it is a named pipe, expected a file\n$/);
  const large = `${workplace.newPath()}.png`;
  writeFileSync(large, encodePng({ width: 100, height: 100, data: new Uint8Array(40_000) }));
  const bounded = await run("--data", large, "--fit", "cover", "--max-bytes", "39999");
  assert.is(bounded.exit, 1);
  assert.match(
    bounded.stderr,
    /\.png: its pixels take 40000 bytes, more than --max-bytes, 39999; to read it give --max-bytes 40000\n$/,
  );
});

test.run();
