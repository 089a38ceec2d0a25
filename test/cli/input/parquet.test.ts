// run: slow
// Tests src/cli/input/array-files/parquet-ids.ts, src/cli/parts/parquet-results.ts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { showFloat32 } from "../../../src/base/show-float32.ts";
import type { Part } from "../../../src/cli/parts/part.ts";
import { joinAll, sliceAll } from "../../../src/cli/parts/sample-slices.ts";
import { writeResults } from "../../../src/cli/parts/write-results.ts";
import { readNpy } from "../../../src/files/npy.ts";
import { createDecoder } from "../../../src/index.ts";
import { column, Workplace } from "../../support/program.ts";
import { runHere as run } from "../../support/run-here.ts";

// encode with samples and identifiers from Parquet files, and results.parquet. The files in test/fixtures/parquet were
// written by Apache Arrow's Rust writer: make.mjs there.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const running = ["--plain", "--threads", "1", "--quiet", "--json"];
const folder = fileURLToPath(new URL("../../fixtures/parquet/", import.meta.url));
const samples = join(folder, "rust-snappy.parquet");
const {
  columns,
}: {
  readonly columns: Readonly<Record<"fixed" | "bytes", number[][]> & Record<"name" | "number", string[]>>;
} = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const decoderFile = `${workplace.newPath()}.safetensors`;
writeFileSync(decoderFile, createDecoder({ layers: [3, 5, 6], seed: 3, loss: "bce" }).toSafetensors());
const few = ["--decoder", decoderFile, "--solver", "rk4", "--t1", "1", "--slices", "3"];

/** Runs encode to its end; returns its folder. */
async function encode(...args: string[]): Promise<string> {
  const out = workplace.newPath();
  const { exit, stderr } = await run("encode", ...few, ...running, "--out", out, ...args);
  assert.is(exit, 0, stderr);
  return out;
}

type Row = Readonly<Record<string, unknown>>;

async function readParquet(out: string): Promise<Row[]> {
  const file = new Uint8Array(readFileSync(join(out, "results.parquet"))).buffer;
  return (await parquetReadObjects({ file })) as Row[];
}

/** How floats lie in memory: NaN is equal to itself, and -0 another than 0. */
function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}

const floatsOf = (rows: readonly Row[], name: string) =>
  Float32Array.from(rows.flatMap((row) => row[name] as number[]));
const read = (out: string, name: string) => readFileSync(join(out, name));

test("samples of a Parquet file are encoded as those of a .npy file", async () => {
  for (const [name, loss] of [
    ["fixed", "mse"],
    ["bytes", "bce"],
  ] as const) {
    const values = columns[name].flat();
    let file = workplace.writeFloats(Float32Array.from(values), [20, 6]);
    if (name === "bytes") {
      file = `${workplace.newPath()}.idx`;
      writeFileSync(file, Uint8Array.from([0, 0, 8, 2, 0, 0, 0, 20, 0, 0, 0, 6, ...values]));
    }
    const fromFile = await encode("--data", file, "--loss", loss);
    const fromParquet = await encode("--data", `${samples}#${name}`, "--loss", loss, "--parts", "3");
    assert.equal(read(fromParquet, "latents.npy"), read(fromFile, "latents.npy"));
    assert.equal(read(fromParquet, "results.csv"), read(fromFile, "results.csv"));
  }
});

for (const [idColumn, expected] of [
  ["name", columns.name],
  ["number", columns.number.map(BigInt)],
] as const) {
  test(`results.parquet has what latents.npy and results.csv have, by the identifiers of ${idColumn}`, async () => {
    const options = [
      "--data",
      `${samples}#bytes`,
      "--id-column",
      idColumn,
      "--reconstructions",
      "--prior",
      "gaussian",
    ];
    const asNpy = await encode(...options);
    const out = await encode(...options, "--format", "parquet");
    const rows = await readParquet(out);
    assert.equal(
      rows.map(({ id }) => id),
      expected,
    );
    assert.equal(
      rows.map(({ index }) => index),
      rows.map((_, i) => BigInt(i)),
    );
    for (const [name, file, size] of [
      ["latent", "latents.npy", 3],
      ["reconstruction", "reconstructions.npy", 6],
    ] as const) {
      const { shape, data } = readNpy(read(asNpy, file));
      assert.equal(shape, [20, size]);
      assert.equal(bitsOf(floatsOf(rows, name)), bitsOf(data as Float32Array), name);
    }
    const csv = readCsvOf(asNpy);
    const [first, ...names] = csv[0]!;
    assert.is(first, "index");
    assert.equal(Object.keys(rows[0]!), ["index", "id", "latent", ...names.slice(1), "reconstruction"]);
    for (const name of names) {
      const values = column(csv, name);
      for (const [i, value] of rows.map((row) => row[name]).entries()) {
        assert.is(
          typeof value === "number" && name !== "t" ? showFloat32(value) : `${value}`,
          values[i],
          name,
        );
      }
    }
    assert.not.ok(existsSync(join(out, "latents.npy")));
    assert.not.ok(existsSync(join(out, "results.csv")));
    // What it says of itself names no time and no machine.
    const { created_by, key_value_metadata } = parquetMetadata(new Uint8Array(read(out, "results.parquet")));
    assert.is(created_by, "latentflow");
    assert.equal(key_value_metadata, undefined);
  });
}

