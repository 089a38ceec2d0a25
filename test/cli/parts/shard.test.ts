// run: slow
// Tests src/cli/parts/npy-results.ts.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fileSystem from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../../package.json" with { type: "json" };
import { createRandom } from "../../../src/base/random.ts";
import { openInput } from "../../../src/cli/input/encoding-input.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import { encodeUnits } from "../../../src/cli/parts/encode-units.ts";
import {
  MANIFEST_OF_OPTIONS,
  manifestDifferences,
  manifestOf,
  manifestSum,
  parseManifest,
} from "../../../src/cli/parts/manifest.ts";
import { FIGURE_BYTES, formatPart, type Part, parsePart } from "../../../src/cli/parts/part.ts";
import { showRanges } from "../../../src/cli/parts/read-parts.ts";
import { chosenShard, parseShard } from "../../../src/cli/parts/shard-flag.ts";
import { shardOf, standardUnit, unitCount, unitsOf } from "../../../src/cli/parts/shard-units.ts";
import { readNpy } from "../../../src/files/npy.ts";
import { readSafetensors } from "../../../src/files/safetensors.ts";
import { relu, tanh } from "../../../src/graph/index.ts";
import { createDecoder, encode, gradientFlow, lbfgs, sampleCodes, wasm } from "../../../src/index.ts";
import { STATUSES } from "../../../src/solver/status.ts";
import { column, readCsv } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere } from "../../support/run-here.ts";
import {
  B,
  dataFile,
  decoder,
  decoderFile,
  encoding,
  LATENT,
  labelFile,
  labels,
  makeDecoder,
  names,
  refusal,
  resultsIn,
  runShards,
  SIZE,
  save,
  succeed,
  weights,
  weightsFile,
  workplace,
  write,
  y,
  z0,
  z0File,
} from "../../support/shard-run.ts";

// Units, shards and their parts: what one process writes, any number of shards comes to, byte for byte.

