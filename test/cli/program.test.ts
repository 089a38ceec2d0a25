// run: alone
// Tests src/cli/commands/decode.ts, src/cli/commands/demo.ts, src/cli/commands/status.ts,
// src/cli/options/parse.ts, src/cli/output/report.ts, src/cli/output/results.ts,
// src/cli/help.ts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { decode as decodePng } from "fast-png";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../package.json" with { type: "json" };
import { readNpy } from "../../src/files/npy.ts";
import { readArray } from "../../src/files/read.ts";
import {
  amd,
  createDecoder,
  decode,
  dormandPrince,
  type EncodeOptions,
  encode,
  euler,
  expDecay,
  gradientFlow,
  lbfgs,
  linearGrid,
  loadDecoder,
  logGrid,
  nesterovFlow,
  rk4,
  type Solver,
  wasm,
} from "../../src/index.ts";
import { endOf as timeAtEnd } from "../../src/solver/solver.ts";
import { column, endOf, readCsv, start, Workplace } from "../support/program.ts";
import { runHere as run } from "../support/run-here.ts";

const decoderFile = fileURLToPath(new URL("../../demo/decoder.safetensors", import.meta.url));
const digitsFile = fileURLToPath(new URL("../../demo/mnist-test-300.idx.gz", import.meta.url));
const tinyDecoderFile = fileURLToPath(new URL("../vectors/tiny-mse-tanh.safetensors", import.meta.url));

const workplace = new Workplace();
test.after(() => workplace.dispose());
const { folder } = workplace;
const newFolder = () => workplace.newPath();
const writeFloats = (values: Float32Array, shape: readonly number[]) => workplace.writeFloats(values, shape);

test("demo: a table, and files that hold what it says", async () => {
  const out = newFolder();
  const { exit, stdout, stderr } = await run("demo", "--limit", "14", "--out", out);
  assert.is(exit, 0, stderr);
  assert.match(stderr, /^encoding 14 samples\n/, "no bar where stderr is no terminal");
  assert.not.match(stdout, /verified/);
  for (const row of [
    /convolutional\.safetensors: 20 → 1568 → 14×14×16 → 28×28×1 /,
    /samples +│ 14 of 10,000, 28 × 28 values each, bytes divided by 255 /,
    /mean cross entropy before +│ \d\.\d+ nats/,
    /mean cross entropy after +│ 0\.0\d+ nats/,
    /above the targets' own entropy +│ 0\.0\d+ nats/,
    /mean accepted steps +│ \d+\.\d/,
    /mean backtracks +│ \d+\.\d/,
    /statuses +│ 14 converged/,
    /samples per second +│ [\d,]+ \(\d+\.\d\d s\)/,
    /WASM +│ (plain|relaxed) SIMD, (128|256)-bit vectors.*, \d+ threads?/,
  ]) {
    assert.match(stdout, row);
  }

  assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).shape, [14, 20]);
  const results = readCsv(join(out, "results.csv"));
  assert.equal(results[0], [
    ...["index", "initial_loss", "loss", "gradient_norm", "status", "accepted_steps", "backtracks", "t"],
  ]);
  assert.is(results.length, 15);
  assert.ok(
    column(results, "loss").every((loss, i) => Number(loss) < Number(column(results, "initial_loss")[i])),
  );

  // 12 digits in three rows, and 6 rows of 7 reconstructions and the original; 84 pixels each and 4 between.
  const reconstructions = decodePng(readFileSync(join(out, "reconstructions.png")));
  assert.equal([reconstructions.width, reconstructions.height], [12 * 88 + 4, 3 * 88 + 4]);
  const steps = decodePng(readFileSync(join(out, "steps.png")));
  assert.equal([steps.width, steps.height], [8 * 88 + 4, 6 * 88 + 4]);
});

