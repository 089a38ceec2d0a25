// run: slow
// Tests src/cli/input/tables/table-file.ts, src/cli/input/tables/table-flags.ts, src/cli/input/open-data.ts.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeFiles } from "../../../../src/cli/input/array-files/open-file.ts";
import { openData } from "../../../../src/cli/input/open-data.ts";
import { createDecoder } from "../../../../src/index.ts";
import { BundledProgram } from "../../../support/bundled-program.ts";
import { column, endOf, readCsv, Workplace } from "../../../support/program.ts";
import { randomArray } from "../../../support/random.ts";
import { rejected } from "../../../support/refusal.ts";
import { runHere } from "../../../support/run-here.ts";

// Tables as data of the program: the same results as of an array, identifiers, categories, parts, and flags that do not fit.

const workplace = new Workplace();
test.after.each(closeFiles);
test.after(() => workplace.dispose());
const limits = { maxBytes: 2 ** 30, givenMaxBytes: undefined, signal: undefined };
const running = ["--plain", "--threads", "1", "--quiet", "--json"];

function write(content: string | Uint8Array, extension = "csv"): string {
  const path = `${workplace.newPath()}.${extension}`;
  writeFileSync(path, content);
  return path;
}

const COUNT = 12;
const values = randomArray(5, COUNT * 3, 0, 1);
const npy = workplace.writeFloats(values, [COUNT, 3]);
const ids = Array.from({ length: COUNT }, (_, i) => `0${i}, "x"`);
const rows = ids.map((id, i) => [`"${id.replaceAll('"', '""')}"`, ...values.subarray(3 * i, 3 * i + 3)]);
const text = `id;x;y;z\r\n${rows.map((row) => `${row.join(";")}\r\n`).join("")}`;
const table = write(text);
const few = createDecoder({ layers: [2, 4, 3], seed: 3, loss: "mse" });
const decoder = write(few.toSafetensors(), "safetensors");

/** Runs a command to its end. Returns its folder and its report. */
async function run(command: string, ...args: string[]) {
  const out = workplace.newPath();
  const network = args.includes("--layers") ? [] : ["--decoder", decoder];
  const { exit, stdout, stderr } = await runHere(command, ...network, "--out", out, ...args, ...running);
  assert.is(exit, 0, stderr);
  return { out, report: JSON.parse(stdout) };
}

async function refusal(command: string, ...args: string[]): Promise<string> {
  const network = args.includes("--layers") ? [] : ["--decoder", decoder];
  const { exit, stderr } = await runHere(
    command,
    ...network,
    "--out",
    workplace.newPath(),
    ...args,
    ...running,
  );
  assert.ok(exit === 1 || exit === 2, `${exit}: ${stderr}`);
  return stderr;
}

const latents = (out: string) => readFileSync(join(out, "latents.npy"));

test("encode: the codes of an array, with identifiers, in one part or several", async () => {
  const expected = latents((await run("encode", "--data", npy)).out);
  for (const args of [
    ["--data", table, "--id-column", "id"],
    ["--data", table, "--id-column", "id", "--parts", "5"],
    ["--data", table, "--columns", "x,y,z"],
    ["--data", `${table}#x,y,z`],
    ["--data", write(gzipSync(text), "csv.gz"), "--columns", "x", "--columns", "y,z"],
    ["--data", write(text, "data"), "--delimiter", ";", "--id-column", "id"],
    ["--data", write(text.replaceAll(";", "\t"), "tsv"), "--delimiter", "tab", "--id-column", "id"],
  ]) {
    const { out, report } = await run("encode", ...args);
    assert.equal(latents(out), expected, args.join(" "));
    assert.equal(report.columns, ["x", "y", "z"]);
    assert.equal(report.categories, {});
    assert.is(report.hasHeader, true);
    const results = readFileSync(join(out, "results.csv"), "utf8");
    assert.is(results.startsWith("index,id,"), args.includes("--id-column"));
    if (args.includes("--id-column")) assert.ok(results.includes('\n11,"011, ""x""",'));
  }
});

