// run: slow
// Tests src/cli/input/open-data.ts, src/cli/input/samples.ts.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeFiles } from "../../../src/cli/input/array-files/open-file.ts";
import { openData, readRows } from "../../../src/cli/input/open-data.ts";
import { dataOptions } from "../../../src/cli/options/input-options.ts";
import { kebabCase } from "../../../src/cli/options/parse.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { npyHeader } from "../../../src/files/npy.ts";
import { createDecoder } from "../../../src/index.ts";
import { BundledProgram } from "../../support/bundled-program.ts";
import { pictureBytes } from "../../support/pictures.ts";
import { endOf, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { rejected } from "../../support/refusal.ts";
import { runHere } from "../../support/run-here.ts";

// Options that take data, with one .npy file, the same gzipped, one Parquet file and one table; files of several formats; what does not fit.

const workplace = new Workplace();
test.after.each(closeFiles);
test.after(() => workplace.dispose());
const limits = { maxBytes: 2 ** 30, givenMaxBytes: undefined, signal: undefined };
const COUNT = 8;
const running = ["--plain", "--threads", "1", "--quiet", "--json"];

function write(bytes: Uint8Array, extension: string): string {
  const path = `${workplace.newPath()}.${extension}`;
  writeFileSync(path, bytes);
  return path;
}

/** Writes rows as a Parquet file of a column for each value, which the path names. */
function parquetOf(values: Float32Array, size: number): string {
  const columnData = Array.from({ length: size }, (_, k) => ({
    name: `x${k}`,
    type: "FLOAT" as const,
    data: values.filter((_, i) => i % size === k),
  }));
  const names = columnData.map(({ name }) => name).join();
  return `${write(new Uint8Array(parquetWriteBuffer({ columnData })), "parquet")}#${names}`;
}

/** Files of the same rows in each format. */
function filesOf(values: Float32Array, size: number): Record<"npy" | "gzip" | "parquet" | "csv", string> {
  const count = values.length / size;
  const npy = workplace.writeFloats(values, [count, size]);
  const rows = Array.from({ length: count }, (_, i) => `${values.subarray(i * size, (i + 1) * size)}\n`);
  const csv = write(Buffer.from(rows.join("")), "csv");
  return { npy, gzip: write(gzipSync(readFileSync(npy)), "gz"), parquet: parquetOf(values, size), csv };
}

const decoder = write(
  createDecoder({ layers: [3, 5, 6], seed: 3, loss: "mse" }).toSafetensors(),
  "safetensors",
);
const samples = filesOf(randomArray(1, COUNT * 6, 0, 1), 6);
const latents = filesOf(randomArray(2, COUNT * 3, -1, 1), 3);
const one = ["--decoder", decoder];

const training = ["train", ...one, "--epochs", "1"];

const options: [flag: string, file: (format: keyof typeof samples) => string, ...args: string[]][] = [
  ["--data", (format) => samples[format], "encode", ...one],
  ["--weights", (format) => samples[format], "encode", ...one, "--data", samples.npy],
  ["--z0", (format) => latents[format], "encode", ...one, "--data", samples.npy],
  [
    "--prior-from",
    (format) => latents[format],
    ...["encode", ...one, "--data", samples.npy, "--prior", "gaussian"],
  ],
  ["--latents", (format) => latents[format], "decode", ...one],
  ["--mask", (format) => samples[format], "encode", ...one, "--data", samples.npy],
  ["--data", (format) => samples[format], "evaluate", ...one],
  ["--mask", (format) => samples[format], "evaluate", ...one, "--data", samples.npy],
  ["--weights", (format) => samples[format], "evaluate", ...one, "--data", samples.npy],
  ["--z0", (format) => latents[format], "evaluate", ...one, "--data", samples.npy],
  [
    "--prior-from",
    (format) => latents[format],
    ...["evaluate", ...one, "--data", samples.npy, "--prior", "gaussian"],
  ],
  ["--data", (format) => samples[format], ...training],
  ["--weights", (format) => samples[format], ...training, "--data", samples.npy],
  ["--mask", (format) => samples[format], ...training, "--data", samples.npy],
  ["--prior-from", (format) => latents[format], ...training, "--data", samples.npy, "--prior", "gaussian"],
  ["--validate", (format) => samples[format], ...training, "--data", samples.npy],
  ...["--validate-weights", "--validate-mask"].map((flag): (typeof options)[number] => [
    flag,
    (format) => samples[format],
    ...[...training, "--data", samples.npy, "--validate", samples.npy],
  ]),
];

/** Files that a command writes and that depend on its data alone. */
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  encode: ["latents.npy", "results.csv"],
  decode: ["decoded.npy"],
  train: ["decoder.safetensors"],
};

test("every option of every command that takes data is tried", () => {
  const flags = dataOptions.map((name) => `--${kebabCase(name)}`);
  const there = createProgram().commands.flatMap((command) =>
    command.options
      .filter(({ long }) => flags.includes(long!))
      .map(({ long }) => `${command.name()} ${long}`),
  );
  const tried = options.map(([flag, , command]) => `${command} ${flag}`);
  assert.equal(tried.sort(), there.sort());
});