test("encode: the results are those of the API with the same options", async () => {
  const out = newFolder();
  const { exit, stdout, stderr } = await run(
    ...[
      "encode",
      "--decoder",
      decoderFile,
      "--data",
      digitsFile,
      "--out",
      out,
      "--json",
      "--quiet",
      "--plain",
    ],
    ...[
      "--threads",
      "1",
      "--limit",
      "5",
      "--batch-size",
      "2",
      "--solver",
      "amd",
      "--max-steps",
      "9",
      "--step-max",
      "4",
      "--grow-from",
      "trial",
    ],
  );
  assert.is(exit, 0, stderr);
  assert.is(stderr, "");
  const { data } = await readArray(readFileSync(digitsFile));
  const y = Float32Array.from(data.subarray(0, 5 * 784), (pixel) => pixel / 255);
  const expected = await encode(await loadDecoder(decoderFile), y, {
    solver: amd({ maxSteps: 9, stepMax: 4, growFrom: "trial" }),
    backend: wasm({ relaxed: false }),
  });
  assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).data, expected.z);
  const results = readCsv(join(out, "results.csv"));
  assert.equal(Float32Array.from(column(results, "loss"), Number), expected.loss);
  assert.equal(Float32Array.from(column(results, "initial_loss"), Number), expected.initialLoss);
  assert.equal(column(results, "status"), expected.status);
  assert.equal(Uint32Array.from(column(results, "accepted_steps"), Number), expected.stats.acceptedSteps);
  assert.equal(Uint32Array.from(column(results, "backtracks"), Number), expected.stats.backtracks);
  assert.equal(Float64Array.from(column(results, "t"), Number), expected.stats.t);

  const document = JSON.parse(stdout);
  assert.is(document.latentflow, packageJson.version);
  assert.equal(document.data, { file: digitsFile, samples: 300, shape: [28, 28], dividedBy: 255 });
  assert.equal(document.loss, { name: "binaryCrossEntropy", reduction: "mean" });
  assert.is(document.solver.maxSteps, 9);
  assert.is(document.samples, 5);
  assert.equal(document.statuses, { max_steps: 5 });
  assert.is(document.meanAcceptedSteps, 9);
  assert.is(document.build, "plain");
  assert.is(document.threads, 1);
  assert.is(document.aborted, false);
  assert.ok(Math.abs(document.meanTargetEntropy + document.meanExcessLoss - document.meanLoss) < 1e-12);
  assert.ok(document.meanTargetEntropy > 0.03 && document.meanTargetEntropy < document.meanLoss);
  assert.ok(document.files.length === 4 && document.files.every(existsSync));
});

test("encode: data that are no images, another loss; pictures of an earlier run go", async () => {
  const out = newFolder();
  mkdirSync(out);
  writeFileSync(join(out, "steps.png"), "of an earlier run");
  const data = writeFloats(
    Float32Array.from({ length: 18 }, (_, i) => Math.sin(i)),
    [3, 6],
  );
  const args = ["--decoder", tinyDecoderFile, "--data", data, "--out", out, "--json"];
  const { exit, stdout, stderr } = await run("encode", ...args, "--reduction", "sum");
  assert.is(exit, 0, stderr);
  const document = JSON.parse(stdout);
  assert.equal(document.loss, { name: "squaredError", reduction: "sum" });
  assert.is(document.meanTargetEntropy, null);
  assert.is(document.data.dividedBy, 1);
  assert.equal(document.files, [join(out, "latents.npy"), join(out, "results.csv")]);
  assert.not(existsSync(join(out, "steps.png")));
});

test("encode: missing values are counted; with --missing refuse they are no obstacle where their weight is 0", async () => {
  const values = Float32Array.from({ length: 18 }, (_, i) => Math.sin(i));
  values[7] = Number.NaN;
  const weights = new Float32Array(18).fill(1);
  weights[7] = 0;
  const data = writeFloats(values, [3, 6]);
  const args = ["encode", "--decoder", tinyDecoderFile, "--data", data, "--out", newFolder(), "--json"];
  const found = await run(...args);
  assert.is(found.exit, 0, found.stderr);
  assert.is(JSON.parse(found.stdout).missing, 1);
  const without = await run(...args, "--missing", "refuse");
  assert.is(without.exit, 1);
  assert.match(
    without.stderr,
    /^encoding 3 samples\nlatentflow: --data \S+ has NaN at sample 1, element 1, expected finite .*, give --weights or --mask that are 0 there, or --missing omit\n$/,
  );
  // The weights are those of all samples in the file, of which two are taken.
  const with_ = await run(
    ...args,
    "--missing",
    "refuse",
    "--limit",
    "2",
    "--weights",
    writeFloats(weights, [3, 6]),
  );
  assert.is(with_.exit, 0, with_.stderr);
  assert.is(JSON.parse(with_.stdout).samples, 2);
});

