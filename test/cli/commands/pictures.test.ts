// run: once, slow
// Tests src/cli/commands with pictures as samples, weights and results.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import { toImageData } from "../../../src/images/index.ts";
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
  for (const shard of ["0/2", "1/2"]) {
    const args = ["--data", folder, "--unit", "4", "--shard", shard, "--out", out, ...drawn];
    const { exit, stderr } = await runHere("encode", "--decoder", decoderFile, "--quiet", ...args);
    assert.is(exit, 0, stderr);
  }
  const { exit, stderr } = await runHere("merge", out, "--quiet", "--delete-parts");
  assert.is(exit, 0, stderr);
  assert.not(existsSync(join(out, "parts")));
  const one = await encode("--data", folder, "--unit", "4", "--plain", ...drawn);
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

test("demo --missing shows what is given, completed, and the original", async () => {
  const out = await succeed("demo", "--missing", "--limit", "3");
  const { data, width, height } = decodePng(readFileSync(join(out, "reconstructions.png")));
  const rows = [0, 1, 2].map((row) => 4 + Math.floor((row * (height - 4)) / 3) + 42);
  assert.equal(
    rows.map((row) => isHatched(data.subarray(4 * (row * width + 10)))),
    [true, false, false],
  );
});

test("what contradicts itself is refused", async () => {
  const cases = [
    [["encode", "--data", folder, "--out", folder], 2, /--out .* is the folder of --data/],
    [
      ["encode", "--data", folder, "--mask", maskFile, "--weights", maskFile],
      2,
      /--mask .*cannot be used with.*--weights/,
    ],
    [["encode", "--data", arrayFile, "--invert"], 1, /--invert is for PNG and JPEG files/],
    [["evaluate", "--dataset", "mnist", "--fit", "cover"], 2, /--fit does not go with --dataset/],
    [
      ["encode", "--data", maskFile, "--id-column", "name"],
      1,
      /--id-column name is a column of Parquet files/,
    ],
  ] as const;
  for (const [args, exit, message] of cases) {
    const out = args.includes("--out" as never) ? [] : ["--out", workplace.newPath()];
    const end = await runHere(...args, "--decoder", decoderFile, ...out);
    assert.is(end.exit, exit, `${args}: ${end.stderr}`);
    assert.match(end.stderr, message);
  }
});

test.run();