for (const [flag, file, ...args] of options) {
  test(`${args[0]} ${flag}: one file in any format gives the same bytes`, async () => {
    const results: unknown[] = [];
    for (const format of ["npy", "gzip", "parquet", "csv"] as const) {
      const out = workplace.newPath();
      const place = args[0] === "evaluate" ? [] : ["--out", out];
      const { exit, stdout, stderr } = await runHere(...args, flag, file(format), ...place, ...running);
      assert.is(exit, 0, stderr);
      const { meanLoss } = JSON.parse(stdout);
      const names = flag.startsWith("--validate") ? ["validation.csv"] : WRITTEN[args[0]!];
      results.push(names?.map((name) => readFileSync(join(out, name))) ?? meanLoss);
    }
    assert.ok(results[0]);
    for (const result of results.slice(1)) assert.equal(result, results[0]);
  });
}

test("decode takes the codes in the results.parquet that encode writes", async () => {
  const [encoded, ...decoded] = [0, 1, 2].map(() => workplace.newPath()) as [string, string, string];
  const encoding = ["encode", ...one, "--data", samples.npy, "--out", encoded];
  for (const [out, format, file] of [
    [decoded[0], "npy", "latents.npy"],
    [decoded[1], "parquet", "results.parquet#latent"],
  ] as const) {
    assert.is((await runHere(...encoding, "--format", format, ...running)).exit, 0);
    const args = ["decode", ...one, "--latents", join(encoded, file), "--out", out!];
    const { exit, stderr } = await runHere(...args, ...running);
    assert.is(exit, 0, stderr);
  }
  const [first, second] = decoded.map((out) => readFileSync(join(out, "decoded.npy")));
  assert.equal(first, second);
});

test("files in several formats follow each other; the first samples of a file are all that is read", async () => {
  const all = await openData("--data", Object.values(samples), limits);
  assert.equal(all.shape, [4 * COUNT, 6]);
  const rows = await readRows("--data", all, 2 * COUNT, limits);
  assert.equal(rows.slice(0, COUNT * 6), rows.slice(COUNT * 6));
  // Of 8 samples of 24 bytes.
  for (const file of [samples.npy, samples.parquet]) {
    const array = await openData("--data", [file], limits);
    assert.is((await readRows("--data", array, 2, { ...limits, maxBytes: 48 })).length, 12);
    await rejected(
      readRows("--data", array, 3, { ...limits, maxBytes: 48 }),
      "invalid_file",
      /^--data: its values \(float32\) take 72 bytes, more than maxBytes, 48; give a larger maxBytes/,
    );
  }
});

test("--max-bytes bounds the size of each file that is read piece by piece", async () => {
  for (const file of [samples.npy, samples.parquet]) {
    const { size } = statSync(file.split("#")[0]!);
    await openData("--data", [file], { ...limits, givenMaxBytes: size });
    await rejected(
      openData("--data", [file], { ...limits, givenMaxBytes: size - 1 }),
      "invalid_file",
      new RegExp(`the file has ${size} bytes, more than maxBytes, ${size - 1}`),
    );
  }
});

test("values behind the rows that are asked for are not read", async () => {
  // float32 cannot represent the last value, so reading it throws.
  const values = new Float64Array(COUNT * 6).fill(0.5).fill(1e300, -1);
  const file = write(Buffer.concat([npyHeader([COUNT, 6], "float64"), new Uint8Array(values.buffer)]), "npy");
  const array = await openData("--data", [file], limits);
  assert.is((await readRows("--data", array, COUNT - 1, limits)).length, (COUNT - 1) * 6);
  await rejected(readRows("--data", array, COUNT, limits), "invalid_file", /the value 1e\+300/);
});

test("a file that does not fit says what it is, what was expected and what to do", async () => {
  const png = write(pictureBytes("grey.png"), "png");
  const target = () => undefined;
  for (const [files, pictures, message] of [
    [
      [png],
      undefined,
      /^--z0 \S+\.png: it is a PNG picture, expected an array, IDX, \.npy, \.npz, Parquet or CSV; this option takes no/,
    ],
    [
      [samples.npy, png],
      { target },
      /^--z0 \S+\.png: it is a PNG picture, .* or CSV; give files of one kind$/,
    ],
    [
      [png, samples.npy],
      { target },
      /^--z0 \S+\.npy: it is a \.npy file.*, expected a PNG or JPEG file, as the/,
    ],
  ] as const) {
    await rejected(openData("--z0", files, limits, pictures), "invalid_file", message);
  }
});

test("Parquet and pictures on stdin: the file's path is asked for", async () => {
  const program = new BundledProgram(workplace.folder);
  const [parquet] = samples.parquet.split("#") as [string];
  for (const [file, name] of [
    [parquet, "a Parquet file"],
    [write(pictureBytes("grey.png"), "png"), "a PNG picture"],
  ] as const) {
    const child = program.start(["evaluate", ...one, "--data", "-"], { stdio: ["pipe", "pipe", "pipe"] });
    child.stdin?.end(readFileSync(file));
    const { exit, stderr } = await endOf(child);
    assert.is(exit, 1);
    assert.is(
      stderr,
      `latentflow: --data (stdin): it is ${name}, which cannot be read from stdin or a pipe; save it and give the path of the file\n`,
    );
  }
});

test.run();