test("an empty file of samples gives empty results", async () => {
  const out = newFolder();
  const data = writeFloats(new Float32Array(0), [0, 784]);
  const { exit, stdout, stderr } = await run(
    "encode",
    "--decoder",
    decoderFile,
    "--data",
    data,
    "--out",
    out,
  );
  assert.is(exit, 0, stderr);
  assert.match(stdout, /samples +│ 0 of 0/);
  assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).shape, [0, 20]);
});

test("files that cannot be used: exit code 1, one line, no stack", async () => {
  const out = newFolder();
  const text = `${newFolder()}.csv`;
  writeFileSync(text, "1,2,3\n");
  const cut = `${newFolder()}.idx.gz`;
  writeFileSync(cut, readFileSync(digitsFile).subarray(0, 20_000));
  const narrow = writeFloats(new Float32Array(12), [2, 6]);
  const cases: [decoder: string, data: string, out: string, message: RegExp][] = [
    ["missing.safetensors", digitsFile, out, /missing\.safetensors.*no such file/],
    [digitsFile, digitsFile, out, /mnist-test-300/],
    [decoderFile, "missing.npy", out, /--data missing\.npy: there is no such file/],
    [decoderFile, folder, out, /^latentflow: --data \S+: the folder has no PNG or JPEG files/],
    [
      decoderFile,
      text,
      out,
      /\.csv: its samples are 3 values, "1", "2", "3"; the decoder's output has 784; give --columns/,
    ],
    [decoderFile, cut, out, /\.idx\.gz: gzip: the file is damaged or cut short/],
    [decoderFile, narrow, out, /its samples are 6, the decoder's output has 784 values/],
    [decoderFile, digitsFile, join(text, "out"), /cannot make the folder .*: a part of the path is a file/],
  ];
  for (const [decoder, data, outFolder, message] of cases) {
    const { exit, stdout, stderr } = await run(
      "encode",
      "--decoder",
      decoder,
      "--data",
      data,
      "--out",
      outFolder,
    );
    assert.is(exit, 1, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /^latentflow: .*\n$/);
    assert.match(stderr, message);
  }
});

test("wrong usage: exit code 2 and a word on what is right", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["frobnicate"], /unknown command 'frobnicate'/],
    ...[["encod"], ["encod", "--help"], ["-h", "encod"], ["help", "encod"], ["encod", "--data", "x"]].map(
      (args): [string[], RegExp] => [args, /unknown command 'encod'\n\(Did you mean encode\?\)/],
    ),
    [["demo", "--tolerence", "1"], /unknown option '--tolerence'\n\(Did you mean --tolerance\?\)/],
    [["demo", "--threads", "0"], /'--threads <n>' argument '0' is invalid\. Expected an integer >= 1/],
    [["demo", "--threads", "1e9"], /'1e9' is invalid\. Expected an integer >= 1 and <= 1024\./],
    [["train", "--gradient-clip", "0"], /'0' is invalid\. Expected a finite number > 0/],
    [["train", "--checkpoint-seconds", "-1"], /'-1' is invalid\. Expected a finite number >= 0/],
    [["train", "--checkpoint-seconds", "1e400"], /'1e400' is invalid\. Expected a finite number >= 0/],
    [["demo", "--limit", "0"], /'--limit <n>' argument '0' is invalid\. Expected an integer >= 1/],
    [["demo", "--t1", "soon"], /Expected a number/],
    [["demo", "--solver", "amd", "--t1", "-5"], /latentflow: --t1 is -5, expected a finite number > 0/],
    [["demo", "--t1", "5"], /latentflow: --t1 is no option of --solver lbfgs/],
    [["demo", "--memory", "0"], /latentflow: --memory is 0, expected an integer >= 1 and <= 1000/],
    [["demo", "--loss", "l1"], /Allowed choices are bce, binaryCrossEntropy, mse, squaredError/],
    [["encode", "--decoder", "d", "--out", "o"], /required option '--data <files...>' not specified/],
    [["encode", "--out", "o"], /required options '--decoder <file>', '--data <files...>' not specified/],
    // Not among the flags that --help lists.
    [["encode", "--prior-fro", "c"], /unknown option '--prior-fro'\n\(Did you mean --prior-from\?\)/],
    [["encode", "--decodr", "d"], /unknown option '--decodr'\n\(Did you mean --decoder\?\)/],
    [["train", "--layers", "20x150"], /Expected integers >= 1 with commas between them/],
    [["encode", "--activation", "elu:1:2"], /'elu:1:2' is invalid\. Expected a number/],
    [
      ["encode", "--activation", "relu:1"],
      /Expected one of elu, leakyRelu.*leakyRelu:0\.01 sets its slope \(a finite number >= 0/,
    ],
  ];
  for (const [args, message] of cases) {
    const { exit, stdout, stderr } = await run(...args);
    assert.is(exit, 2, `${args}: ${stderr}`);
    assert.is(stdout, "");
    assert.match(stderr, /^latentflow: /);
    assert.match(stderr, message);
    const verb = ["demo", "encode", "train"].find((name) => name === args[0]);
    const help = verb
      ? `latentflow ${verb} --help${verb === "demo" ? "" : " all"} lists the options`
      : "latentflow --help lists the commands";
    assert.ok(stderr.endsWith(`\n(${help})\n`), stderr);
  }
});