/** The cells of results.csv, also those with commas, quotes and new lines in them. */
function readCsvOf(out: string): string[][] {
  const text = read(out, "results.csv").toString();
  const cells = text.matchAll(/("(?:[^"]|"")*"|[^,\n]*)([,\n])/g);
  const table: string[][] = [[]];
  for (const [, cell, end] of cells) {
    table.at(-1)!.push(cell!.startsWith('"') ? cell!.slice(1, -1).replaceAll('""', '"') : cell!);
    if (end === "\n") table.push([]);
  }
  return table.slice(0, -1);
}

test("in parts, and merged: the same bytes", async () => {
  const options = ["--data", `${samples}#fixed`, "--loss", "mse", "--id-column", "name"];
  const whole = await encode(...options, "--format", "parquet");
  const inParts = await encode(...options, "--format", "parquet", "--parts", "3");
  assert.equal(read(inParts, "results.parquet"), read(whole, "results.parquet"));

  const tasks = workplace.newPath();
  for (const part of ["1/2", "0/2"]) {
    const task = ["--out", tasks, ...options, "--part", part];
    const { exit, stderr } = await run("encode", ...few, ...running, ...task);
    assert.is(exit, 0, stderr);
  }
  const merge = async (format: string) => {
    const out = workplace.newPath();
    const options = ["--out", out, "--format", format, "--quiet", "--json"];
    const { exit, stdout, stderr } = await run("merge", tasks, ...options);
    assert.is(exit, 0, stderr);
    assert.is(JSON.parse(stdout).idColumn, "name");
    return out;
  };
  assert.equal(read(await merge("parquet"), "results.parquet"), read(whole, "results.parquet"));
  const merged = await merge("npy");
  const alone = await encode(...options);
  for (const name of ["latents.npy", "results.csv"]) assert.equal(read(merged, name), read(alone, name));
});

interface Written {
  readonly type: "FLOAT" | "STRING" | "INT64";
  readonly data: unknown[];
}

function writeParquet(file: string, written: Readonly<Record<string, Written>>): string {
  const columnData = Object.entries(written).map(([name, values]) => ({ name, ...values }));
  writeFileSync(file, new Uint8Array(parquetWriteBuffer({ columnData })));
  return file;
}

/** A file of some samples, their six values in columns of their own. */
function writeSamples(id: Written): string {
  const values = Array.from({ length: 6 }, (_, k) => id.data.map((_, i) => Math.sin(i + k) ** 2));
  const written = Object.fromEntries(values.map((data, k) => [`v${k}`, { type: "FLOAT" as const, data }]));
  return writeParquet(`${workplace.newPath()}.parquet`, { id, ...written });
}

const named = (file: string) => `${file}#v0,v1,v2,v3,v4,v5`;

test("several files, and identifiers that are empty or alike", async () => {
  const files = [
    writeSamples({ type: "STRING", data: ["", ""] }),
    writeSamples({ type: "STRING", data: ["b", "b", "", "=1+1"] }),
  ];
  const out = await encode(
    "--data",
    ...files.map(named),
    "--id-column",
    "id",
    "--parts",
    "3",
    "--format",
    "parquet",
  );
  const rows = await readParquet(out);
  assert.equal(
    rows.map(({ id }) => id),
    ["", "", "b", "b", "", "=1+1"],
  );
  // The first two of both are the same samples.
  assert.equal(bitsOf(floatsOf(rows.slice(0, 2), "latent")), bitsOf(floatsOf(rows.slice(2, 4), "latent")));

  // What was written is read again.
  const codes = readNpy(
    read(
      await encode("--data", `${out}/results.parquet#loss,t,gradient_norm,loss,t,t`, "--loss", "mse"),
      "latents.npy",
    ),
  );
  assert.equal(codes.shape, [6, 3]);
});

test("what cannot be read is refused before anything is computed or written", async () => {
  const texts = writeSamples({ type: "STRING", data: ["a", "b"] });
  const integers = writeSamples({ type: "INT64", data: [1n, 2n] });
  const floats = workplace.writeFloats(new Float32Array(12), [2, 6]);
  const bad = Buffer.from(readFileSync(texts));
  const cut = `${workplace.newPath()}.parquet`;
  writeFileSync(cut, bad.subarray(0, bad.length - 9));
  const refused = join(folder, "rust-refused.parquet");
  const refusals = [
    [[texts], `--data ${texts}: the Parquet file has the columns "id", "v0"`],
    [[`${texts}#v0,id`], `--data ${texts}#v0,id: the column "id" is of texts`],
    [[`${texts}#v0`], `--data ${texts}#v0: its samples are 1, the decoder's output has 6 values`],
    [[named(texts), floats], `--data ${floats}: --id-column id is a column of CSV and Parquet files`],
    [
      [named(texts), named(integers)],
      `--data ${named(integers)}: the column "id" of identifiers has whole numbers`,
    ],
    [[`${refused}#ragged`], `--data ${refused}#ragged: row 2 of the column "ragged" has a list of 1`],
    [[`${samples}#bytes`], `--data ${samples}#bytes: the Parquet file has no column "id"`],
    [[`${samples}#bytes`, named(texts)], `--data ${named(texts)}: its values are of the type float32`],
    [[`${cut}#v0`], `--data ${cut}#v0: the Parquet file is damaged`],
  ] as const;
  for (const [data, message] of refusals) {
    const out = workplace.newPath();
    const args = ["--out", out, "--data", ...data, "--id-column", "id"];
    const { exit, stdout, stderr } = await run("encode", ...few, ...running, ...args);
    assert.is(exit, 1, stderr);
    assert.is(stdout, "");
    assert.ok(stderr.startsWith(`latentflow: ${message}`), `${stderr} in place of ${message}`);
    assert.not.ok(existsSync(out));
  }
});