test("--limit takes the first rows; files follow each other by their columns' names", async () => {
  const other = write("z,more,x,id,y\n0.5,a,0.25,p,0.75\n");
  const both = ["--data", table, other, "--id-column", "id"];
  const { report, out } = await run("encode", ...both);
  assert.is(report.samples, COUNT + 1);
  assert.ok(readFileSync(join(out, "results.csv"), "utf8").includes("\n12,p,"));
  const array = await openData("--data", [table, other], limits, {
    target: () => undefined,
    table: { idColumn: "id", isOfSamples: true },
  });
  assert.equal(Array.from(await array.read(COUNT * 3, COUNT * 3 + 3)), [0.25, 0.75, 0.5]);
  assert.equal(
    array.tables?.map((each) => each?.rows),
    [COUNT, 1],
  );
  const first = await run("encode", ...both, "--limit", "2");
  assert.equal(
    latents(first.out).subarray(-16),
    latents(out).subarray(-16 - 8 * (COUNT - 1), -8 * (COUNT - 1)),
  );
});

test("standard input, weights, masks and start latents may be tables", async () => {
  const program = new BundledProgram(workplace.folder);
  const args = ["evaluate", "--decoder", decoder, ...running, "--id-column", "id", "--data"];
  const child = program.start([...args, "-"], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.end(text);
  const { exit, stdout, stderr } = await endOf(child);
  assert.is(exit, 0, stderr);
  const { report } = await run("evaluate", "--data", npy);
  assert.is(JSON.parse(stdout).meanLoss, report.meanLoss);

  const mask = randomArray(8, COUNT * 3, 0, 2).map((value, i) => (i % 3 === 0 ? 1 : Math.floor(value)));
  const z0 = randomArray(9, COUNT * 2);
  const csv = (numbers: Float32Array, size: number) =>
    write(
      Array.from({ length: COUNT }, (_, i) => `${numbers.subarray(i * size, (i + 1) * size)}\n`).join(""),
    );
  for (const [flag, numbers, size] of [
    ["--weights", mask, 3],
    ["--mask", mask, 3],
    ["--z0", z0, 2],
  ] as const) {
    const array = workplace.writeFloats(numbers, [COUNT, size]);
    const byArray = await run("encode", "--data", npy, flag, array);
    const byTable = await run("encode", "--data", npy, flag, csv(numbers, size));
    assert.equal(latents(byTable.out), latents(byArray.out), flag);
  }
  assert.match(
    await refusal("encode", "--data", npy, "--weights", table),
    /: the column "id" has "00, \\"x\\"" in line 2, .*FILE\.csv#a,b/,
  );
});

test("evaluate writes identifiers; --columns and --id-column of a Parquet file", async () => {
  const columnData = ["x", "y", "z"].map((name, k) => ({
    name,
    type: "FLOAT" as const,
    data: values.filter((_, i) => i % 3 === k),
  }));
  const named = [{ name: "id", type: "STRING" as const, data: ids }, ...columnData];
  const parquet = write(new Uint8Array(parquetWriteBuffer({ columnData: named })), "parquet");
  const results: string[] = [];
  for (const file of [table, parquet]) {
    const args = ["--data", file, "--columns", "x,y,z", "--id-column", "id", "--limit", "5"];
    results.push(readFileSync(join((await run("evaluate", ...args)).out, "results.csv"), "utf8"));
  }
  const [ofTable, ofParquet] = results as [string, string];
  assert.is(ofParquet, ofTable);
  assert.ok(ofTable.includes('\n4,"04, ""x""",'));
});

test("train and encode agree on categories, given or found; a decoder of another width is refused with the columns", async () => {
  const kinds = ["red", "green", "red", "blue"];
  const training = write(`kind,x\n${kinds.map((kind, i) => `${kind},${i / 4}`).join("\n")}\n`);
  const { report, out } = await run(
    "train",
    "--data",
    training,
    "--categories",
    "kind",
    ...["--layers", "2,4", "--loss", "mse", "--epochs", "1"],
    "--validate",
    write("x,kind\n0.5,red\n"),
  );
  assert.equal(report.columns, ["kind", "x"]);
  assert.equal(report.categories, { kind: ["blue", "green", "red"] });
  const own = ["--decoder", join(out, "decoder.safetensors")];
  const part = write("kind,x\nred,0.5\ngreen,0.25\n");
  const encoding = async (...args: string[]) =>
    runHere("encode", ...own, "--data", part, "--out", workplace.newPath(), ...args, ...running);
  const { exit, stderr } = await encoding("--categories", "kind");
  assert.is(exit, 1);
  assert.match(
    stderr,
    /its samples are 3 values, "kind=green", "kind=red", "x"; the decoder's output has 4; give --columns, --id-column and --categories so/,
  );
  assert.is((await encoding("--categories", "kind=blue|green|red")).exit, 0);
  assert.match(
    await refusal(
      "train",
      "--data",
      training,
      "--categories",
      "kind",
      ...["--layers", "2,4", "--loss", "mse", "--epochs", "1"],
      "--validate",
      write("x,kind\n0.5,pink\n"),
    ),
    /--validate \S+: the column "kind" has "pink" in line 2, expected one of its categories/,
  );
});

test("parts of a run are told from those of other columns, and of other identifiers", async () => {
  const out = workplace.newPath();
  const part = (file: string, ...args: string[]) =>
    runHere(
      "encode",
      "--decoder",
      decoder,
      "--data",
      file,
      "--out",
      out,
      "--part",
      "0/2",
      ...args,
      ...running,
    );
  assert.is((await part(table, "--columns", "x,y,z", "--id-column", "id")).exit, 0);
  assert.is((await part(table, "--id-column", "id")).exit, 0);
  for (const [file, ...args] of [
    [table, "--columns", "x,z,y", "--id-column", "id"],
    [write(text.replace('"07,', '"70,')), "--id-column", "id"],
  ] as const) {
    const { exit, stderr } = await part(file, ...args);
    assert.is(exit, 1);
    assert.match(stderr, /--data/);
  }
});

test("flags that do not fit are refused", async () => {
  for (const [args, message] of [
    [
      ["--data", npy, "--columns", "x"],
      /--columns is for CSV and Parquet files, and --data \S+\.npy is none; leave it out/,
    ],
    [["--data", npy, "--categories", "x"], /--categories is for CSV files, and --data/],
    [["--data", npy, "--delimiter", ";"], /--delimiter is for CSV files/],
    [["--data", npy, "--decimal-comma"], /--decimal-comma is for CSV files/],
    [
      ["--data", npy, "--id-column", "id"],
      /--id-column id is a column of CSV and Parquet files; this is none/,
    ],
    [
      ["--data", table, "--delimiter", "ab"],
      /--delimiter .*Expected one character that is in no number, or tab/,
    ],
    [["--data", table, "--delimiter", "5"], /Expected one character/],
    [
      ["--data", write("hello\nworld\n", "txt")],
      /\.txt: it is text, read as a table \(CSV\): the column "hello" has "world" in line 2/,
    ],
    [["--data", write("a,b\0,c\n1,2,3\n")], /: line 1 has a NUL byte/],
  ] as const) {
    assert.match(await refusal("encode", ...args), message);
  }
  const training = ["--layers", "2,3", "--loss", "mse", "--epochs", "1"];
  assert.match(
    await refusal("train", "--data", npy, "--id-column", "id", ...training),
    /--id-column is for CSV files in train, and --data/,
  );
  assert.match(
    await refusal("train", "--dataset", "mnist", "--columns", "id", ...training),
    /--columns .*--dataset, which is no table/,
  );
  for (const [file, maxBytes, message] of [
    [
      table,
      text.length - 1,
      /^--data \S+\.csv: the file has \d+ bytes, more than maxBytes, \d+; to read it give/,
    ],
    [
      write(gzipSync(text), "csv.gz"),
      text.length - 1,
      /^--data \S+\.csv\.gz: gzip: it unpacks to more than maxBytes/,
    ],
  ] as const) {
    await rejected(openData("--data", [file], { ...limits, maxBytes }), "invalid_file", message);
  }
  await rejected(
    openData("--z0", [write("a\nx\n")], limits),
    "invalid_file",
    /^--z0 \S+\.csv: the column "a" has "x" in line 2, .*name columns of numbers behind the file: FILE\.csv#a,b$/,
  );
});

test("the results.csv that encode writes is read", async () => {
  const { out } = await run("encode", "--data", npy);
  const results = join(out, "results.csv");
  const array = await openData("--weights", [`${results}#loss,accepted_steps`], limits);
  assert.equal(array.shape, [COUNT, 2]);
  const losses = column(readCsv(results), "loss").map(Number);
  assert.equal(
    (await array.read(0, 2 * COUNT)).filter((_, i) => i % 2 === 0),
    Float32Array.from(losses),
  );
});

test.run();