test("help of a command, and of all of them: exit code 0", async () => {
  for (const args of [
    ["encode", "--help"],
    ["help", "encode"],
  ]) {
    const { exit, stdout } = await run(...args);
    assert.equal([exit, stdout.split("\n")[0]], [0, "Usage: latentflow encode [options]"], `${args}`);
  }
  for (const args of [["help"], ["--help"], ["help", "--help"]]) {
    const { exit, stdout } = await run(...args);
    assert.equal([exit, stdout.split("\n")[0]], [0, "Usage: latentflow [options] [command]"], `${args}`);
  }
});

test("--help of a command with many options lists the everyday ones, --help all every one", async () => {
  for (const name of ["encode", "train", "evaluate"]) {
    const everyday = await run(name, "--help");
    const all = await run(name, "--help", "all");
    assert.equal([everyday.exit, all.exit], [0, 0]);
    const flags = (text: string) =>
      [...text.matchAll(/^ {2}(?:-h, )?(--[a-z0-9-]+)/gm)].map(([, flag]) => flag!);
    const [some, every] = [flags(everyday.stdout), flags(all.stdout)];
    assert.ok(
      some.every((flag) => every.includes(flag)),
      name,
    );
    for (const flag of ["--data", "--decoder", "--out", "--solver", "--help"])
      assert.ok(some.includes(flag), flag);
    const lines = everyday.stdout.split("\n");
    assert.ok(
      lines.length < 100 && lines.every((line) => line.length <= 80),
      `${name}: ${lines.length} lines`,
    );
    // --help itself is counted by no one.
    const hint = new RegExp(`latentflow ${name} --help all lists all ${every.length - 1} options`);
    assert.match(everyday.stdout, hint);
    assert.not.match(everyday.stdout, /--max-backtracks|Exit codes:/);
    assert.match(all.stdout, /--max-backtracks.*Exit codes:/s);
  }
});

test("the everyday help has what pictures take, with an example", async () => {
  for (const [name, flags, example] of [
    ["encode", ["--fit", "--mask", "--mask-hides", "--samples"], /--data damaged\/ .*\s+--mask masks\//],
    ["train", ["--fit", "--mask", "--output-shape"], /--data pictures\/ --fit contain/],
  ] as const) {
    const { stdout } = await run(name, "--help");
    for (const flag of flags) assert.match(stdout, new RegExp(`^ {2}${flag} `, "m"), `${name} ${flag}`);
    assert.match(stdout, example);
  }
});

test("help names every option of every solver with its default; version is the package's", async () => {
  const help = await run("encode", "--help", "all");
  assert.is(help.exit, 0);
  assert.match(help.stdout, /Examples:/);
  const words = help.stdout.replace(/\s+/g, " ");
  const solvers: [string, Partial<Solver>][] = [
    ["lbfgs", lbfgs()],
    ["amd", amd()],
    ["dormand-prince", dormandPrince()],
  ];
  for (const [name, { name: _, ...options }] of solvers) {
    for (const [option, value] of Object.entries(options)) {
      const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      // Up to the next option; texts name others without a placeholder.
      const [, text = ""] = new RegExp(` --${flag} <(.*?) (?:--[a-z0-9-]+ <|Options:)`).exec(words) ?? [];
      assert.match(text, new RegExp(`[(; ]${name}[^:;]*: ${value}[);]`), `${name}: ${option}`);
    }
  }
  for (const command of ["encode", "evaluate", "train"]) {
    const { stdout } = await run(command, "--help");
    assert.match(stdout.replace(/\s+/g, " "), /--solver <name> [^(]*\([^)]*default: "lbfgs"\)/);
  }
  const version = await run("--version");
  assert.equal([version.exit, version.stdout], [0, `${packageJson.version}\n`]);
});

test("encode warns of a decoder whose outputs are of another scale than the data", async () => {
  const file = `${newFolder()}.safetensors`;
  const warned = async (scale: number, value = 1) => {
    const bytes = createDecoder({ layers: [2, 4], outputActivation: "identity" }).toSafetensors();
    // The file ends with the biases: the outputs at z = 0.
    const biases = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 16);
    for (let i = 0; i < 4; i++) biases.setFloat32(4 * i, i % 2 ? scale : -scale, true);
    writeFileSync(file, bytes);
    const data = writeFloats(
      new Float32Array(12).map((_, i) => (i % 2) * value),
      [3, 4],
    );
    const files = ["--decoder", file, "--data", data, "--out", newFolder()];
    const { exit, stderr } = await run("encode", ...files, "--loss", "mse", "--quiet");
    assert.is(exit, 0, stderr);
    return stderr;
  };
  assert.match(
    await warned(30),
    /outputs at the start are 29\.\d* away .* from 0\.?0* to 1\.?0*\. .*output activation sigmoid/,
  );
  assert.is(await warned(3), "");
  assert.is(await warned(30, 30), "", "data of the same scale");
});