test("results.parquet keeps every bit: -0, the numbers that are none, and the smallest and largest ones", async () => {
  // Few values often, which writers like to number: 0 and -0 are one to a Map.
  const often = 16;
  const repeat = <T>(...values: T[]): T[] => Array.from({ length: often }, () => values).flat();
  const count = 4 * often;
  const z = Float32Array.from(
    repeat(0, -0, 0, -0, NaN, Infinity, -Infinity, 1e-45, 3.4028234663852886e38, -0, 1, 1),
  );
  const loss = Float32Array.from(repeat(NaN, -0, 0, NaN));
  const counts = Uint32Array.from(repeat(0, 2 ** 32 - 1, 1, 2));
  const ids = BigInt64Array.from(repeat(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)));
  const part: Part = {
    index: 0,
    first: 0,
    count,
    seconds: 1,
    threads: 1,
    kernels: "plain",
    results: {
      z,
      leastLoss: undefined,
      loss,
      objective: loss,
      initialLoss: loss,
      gradientNorm: loss,
      missing: counts,
      prior: undefined,
      ids,
      status: repeat("converged", "aborted", "aborted", "converged"),
      stats: { acceptedSteps: counts, backtracks: counts, t: Float64Array.from(repeat(-0, NaN, 5e-324, 0)) },
      reconstructions: undefined,
      sampling: {
        codes: Float32Array.from([...z, ...z]),
        weights: Float64Array.from(repeat(0.1, 1 / 3, 1e-300, 0, -0, 1, 0.2, 0.8)),
        effectiveSampleSize: Float64Array.from(repeat(1, 2, 1 / 3, 0)),
      },
    },
  };
  const out = workplace.newPath();
  mkdirSync(out);
  const plan = {
    samples: count,
    latentSize: 3,
    sampleShape: [1],
    hasPrior: false,
    hasReconstructions: false,
    codesPerSample: 2,
  };
  await writeResults(out, "parquet", plan, [part], []);
  const rows = await readParquet(out);
  assert.equal(bitsOf(floatsOf(rows, "latent")), bitsOf(z));
  assert.equal(bitsOf(floatsOf(rows, "loss")), bitsOf(loss));
  const { codes, weights, effectiveSampleSize } = part.results.sampling!;
  const doublesOf = (name: string) => Float64Array.from(rows.flatMap((row) => row[name] as number[]));
  assert.equal(bitsOf(floatsOf(rows, "samples")), bitsOf(codes));
  assert.equal(new BigUint64Array(doublesOf("sample_weights").buffer), new BigUint64Array(weights.buffer));
  assert.equal(doublesOf("effective_sample_size"), effectiveSampleSize);
  assert.equal(BigInt64Array.from(rows.map(({ id }) => id as bigint)), ids);
  assert.equal(
    rows.map(({ backtracks }) => backtracks),
    Array.from(counts, BigInt),
  );
  const t = Float64Array.from(rows.map(({ t }) => t as number));
  assert.equal(new BigUint64Array(t.buffer), new BigUint64Array(part.results.stats.t.slice().buffer));

  // Row groups have 10,000 samples, however the run is divided.
  const repeated = joinAll(Array.from({ length: 160 }, () => part.results));
  const samples = 160 * count;
  const bytesOf = async (...cuts: number[]) => {
    const parts = cuts.map((first, index): Part => {
      const end = cuts[index + 1] ?? samples;
      return { ...part, index, first, count: end - first, results: sliceAll(repeated, samples, first, end) };
    });
    await writeResults(out, "parquet", { ...plan, samples }, parts, []);
    return new Uint8Array(read(out, "results.parquet"));
  };
  const whole = await bytesOf(0);
  const groups = parquetMetadata(whole.buffer).row_groups.map(({ num_rows }) => Number(num_rows));
  assert.equal(groups, [10_000, 240]);
  assert.equal(
    (await readParquet(out)).map(({ index }) => Number(index)),
    Array.from({ length: samples }, (_, i) => i),
  );
  assert.equal(await bytesOf(0, 30, 9000, 10_000, 10_100), whole);
});

test.run();