test("units are dealt out whole, each once, in order, and evenly", () => {
  const random = createRandom(7);
  for (let i = 0; i < 300; i++) {
    const cut = {
      samples: 1 + Math.floor(random.uniform() * 500),
      unit: 1 + Math.floor(random.uniform() * 60),
    };
    const count = 1 + Math.floor(random.uniform() * 40);
    const shards = Array.from({ length: count }, (_, index) => unitsOf(cut, { index, count }));
    const units = shards.flat();
    assert.equal(units, unitsOf(cut));
    assert.is(units.length, unitCount(cut));
    let next = 0;
    for (const [index, unit] of units.entries()) {
      assert.equal([unit.index, unit.first], [index, next]);
      assert.ok(unit.count === cut.unit || (index === units.length - 1 && unit.count <= cut.unit));
      next += unit.count;
    }
    assert.is(next, cut.samples);
    const sizes = shards.map(({ length }) => length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${sizes}`);
    for (const [index, own] of shards.entries()) {
      for (const unit of own) assert.is(shardOf(unit.index, cut, count), index);
    }
  }
});

test("--shard is I/N, and refuses what is none", () => {
  assert.equal(parseShard("0/1"), { index: 0, count: 1 });
  assert.equal(parseShard("15/16"), { index: 15, count: 16 });
  assert.is(parseShard("auto"), "auto");
  for (const [text, message] of [
    ["16/16", /I counts from 0: expected 0\/16 to 15\/16\./],
    ["1/0", /Expected I\/N, 0\/16 say, or auto\./],
    ...["", "3", "1/2/3", "-1/2", "1/-2", "0.5/2", "1/2x", " 0/2", "0/", "/2", "0x1/2", "1e1/20", "Auto"].map(
      (text) => [text, /Expected I\/N, 0\/16 say, or auto\./] as const,
    ),
  ] as const) {
    assert.throws(
      () => parseShard(text),
      (error: unknown) => error instanceof InvalidArgumentError && message.test(error.message),
      text,
    );
  }
});

test("--shard auto takes the index of each batch system, or says what to write", () => {
  const cases: [environment: Record<string, string>, shards: number, index: number][] = [
    [{ SLURM_ARRAY_TASK_ID: "0" }, 16, 0],
    [{ SLURM_ARRAY_TASK_ID: "15" }, 16, 15],
    [{ JOB_COMPLETION_INDEX: "3", PARALLEL_SEQ: "" }, 4, 3],
    [{ AWS_BATCH_JOB_ARRAY_INDEX: "2" }, 4, 2],
    [{ PARALLEL_SEQ: "1" }, 4, 0],
    [{ PARALLEL_SEQ: "4" }, 4, 3],
  ];
  for (const [environment, count, index] of cases) {
    assert.equal(chosenShard("auto", count, environment), { index, count });
  }
  assert.equal(chosenShard({ index: 1, count: 2 }, undefined, { PARALLEL_SEQ: "9" }), { index: 1, count: 2 });
  assert.is(chosenShard(undefined, undefined, { PARALLEL_SEQ: "9" }), undefined);

  const refused: [Parameters<typeof chosenShard>, RegExp][] = [
    [["auto", 4, {}], /none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, .* is set .*; give --shard I\/N/],
    [
      ["auto", undefined, { SLURM_ARRAY_TASK_ID: "0" }],
      /Slurm says which shard this is, .*; add --shards N$/,
    ],
    [
      ["auto", 16, { SLURM_ARRAY_TASK_ID: "16" }],
      /is 16, expected 0 to 15 of --shards 16; start sbatch --array=0-15, or give --shards 17 or more$/,
    ],
    [
      ["auto", 4, { JOB_COMPLETION_INDEX: "4" }],
      /expected 0 to 3 .*; start an Indexed Job with completions: 4/,
    ],
    [["auto", 4, { AWS_BATCH_JOB_ARRAY_INDEX: "9" }], /start an array job with size 4/],
    [
      ["auto", 4, { PARALLEL_SEQ: "5" }],
      /PARALLEL_SEQ is 5, expected 1 to 4 of --shards 4; start seq 4 \| parallel -N0, or/,
    ],
    [["auto", 4, { PARALLEL_SEQ: "0" }], /PARALLEL_SEQ is "0", expected a whole number >= 1$/],
    [["auto", 4, { SLURM_ARRAY_TASK_ID: "-1" }], /is "-1", expected a whole number >= 0$/],
    [["auto", 4, { SLURM_ARRAY_TASK_ID: "1.5" }], /is "1\.5", expected a whole number/],
    [
      ["auto", 4, { SLURM_ARRAY_TASK_ID: "1", PARALLEL_SEQ: "2" }],
      /are both set; say which counts: --shard \$SLURM_ARRAY_TASK_ID\/N$/,
    ],
  ];
  for (const [args, message] of refused) assert.throws(() => chosenShard(...args), message);
});

const job: Job = {
  decoder: decoderFile,
  data: [dataFile],
  weights: weightsFile,
  z0: z0File,
  out: "",
  fixed: [{ name: "label", value: labelFile }],
  reconstructions: true,
  plain: true,
  threads: 1,
  flow: { value: gradientFlow(), description: { name: "gradient" } },
  solver: { value: lbfgs(), description: { name: "lbfgs" } },
} as unknown as Job;

test("blocks change nothing: a unit's part is the same, however many samples are in memory", async () => {
  const { signal } = new AbortController();
  const input = await openInput(job, signal);
  const parts = async (most?: number) => {
    const found: Part[] = [];
    const done: number[] = [];
    const onProgress = (progress: { done: number }) => void done.push(progress.done);
    const units = unitsOf({ samples: B, unit: 10 });
    for await (const part of encodeUnits({ job, input, signal, onProgress }, units, most))
      found.push({ ...part, seconds: 0 });
    assert.equal(
      done,
      [...done].sort((a, b) => a - b),
      "progress goes on",
    );
    assert.is(done.at(-1), B);
    return found;
  };
  const whole = await parts();
  assert.equal(
    whole.map(({ count }) => count),
    [10, 10, 3],
  );
  for (const most of [1, 3, 10]) assert.equal(await parts(most), whole, `${most}`);

  const backend = wasm({ relaxed: false, threads: 1 });
  const expected = await encode(decoder, y, { weights, z0, fixed: { label: labels }, backend });
  const z = Float32Array.from(whole.flatMap((part) => [...part.results.z]));
  assert.equal(z, expected.z, "and what one call of encode returns");
});

test("of a unit that is stopped half-way there is no part", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const input = await openInput(job, signal);
  const onProgress = ({ done }: { done: number }) => {
    if (done >= 12) controller.abort();
  };
  const found: number[] = [];
  // So few are encoded at once that it is known which are done.
  const units = unitsOf({ samples: B, unit: 10 });
  for await (const { index } of encodeUnits({ job, input, signal, onProgress }, units, 1)) found.push(index);
  assert.equal(found, [0]);
});

test("a unit takes about a minute at most where nobody says how many samples it has", () => {
  const cases = [
    [0, 10_000],
    [2e6, 10_000],
    [2.1e6, 5000],
    [1e7, 2000],
    [1.1e7, 1000],
    [2e8, 100],
    [1e12, 100],
  ];
  for (const [operations, unit] of cases) assert.is(standardUnit(operations!, 3), unit, `${operations}`);
  // So many files at most.
  assert.is(standardUnit(2e8, 3_000_000_000), 3000);
});

test("shards of any number, and one process, write the same bytes", async () => {
  const atOnce = workplace.newPath();
  await succeed(...encoding({ out: atOnce, plain: true, unit: undefined }));
  const expected = resultsIn(atOnce);
  assert.equal(readNpy(readFileSync(join(atOnce, "latents.npy"))).shape, [B, LATENT]);

  const inUnits = workplace.newPath();
  const report = await succeed(...encoding({ out: inUnits, plain: true }));
  assert.match(report, /units +│ 6 of 6 /);
  assert.equal(resultsIn(inUnits), expected);
  assert.equal(readdirSync(inUnits).sort(), names, "the parts are gone");

  for (const count of [1, 2, 5, 6, 9]) {
    const out = workplace.newPath();
    const reports = await runShards(out, count);
    assert.match(
      reports[0]!,
      new RegExp(`units +│ shard 0 of ${count} done: ${Math.floor(6 / count)} of 6 `),
    );
    assert.equal(readdirSync(out), ["parts"], "shards write parts alone");
    await succeed("merge", out, "--quiet");
    assert.equal(resultsIn(out), expected, `${count}`);
  }
});

test("draws by a squared error without weights are said to have the spread of some noise", async () => {
  const warned = async (given: Readonly<Record<string, string | undefined>>) => {
    const drawn = { samples: "3", loss: "mse", plain: true as const, unit: undefined, ...given };
    const { exit, stderr } = await runHere(...encoding({ out: workplace.newPath(), ...drawn }));
    assert.is(exit, 0, stderr);
    return (
      stderr.split("warning: --samples: draws are spread as for noise of standard deviation 0.71").length - 1
    );
  };
  assert.is(await warned({ weights: undefined }), 1);
  assert.is(await warned({}), 0);
  assert.is(await warned({ weights: undefined, samples: undefined }), 0);
});

test("codes drawn of samples are sampleCodes', and the same bytes from one process, in units and from shards", async () => {
  const sampled = { samples: "7", "samples-seed": "5" };
  const files = ["latents.npy", "results.csv", "sample-weights.npy", "samples.npy"];
  const bytesIn = (out: string) => files.map((name) => readFileSync(join(out, name), "latin1"));
  const atOnce = workplace.newPath();
  const report = JSON.parse(
    await succeed(...encoding({ ...sampled, out: atOnce, plain: true, unit: undefined, json: true })),
  );
  const backend = wasm({ relaxed: false, threads: 1 });
  const options = { weights, fixed: { label: labels }, backend };
  const expected = await sampleCodes(decoder, y, await encode(decoder, y, { ...options, z0 }), {
    ...options,
    count: 7,
    seed: 5,
  });
  const read = (name: string) => readArray(readFileSync(join(atOnce, name)));
  assert.equal(read("samples.npy"), { descr: "<f4", shape: [B, 7, LATENT], bytes: bytesOf(expected.codes) });
  assert.equal(read("sample-weights.npy"), {
    descr: "<f8",
    shape: [B, 7],
    bytes: bytesOf(expected.weights),
  });
  const sizes = column(readCsv(join(atOnce, "results.csv")), "effective_sample_size").map(Number);
  assert.equal(sizes, [...expected.effectiveSampleSize]);
  const median = [...sizes].sort((a, b) => a - b)[(B - 1) / 2];
  assert.equal([report.codesPerSample, report.medianEffectiveSampleSize], [7, median]);

  const inUnits = workplace.newPath();
  await succeed(...encoding({ ...sampled, out: inUnits, plain: true, threads: "2", "batch-size": "3" }));
  assert.equal(bytesIn(inUnits), bytesIn(atOnce));
  const out = workplace.newPath();
  await runShards(out, 2, sampled);
  for (const [other, differs] of [
    [{ samples: undefined, "samples-seed": undefined }, /; --samples is 7 there and 0 here\./],
    [{ "samples-seed": "6" }, /: --samples-seed is 5 there and 6 here\./],
    [{ limit: "20" }, /: samples is 23 there and 20 here\./],
  ] as const) {
    const message = await refusal(...encoding({ ...sampled, out, shard: "0/1", ...other }));
    assert.match(message, differs, message);
  }
  assert.match(
    await succeed("merge", out, "--quiet"),
    /effective sample size +│ median \d\.\d+ of 7 codes, least \d\.\d+; too few codes to tell/,
  );
  assert.equal(bytesIn(out), bytesIn(atOnce));
  // Files of draws do not outlive the results that they belong to.
  await succeed(...encoding({ out: atOnce, plain: true, unit: undefined }));
  assert.equal(readdirSync(atOnce).sort(), names);
});

test("--samples without a prior is refused before any work, and says what to give", async () => {
  const out = workplace.newPath();
  const message = await refusal(...encoding({ out, samples: "3", prior: "none", data: "missing.npy" }));
  assert.match(
    message,
    /^latentflow: --samples draws .* no prior; give --prior-from <file> .*, or --prior gaussian if .*\n$/,
  );
  const { exit, stderr } = await runHere(...encoding({ out, "samples-seed": "3" }));
  assert.is(exit, 2);
  assert.match(stderr, /--samples-seed does not go with encoding alone: it is the seed of --samples <n>/);
  assert.not(existsSync(out));
});

/** Type, shape and values of a .npy file. */
function readArray(bytes: Buffer) {
  const end = 10 + bytes.readUInt16LE(8);
  const [, descr, shape] = /'descr': '(.*?)'.*'shape': \((.*?)\)/.exec(bytes.toString("latin1", 10, end))!;
  return { descr, shape: shape!.split(", ").map(Number), bytes: bytes.subarray(end) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

test("samples of several files follow each other", async () => {
  const out = workplace.newPath();
  const halves = [write(y, SIZE, 0, 9), write(y, SIZE, 9, 10), write(y, SIZE, 10, B)];
  await runShards(out, 2, { data: halves });
  await succeed("merge", out, "--quiet");
  const whole = workplace.newPath();
  const document = JSON.parse(
    await succeed(...encoding({ out: whole, plain: true, data: halves, json: true })),
  );
  assert.equal(resultsIn(out), resultsIn(whole));
  assert.equal(document.data, { file: halves[0], files: halves, samples: B, shape: [SIZE], dividedBy: 1 });
  assert.equal(document.units, { count: 6, found: 0, of: 6 });
});

test("another number of shards goes on; what is whole is skipped, what is torn computed again", async () => {
  const out = workplace.newPath();
  const parts = join(out, "parts");
  await runShards(out, 2, {}, [0]);
  const before = readdirSync(parts).filter((name) => name.startsWith("part-"));
  assert.is(before.length, 3);
  const torn = join(parts, before[1]!);
  const bytes = readFileSync(torn);
  writeFileSync(torn, bytes.subarray(0, bytes.length - 5));
  const { exit, stdout, stderr } = await runHere(...encoding({ out, shard: "0/1", json: true }));
  assert.is(exit, 0);
  assert.match(
    stderr,
    /^latentflow: \S*part-00000001\.safetensors: not a valid safetensors file: .*; it is computed again\n$/,
  );
  assert.equal(JSON.parse(stdout).units, { count: 6, found: 2, of: 6 });
  assert.equal(JSON.parse(stdout).samples, B, "the figures are those of the whole shard");
  await succeed("merge", out, "--quiet");
  const again = JSON.parse(await succeed(...encoding({ out, shard: "0/1", json: true })));
  assert.equal(again.units, { count: 6, found: 6, of: 6 });
});

test("a shard that is stopped while it looks for parts counts those that it has looked at", async () => {
  const out = workplace.newPath();
  await runShards(out, 1);
  const shard = encoding({ out, shard: "0/1" });
  const { exit, stderr } = await interrupted("readFile", "part-00000001.safetensors", ...shard);
  assert.is(exit, 130);
  assert.match(stderr, /stopped; 2 of 6 units are in /);
});

test("parts of another run are refused, by what differs", async () => {
  const out = workplace.newPath();
  await runShards(out, 1);
  const other = y.map((value, i) => (i === 77 ? value + 1e-6 : value));
  const cases: [options: Parameters<typeof encoding>[0], differs: RegExp][] = [
    [
      { data: write(other, SIZE) },
      /: --data is "[0-9a-f]{12}" there and "[0-9a-f]{12}" here\. Give another --out/,
    ],
    [{ weights: undefined }, /: --weights is "[0-9a-f]+" there and absent here\./],
    [{ z0: undefined }, /: --z0 is /],
    [{ fixed: `label=${write(other, 2)}` }, /: --fixed label is /],
    [
      { decoder: save(createDecoder({ layers: [LATENT, SIZE], loss: "mse" })), fixed: undefined },
      /: --decoder is /,
    ],
    [{ tolerance: "1e-3" }, /: --tolerance is 0\.000001 there and 0\.001 here\./],
    [{ solver: "amd" }, /--solver is "lbfgs" there and "amd" here/],
    [{ "prior-weight": "3" }, /: --prior is /],
    [{ prior: "none" }, /: --prior is "[0-9a-f]+" there and absent here\./],
    [{ loss: "mse", reduction: "sum" }, /: --reduction is "mean" there and "sum" here\./],
    [{ unit: "5" }, /: --unit is 4 there and 5 here\./],
    [{ limit: "20" }, /: samples is 23 there and 20 here\./],
    [{ reconstructions: undefined }, /: --reconstructions is true there and false here\./],
  ];
  for (const [options, differs] of cases) {
    const message = await refusal(...encoding({ out, shard: "0/1", ...options }));
    assert.match(message, /^latentflow: "?\S+parts"? has the parts of another run: /);
    assert.match(message, differs);
  }
  // What changes no result is no difference.
  for (const options of [
    { threads: "2" },
    { "batch-size": "3" },
    { shard: "1/3" },
    { data: write(y, SIZE) },
  ]) {
    await succeed(...encoding({ out, shard: "0/1", ...options }));
  }
});

test("ranges of numbers are shown short", () => {
  assert.is(showRanges([]), "");
  assert.is(showRanges([0]), "0");
  assert.is(showRanges([0, 1, 2, 4, 7, 8]), "0-2,4,7-8");
  assert.is(showRanges([1, 3, 5, 7], 2), "1,3, and 2 more ranges");
});

test("parts that are there are gone on from, or refused: also by a run that would be one unit", async () => {
  const out = workplace.newPath();
  await runShards(out, 2, {}, [0]);
  const message = await refusal(...encoding({ out, plain: true, unit: undefined }));
  assert.match(message, /has the parts of another run: --unit is 4 there and 10000 here\./);
  assert.equal(readdirSync(out), ["parts"]);
});

test("more shards than units are said to be idle", async () => {
  const out = workplace.newPath();
  const { exit, stdout, stderr } = await runHere(...encoding({ out, shard: "0/9" }));
  assert.is(exit, 0, stderr);
  assert.is(
    stderr,
    "latentflow: the samples are cut into 6 units, fewer than 9 shards, so some have nothing to do; a smaller --unit makes more\n",
  );
  assert.match(stdout, /samples +│ 0 of 23,/);
  assert.match(stdout, /units +│ shard 0 of 9 done: 0 of 6 /);
});

test("a manifest tells apart all that results depend on", async () => {
  const { signal } = new AbortController();
  const input = await openInput(job, signal);
  const base = await manifestOf(job, input, 4);
  assert.is(base.run.latentflow, packageJson.version);
  assert.equal(await manifestOf({ ...job, threads: 2 }, await openInput(job, signal), 4), base);
  const opened = (other: Partial<Job>) => openInput({ ...job, ...other }, signal);
  const number = (value: number) => ({
    ...input.fixed,
    inputs: input.fixed.inputs.map((each) => ({ ...each, value, array: undefined })),
  });
  const others = [
    { input: { ...input, decoder: makeDecoder(relu()) } },
    { input: { ...input, decoder: makeDecoder(tanh(), 4) } },
    { input: await opened({ weights: write(weights.map(Math.sqrt), SIZE) }) },
    { input: await opened({ z0: write(z0.map(Math.sin), LATENT) }) },
    { input: await opened({ data: [workplace.writeFloats(y, [B, 2, 3])] }) },
    { input: { ...input, fixed: number(1) } },
    { input: { ...input, fixed: number(2) } },
    { input: { ...input, fixed: { ...input.fixed, points: 5 } } },
    { input: { ...input, loss: { ...input.loss, reduction: "sum" as const } } },
    { job: { ...job, flow: { ...job.flow, description: { name: "gradient", alpha: 2 } } } },
    { job: { ...job, solver: { ...job.solver, description: { name: "lbfgs", memory: 3 } } } },
    { job: { ...job, idColumn: "name" } },
    { unit: 5 },
  ];
  const sums = new Set([manifestSum(base)]);
  for (const [i, other] of others.entries()) {
    const all = { job, input, unit: 4, ...other };
    const manifest = await manifestOf(all.job, all.input, all.unit);
    assert.ok(manifestDifferences(base, manifest).length > 0, `${i}`);
    sums.add(manifestSum(manifest));
  }
  assert.is(sums.size, others.length + 1);
  const shaped = await manifestOf(job, await opened({ data: [workplace.writeFloats(y, [B, 2, 3])] }), 4);
  assert.equal(shaped.sampleShape, [2, 3]);
});

test("an option by which no run is told apart changes no manifest; each of the others shows where the table says", async () => {
  const { signal } = new AbortController();
  const base = await manifestOf(job, await openInput(job, signal), 4);
  const others = {
    batchSize: 2,
    threads: 3,
    shard: { index: 1, count: 2 },
    out: "elsewhere",
    format: "parquet" as const,
    maxBytes: 2 ** 20,
    dataFlag: "the digits",
    json: true as const,
    quiet: true as const,
    vectors: "auto" as const,
  };
  const named = Object.entries(MANIFEST_OF_OPTIONS).flatMap(([option, place]) =>
    place === null ? [option] : [],
  );
  assert.equal(Object.keys(others).sort(), named.sort());
  for (const [option, value] of Object.entries(others)) {
    const other = { ...job, [option]: value };
    assert.equal(await manifestOf(other, await openInput(other, signal), 4), base, option);
  }
  // Those that say how files of other decoders are read are not here.
  const told: { readonly [Option in keyof Job]?: Job[Option] | undefined } = {
    decoder: save(makeDecoder(relu())),
    data: [workplace.writeFloats(y.map(Math.sin), [B, SIZE])],
    limit: 5,
    weights: undefined,
    z0: undefined,
    fixed: [{ name: "label", value: write(labels.map(Math.sin), 2) }],
    reconstructions: undefined,
    reduction: "sum",
    prior: "gaussian",
    priorMean: 1,
    priorStd: 3,
    priorFrom: z0File,
    flow: { ...job.flow, description: { name: "gradient", alpha: 2 } },
    solver: { ...job.solver, description: { name: "amd" } },
  };
  for (const [option, value] of Object.entries(told)) {
    const place = MANIFEST_OF_OPTIONS[option as keyof typeof MANIFEST_OF_OPTIONS];
    const shown = typeof place === "function" ? option : String(place);
    const other = { ...job, [option]: value };
    const differences = manifestDifferences(base, await manifestOf(other, await openInput(other, signal), 4));
    const names = differences.map(({ name }) => name);
    assert.ok(
      names.length > 0 && names.every((name) => name.startsWith(shown)),
      `${option}: ${names.join("; ")}`,
    );
  }
});

test("the entries of a manifest keep their order: its sum tells whose the parts are that are there", async () => {
  const all: Job = { ...job, prior: "gaussian" };
  const { run } = await manifestOf(all, await openInput(all, new AbortController().signal), 4);
  assert.equal(Object.keys(run), [
    ...["latentflow", "decoder", "data", "weights", "z0", "fixed.label", "loss.name", "loss.reduction"],
    ...["prior", "flow.name", "solver.name"],
  ]);
});

test("a manifest that is torn is none; one that is something else is refused", async () => {
  const base = await manifestOf(job, await openInput(job, new AbortController().signal), 4);
  const text = JSON.stringify(base);
  assert.equal(parseManifest("m", text), base);
  for (const length of [0, 1, 20, text.length - 1]) {
    assert.is(parseManifest("m", text.slice(0, length)), undefined, `${length}`);
  }
  for (const wrong of [{ ...base, format: "latentflow parts 1" }, null, 3, []]) {
    assert.throws(
      () => parseManifest("m", JSON.stringify(wrong)),
      /^m: it is no manifest of parts that this version of latentflow has written; .*, or remove the folder$/,
      JSON.stringify(wrong),
    );
  }
});

test("a part's file holds every bit, each under its name", () => {
  const count = STATUSES.length;
  const unit = { index: 3, first: 12, count };
  const values = (seed: number, size = 1) => randomArray(seed, count * size, -1, 1);
  const counts = (from: number) => Uint32Array.from(STATUSES, (_, i) => from + i);
  const part = (ids: Part["results"]["ids"]): Part => ({
    ...unit,
    seconds: 0.1,
    threads: 2,
    kernels: "plain",
    leastLoss: { sum: 1 / 3, count: 5 },
    results: {
      z: values(1, 2),
      initialLoss: values(2),
      loss: values(3),
      prior: values(4),
      objective: values(5),
      gradientNorm: values(6),
      status: STATUSES,
      stats: { acceptedSteps: counts(1), backtracks: counts(9), t: Float64Array.from(values(7)) },
      reconstructions: values(8, 4),
      ids,
      sampling: {
        codes: values(9, 3 * 2),
        weights: Float64Array.from(values(10, 3), (value) => value / 3),
        effectiveSampleSize: Float64Array.from(values(11), (value) => value / 3),
      },
    },
  });
  const origin = { manifest: "m", build: "plain 1" };
  const texts = ["", "a", "é\u0000,\n", "", "😀", "z".repeat(300)];
  const numbers = BigInt64Array.from(texts, (_, i) => -(2n ** 62n) + BigInt(i));
  for (const ids of [texts, numbers]) {
    assert.equal(parsePart("p", formatPart(part(ids), origin), unit, origin), part(ids));
  }
  const noSum = { ...part(texts), leastLoss: { sum: Number.NaN, count: 5 } };
  assert.ok(Number.isNaN(parsePart("p", formatPart(noSum, origin), unit, origin).leastLoss!.sum));
  // By which a manifest limits how many samples a part may have: also the latents, the reconstructions and the numbers.
  const { tensors } = readSafetensors("p", formatPart(part(numbers), origin));
  const all = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  assert.is(all, count * (FIGURE_BYTES + 4 * 2 + 4 * 4 + 8 + 3 * (4 * 2 + 8)));
  const bytes = Buffer.from(formatPart(part(texts), origin));
  // Names that are exchanged leave all other bytes as they were.
  const exchanged = bytes
    .toString("latin1")
    .replace('"initial_loss"', '"gradient_swap"')
    .replace('"gradient_norm"', '"initial_loss"')
    .replace('"gradient_swap"', '"gradient_norm"');
  assert.is(exchanged.length, bytes.length);
  assert.not.equal(Buffer.from(exchanged, "latin1"), bytes);
  assert.throws(
    () => parsePart("p", Buffer.from(exchanged, "latin1"), unit, origin),
    /its checksum is another one/,
  );
});

test("a manifest without parts gives way to a run alone, not to a shard", async () => {
  const out = workplace.newPath();
  await runShards(out, 3, {}, [0]);
  for (const index of [0, 1]) rmSync(join(out, "parts", `part-0000000${index}.safetensors`));
  assert.match(await refusal(...encoding({ out, shard: "0/3", tolerance: "1e-3" })), /--tolerance is/);
  await succeed(...encoding({ out, plain: true, tolerance: "1e-3" }));
  assert.equal(readdirSync(out).sort(), names);

  // What the disk says is no reason to compute a part again.
  const broken = workplace.newPath();
  await runShards(broken, 3, {}, [0]);
  const path = join(broken, "parts", "part-00000001.safetensors");
  rmSync(path);
  mkdirSync(path);
  assert.match(await refusal(...encoding({ out: broken, shard: "0/3" })), /cannot read \S+part-00000001/);
});

test("a wrong value is said by its place in all data", async () => {
  const wrong = (values: Float32Array, at: number) =>
    values.map((value, i) => (i === at ? Number.NaN : value));
  const out = workplace.newPath();
  for (const [options, message] of [
    [{ data: write(wrong(y, 13 * SIZE + 2), SIZE) }, /--data \S+ has NaN at sample 13, element 2,/],
    [
      { weights: write(wrong(weights, 13 * SIZE + 2), SIZE) },
      /--weights \S+ has NaN at sample 13, element 2,/,
    ],
    [{ z0: write(wrong(z0, 13 * LATENT + 1), LATENT) }, /--z0 \S+ has NaN at sample 13, element 1,/],
    [{ fixed: `label=${write(wrong(labels, 27), 2)}` }, /--fixed label=\S+ has NaN at 27,/],
  ] as const) {
    assert.match(await refusal(...encoding({ out, shard: "0/1", ...options })), message);
    rmSync(out, { recursive: true, force: true });
  }
});

/** Runs the program; Ctrl-C comes once a file whose name ends so has been read, or has come to its place. */
async function interrupted(name: "readFile" | "rename" | "link", end: string, ...args: string[]) {
  const real = fileSystem[name] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(fileSystem, {
    async [name](...paths: unknown[]) {
      const result = await real(...paths);
      if (String(paths[name === "readFile" ? 0 : 1]).endsWith(end)) process.emit("SIGINT");
      return result;
    },
  });
  syncBuiltinESMExports();
  try {
    return await runHere(...args);
  } finally {
    Object.assign(fileSystem, { [name]: real });
    syncBuiltinESMExports();
  }
}

test("Ctrl-C: what is done is kept, and the same command goes on; nothing is merged by half", async () => {
  const whole = workplace.newPath();
  await succeed(...encoding({ out: whole, plain: true }));
  const out = workplace.newPath();
  const all = encoding({ out, plain: true, json: true });
  const early = await interrupted("link", "manifest.json", ...all);
  assert.is(early.exit, 130);
  assert.match(early.stderr, /\nlatentflow: stopped before a unit was done; nothing is written\n$/);
  assert.not(existsSync(out));
  const stopped = await interrupted("rename", "part-00000001.safetensors", ...all);
  assert.equal([stopped.exit, stopped.stdout], [130, ""]);
  assert.match(
    stopped.stderr,
    /\nlatentflow: stopped; 2 of 6 units are in \S+parts, and the same command goes on from there\n$/,
  );
  assert.equal(readdirSync(out), ["parts"]);
  // While the parts are looked through.
  const again = await interrupted("readFile", "part-00000000.safetensors", ...all);
  assert.is(again.exit, 130);
  assert.is(readdirSync(join(out, "parts")).length, 3);
  // All is done, and is being written.
  const late = await interrupted("rename", "latents.npy", ...all);
  assert.is(late.exit, 130);
  const { aborted, units, samples } = JSON.parse(late.stdout);
  assert.equal([aborted, units, samples], [true, { count: 6, found: 2, of: 6 }, B]);
  assert.equal(resultsIn(out), resultsIn(whole));
  assert.equal(readdirSync(out).sort(), names);

  const shards = workplace.newPath();
  await runShards(shards, 1);
  const merge = ["merge", shards, "--quiet", "--delete-parts"];
  const unmerged = await interrupted("readFile", "part-00000003.safetensors", ...merge);
  assert.equal([unmerged.exit, unmerged.stdout], [130, ""]);
  assert.match(unmerged.stderr, /\nlatentflow: stopped; nothing is written\n$/);
  assert.equal(readdirSync(shards), ["parts"]);
  await succeed(...merge);
  assert.equal(resultsIn(shards), resultsIn(whole));
});

test("options that do not go with shards are refused", async () => {
  const out = workplace.newPath();
  for (const [options, message] of [
    [
      { shard: "0/2", format: "parquet" },
      /--format does not go with --shard, .*; give it to latentflow merge/,
    ],
    [{ shards: "3" }, /: --shards 3 goes with --shard auto; there is none, leave --shards out\n/],
    [{ shard: "0/4", shards: "4" }, /; --shard 0\/4 says how many there are, leave --shards out\n/],
  ] as const) {
    const { exit, stderr } = await runHere(...encoding({ out, ...options }));
    assert.is(exit, 2, stderr);
    assert.match(stderr, message);
  }
});

test.run();