for (const [args, options] of [
  [
    "--flow nesterov --solver rk4 --t1 30 --slices 7",
    { flow: nesterovFlow(), solver: rk4({ grid: logGrid({ t1: 30, slices: 7 }) }) },
  ],
  [
    "--solver euler --t1 9 --grid linear --alpha decay:3",
    {
      flow: gradientFlow({ alpha: expDecay({ rate: 3 }) }),
      solver: euler({ grid: linearGrid({ t1: 9, slices: 100 }) }),
    },
  ],
  ["--solver dormand-prince --rtol 0.01 --t1 5", { solver: dormandPrince({ rtol: 0.01, t1: 5 }) }],
] as [string, EncodeOptions][]) {
  test(`encode ${args}: as the API does with that flow and solver`, async () => {
    const out = newFolder();
    const values = Float32Array.from({ length: 18 }, (_, i) => Math.sin(i));
    const data = writeFloats(values, [3, 3, 2]);
    const command = [
      "encode",
      "--decoder",
      tinyDecoderFile,
      "--data",
      data,
      "--out",
      out,
      "--json",
      "--plain",
    ];
    const { exit, stdout, stderr } = await run(...command, ...args.split(" "));
    assert.is(exit, 0, stderr);
    const { z, stats } = await encode(await loadDecoder(tinyDecoderFile), values, {
      ...options,
      backend: wasm({ relaxed: false }),
    });
    assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).data, z);
    assert.equal(Float64Array.from(column(readCsv(join(out, "results.csv")), "t"), Number), stats.t);
    const { solver, files } = JSON.parse(stdout);
    assert.is(solver.t1, timeAtEnd(options.solver!));
    assert.ok(files.includes(join(out, "steps.png")), "drawn whatever the solver");
  });
}

test("a flow and a solver that do not go together, options of another solver: refused by name", async () => {
  const args = ["encode", "--decoder", decoderFile, "--data", digitsFile, "--out", newFolder(), "--quiet"];
  const cases: [args: string, exit: number, message: RegExp][] = [
    [
      "--flow nesterov",
      2,
      /--solver lbfgs follows --flow gradient with --alpha 1 only; use --solver euler, rk4 or/,
    ],
    ["--flow nesterov --solver amd", 2, /--solver amd follows --flow gradient with --alpha 1 only/],
    ["--rtol 0.1", 2, /--rtol is no option of --solver lbfgs/],
    ["--step-max 3", 2, /--step-max is no option of --solver lbfgs/],
    ["--solver amd --memory 3", 2, /--memory is no option of --solver amd/],
    ["--nesterov-epsilon 1", 2, /--nesterov-epsilon is no option of --flow gradient/],
    ["--solver rk4", 2, /--solver rk4 needs --t1/],
    ["--solver rk4 --t1 1 --slices 0", 2, /latentflow: --slices is 0, expected an integer >= 1/],
    ["--solver rk4 --t1 1 --grid linear --base 3", 2, /--base is no option of --grid linear/],
    ["--solver rk5", 2, /Allowed choices are lbfgs, amd, euler, rk4, dormand-prince/],
    ["--solver rk4 --t1 1 --alpha decay:x", 2, /'decay:x' is invalid\. Expected a number, or decay:RATE/],
    ["--solver rk4 --t1 1 --alpha decay:1:2", 2, /'decay:1:2' is invalid\. Expected a number/],
  ];
  for (const [words, exit, message] of cases) {
    const end = await run(...args, ...words.split(" "));
    assert.is(end.exit, exit, `${words}: ${end.stderr}`);
    assert.match(end.stderr, message);
  }
});

test("decode: the samples of the API, in the decoder's shape, and a picture of them", async () => {
  const out = newFolder();
  const z = Float32Array.from({ length: 13 * 20 }, (_, i) => Math.sin(i));
  const args = ["--decoder", decoderFile, "--latents", writeFloats(z, [13, 20]), "--out", out];
  const { exit, stdout, stderr } = await run(
    "decode",
    ...args,
    "--limit",
    "12",
    "--output-shape",
    "28,28",
    "--json",
    "--plain",
  );
  assert.is(exit, 0, stderr);
  const { shape, data } = readNpy(readFileSync(join(out, "decoded.npy")));
  assert.equal(shape, [12, 28, 28]);
  assert.equal(
    data,
    await decode(await loadDecoder(decoderFile), z.subarray(0, 12 * 20), {
      backend: wasm({ relaxed: false }),
    }),
  );
  const { width, height } = decodePng(readFileSync(join(out, "decoded.png")));
  assert.equal([width, height], [10 * 88 + 4, 2 * 88 + 4]);
  const document = JSON.parse(stdout);
  assert.equal([document.latents.count, document.samples], [13, 12]);
  assert.equal(document.files, [join(out, "decoded.npy"), join(out, "decoded.png")]);

  // Without an image's shape no picture, and none is left of the run before.
  const plain = await run("decode", ...args, "--output-shape", "784");
  assert.is(plain.exit, 0, plain.stderr);
  assert.match(plain.stdout, /latents +│ 13 of 13, 20 values each/);
  assert.equal(readNpy(readFileSync(join(out, "decoded.npy"))).shape, [13, 784]);
  assert.not(existsSync(join(out, "decoded.png")));
});

test("an array of a .npz file is named after #, and --max-bytes bounds what a file takes", async () => {
  const decoder = join(folder, "three.safetensors");
  writeFileSync(decoder, createDecoder({ layers: [3, 4], seed: 1 }).toSafetensors());
  const npz = fileURLToPath(new URL("../vectors/stored.npz", import.meta.url));
  const many = fileURLToPath(new URL("../vectors/numpy.npz", import.meta.url));
  const out = newFolder();
  const decodeFile = (latents: string, ...more: string[]) =>
    run("decode", "--decoder", decoder, "--latents", latents, "--out", out, ...more);
  for (const latents of [npz, `${npz}#x`]) {
    const { exit, stderr } = await decodeFile(latents);
    assert.is(exit, 0, stderr);
    assert.equal(readNpy(readFileSync(join(out, "decoded.npy"))).shape, [2, 4]);
  }
  const cases: [args: string[], message: RegExp][] = [
    [[many], /numpy\.npz: the \.npz file holds 31 arrays, "little i1", .*; say which/],
    [[`${npz}#y`], /stored\.npz#y: the \.npz file has no array "y"; it holds "x"/],
    [
      [`${npz}#x`, "--max-bytes", "100"],
      /the file has \d+ bytes, more than --max-bytes, 100; to read it give --max-bytes \d+/,
    ],
    [[`${npz}#x`, "--max-bytes", "279"], /the file has 280 bytes, more than --max-bytes, 279/],
  ];
  for (const [[latents, ...more], message] of cases) {
    const { exit, stderr } = await decodeFile(latents!, ...more);
    assert.is(exit, 1, stderr);
    assert.match(stderr, message);
  }
});

test("decode: latents of another size, or none: refused by name", async () => {
  const cases: [latents: string, message: RegExp][] = [
    [
      writeFloats(new Float32Array(38), [2, 19]),
      /its shape is 2 × 19 of floats, expected floats, any number × 20/,
    ],
    [writeFloats(new Float32Array(20), [20]), /its shape is 20 of floats/],
    [digitsFile, /300 × 28 × 28 of bytes/],
    ["missing.npy", /--latents missing\.npy: there is no such file/],
  ];
  for (const [latents, message] of cases) {
    const out = newFolder();
    const { exit, stderr } = await run(
      "decode",
      "--decoder",
      decoderFile,
      "--latents",
      latents,
      "--out",
      out,
    );
    assert.is(exit, 1, stderr);
    assert.match(stderr, message);
    assert.not(existsSync(out));
  }
});

test("fewer threads than were asked for are warned of, with the reason", async () => {
  const out = workplace.newPath();
  const permission = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  const flags = [permission, "--allow-fs-read=*", "--allow-fs-write=*", "--no-warnings"];
  const args = ["demo", "--limit", "4", "--quiet", "--out", out];
  const restricted = (...more: string[]) => endOf(start([...args, ...more], flags));
  const { exit, stderr } = await restricted("--threads", "2");
  assert.is(exit, 0, stderr);
  assert.match(
    stderr,
    /^latentflow: warning: --threads 2: 1 thread did the work: workers cannot be started here: [^;\n]+\n$/,
  );
  assert.is((await restricted()).stderr, "", "all cores were not asked for by number");
  assert.is((await run(...args, "--threads", "2")).stderr, "");
});

test("Ctrl-C: an earlier result stays as it was, exit code 130", async () => {
  const out = newFolder();
  const earlier = await run("demo", "--limit", "20", "--out", out);
  assert.is(earlier.exit, 0, earlier.stderr);
  const filesIn = () => readdirSync(out).map((name) => [name, readFileSync(join(out, name))] as const);
  const before = filesIn();
  assert.ok(before.length >= 4);
  const child = start([
    ...["demo", "--limit", "1000", "--out", out, "--json"],
    // Nothing ends by itself.
    ...["--solver", "amd", "--tolerance", "0", "--max-steps", "1000000", "--t1", "1e9"],
  ]);
  const end = endOf(child);
  await once(child.stderr!, "data");
  // Twice, as when the program runs under npm, which passes on what the terminal has sent already.
  child.kill("SIGINT");
  child.kill("SIGINT");
  const { exit, stdout, stderr } = await end;
  assert.is(exit, 130, stderr);
  assert.is(stdout, "");
  assert.match(
    stderr,
    /^encoding 1,000 samples\nlatentflow: stopping; .*\nlatentflow: stopped; nothing is written\n$/,
  );
  assert.equal(filesIn(), before);
});

test("Ctrl-C while the decoder loads: nothing is written, exit code 130", async () => {
  // Answers, and never ends.
  const server = createServer((_, response) => response.writeHead(200).write("abc"));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const out = newFolder();
  const decoder = `http://127.0.0.1:${(server.address() as AddressInfo).port}/decoder`;
  const child = start(["encode", "--decoder", decoder, "--data", digitsFile, "--out", out]);
  const end = endOf(child);
  await once(server, "request");
  child.kill("SIGINT");
  child.kill("SIGINT");
  const { exit, stdout, stderr } = await end;
  server.close();
  assert.is(exit, 130, stderr);
  assert.is(stdout, "");
  assert.match(stderr, /^latentflow: stopping; .*\nlatentflow: stopped before .*; nothing is written\n$/);
  assert.not(existsSync(out));
});

for (const name of ["SIGINT", "SIGTERM"] as const)
  test(`a second ${name} kills, whatever is still at work`, async () => {
    const interrupt = new URL("../../src/cli/interrupt.ts", import.meta.url).href;
    const program = `import(${JSON.stringify(interrupt)}).then(({ interruptSignal }) => {
    interruptSignal();
    setInterval(() => {}, 1000);
    console.log("at work");
  })`;
    const child = spawn(process.execPath, ["--import", "tsx", "-e", program]);
    await once(child.stdout, "data");
    child.kill(name);
    await once(child.stderr, "data");
    // Later than what could be the same key press, passed on by npm.
    await setTimeout(700);
    assert.is(child.exitCode, null, "the first one only asks");
    // More than once, since a busy machine may still take the first for the same key press.
    const pressing = setInterval(() => child.kill(name), 200);
    const [, signal] = await once(child, "close");
    clearInterval(pressing);
    assert.is(signal, name);
  });

test.run();
