// run: slow
// Tests src/cli/commands/run-encoding.ts, src/cli/parts/npy-results.ts, src/cli/parts/warnings.ts,
// src/cli/parts/write-results.ts.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import fileSystem from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import { createDecoder, encode, sampleCodes, wasm } from "../../../src/index.ts";
import {
  B,
  decoder,
  encoding,
  LATENT,
  labels,
  names,
  refusal,
  resultsIn,
  runParts,
  SIZE,
  save,
  succeed,
  weights,
  workplace,
  write,
  y,
  z0,
} from "../../support/parts-run.ts";
import { column, readCsv } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

// What one process writes, parts of any number come to, byte for byte.

test("parts of any number, by one process or each by its own, write the same bytes", async () => {
  const atOnce = workplace.newPath();
  await succeed(...encoding({ out: atOnce, plain: true }));
  await succeed(...encoding({ out: atOnce, plain: true, format: "parquet" }));
  const parquet = readFileSync(join(atOnce, "results.parquet"));
  const report = await succeed(...encoding({ out: atOnce, plain: true }));
  assert.not.match(report, /parts/);
  const expected = resultsIn(atOnce);
  assert.equal(readNpy(readFileSync(join(atOnce, "latents.npy"))).shape, [B, LATENT]);

  for (const count of [1, 2, 5, 6, B]) {
    const inParts = workplace.newPath();
    const report = await succeed(...encoding({ out: inParts, plain: true, parts: `${count}` }));
    if (count > 1) assert.match(report, new RegExp(`parts +│ ${count} `));
    assert.equal(resultsIn(inParts), expected, `${count}`);
    assert.equal(readdirSync(inParts).sort(), names, "the parts are gone");
    if (count === 5) continue;

    const out = workplace.newPath();
    const [first] = await runParts(out, count);
    assert.match(first!, new RegExp(`parts +│ part 0 of ${count} `));
    assert.match(first!, new RegExp(`samples +│ ${Math.floor(B / count)} of 23,`));
    assert.equal(readdirSync(out), ["parts"], "nothing else is written");
    await succeed("merge", out, "--quiet");
    assert.equal(resultsIn(out), expected, `${count}`);
    await succeed("merge", out, "--quiet", "--format", "parquet");
    assert.equal(readFileSync(join(out, "results.parquet")), parquet);
  }
});

test("draws by a squared error without weights are said to have the spread of some noise", async () => {
  const warned = async (given: Readonly<Record<string, string | undefined>>) => {
    const drawn = { samples: "3", loss: "mse", plain: true as const, ...given };
    const { exit, stderr } = await runHere(...encoding({ out: workplace.newPath(), ...drawn }));
    assert.is(exit, 0, stderr);
    return stderr.split("warning: draws are spread as for noise of standard deviation 0.71").length - 1;
  };
  assert.is(await warned({ weights: undefined }), 1);
  assert.is(await warned({}), 0);
  assert.is(await warned({ weights: undefined, samples: undefined }), 0);
});

test("codes drawn of samples are sampleCodes', and the same bytes from one process, in parts, and merged", async () => {
  const sampled = { samples: "7", "samples-seed": "5" };
  const files = ["latents.npy", "results.csv", "sample-weights.npy", "samples.npy"];
  const bytesIn = (out: string) => files.map((name) => readFileSync(join(out, name), "latin1"));
  const atOnce = workplace.newPath();
  const report = JSON.parse(await succeed(...encoding({ ...sampled, out: atOnce, plain: true, json: true })));
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

  const inParts = workplace.newPath();
  await succeed(
    ...encoding({ ...sampled, out: inParts, parts: "6", plain: true, threads: "2", "batch-size": "3" }),
  );
  assert.equal(bytesIn(inParts), bytesIn(atOnce));
  const out = workplace.newPath();
  await runParts(out, 2, sampled);
  for (const [other, differs] of [
    [{ samples: undefined, "samples-seed": undefined }, /; --samples is 7 there and 0 here\./],
    [{ "samples-seed": "6" }, /: --samples-seed is 5 there and 6 here\./],
    [{ limit: "20" }, /: --data, with --limit, has 23 samples there and 20 here\./],
  ] as const) {
    const message = await refusal(...encoding({ ...sampled, out, part: "0/2", ...other }));
    assert.match(message, differs, message);
  }
  assert.match(
    await succeed("merge", out, "--quiet"),
    /effective sample size +│ median \d\.\d+ of 7 codes, least \d\.\d+; too few codes to tell/,
  );
  assert.equal(bytesIn(out), bytesIn(atOnce));
  // Files of draws do not outlive the results that they belong to.
  await succeed(...encoding({ out: atOnce, plain: true }));
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
  const halves = [write(y, SIZE, 0, 9), write(y, SIZE, 9, 10), write(y, SIZE, 10, B)];
  const [out, whole] = [workplace.newPath(), workplace.newPath()];
  const several = { plain: true, data: halves, json: true } as const;
  const document = JSON.parse(await succeed(...encoding({ ...several, out, parts: "6" })));
  await succeed(...encoding({ ...several, out: whole }));
  assert.equal(resultsIn(out), resultsIn(whole));
  assert.equal(document.data, { file: halves[0], files: halves, samples: B, shape: [SIZE], dividedBy: 1 });
  assert.equal(document.parts, { count: 6, found: 0 });
});

test("a part that is there is not computed again", async () => {
  const out = workplace.newPath();
  await runParts(out, 2, {}, [1]);
  const file = join(out, "parts", "part-00000001.safetensors");
  const { mtimeMs } = statSync(file);
  const [again] = await runParts(out, 2, { json: true }, [1]);
  const { part, parts, samples, meanLoss } = JSON.parse(again!);
  assert.equal([part, parts, samples], [{ index: 1, count: 2 }, { count: 2, found: 1 }, 12]);
  assert.ok(meanLoss > 0);
  assert.is(statSync(file).mtimeMs, mtimeMs);
  const report = await succeed(...encoding({ out, plain: true, parts: "2" }));
  assert.match(report, /parts +│ 2, 1 were there /);
  assert.equal(readdirSync(out).sort(), names);
});

test("parts of another run are refused, by what differs", async () => {
  const out = workplace.newPath();
  await runParts(out, 2);
  const other = y.map((value, i) => (i === 77 ? value + 1e-6 : value));
  const cases: [options: Parameters<typeof encoding>[0], differs: RegExp][] = [
    [
      { data: write(other, SIZE) },
      /: --data has other values\. Give the options that it was made with, or another --out, or remove/,
    ],
    [{ weights: undefined }, /: --weights is given there and absent here\./],
    [{ z0: undefined }, /: --z0 is /],
    [{ fixed: `label=${write(other, 2)}` }, /: --fixed label has other values/],
    [
      { decoder: save(createDecoder({ layers: [LATENT, SIZE], loss: "mse" })), fixed: undefined },
      /: --decoder has other values/,
    ],
    [{ tolerance: "1e-3" }, /: --tolerance is 0\.000001 there and 0\.001 here\./],
    [{ solver: "amd" }, /--solver is "lbfgs" there and "amd" here/],
    [{ "prior-weight": "3" }, /: --prior has other values/],
    [{ prior: "none" }, /: --prior is given there and absent here\./],
    [{ loss: "mse", reduction: "sum" }, /: --reduction is "mean" there and "sum" here\./],
    [{ part: "1/5" }, /: --parts is 2 there and 5 here\./],
    [
      { part: undefined, plain: true },
      /: --parts is 2 there and 1 here\. Give --parts 2, too, or another --out/,
    ],
    [{ limit: "20" }, /: --data, with --limit, has 23 samples there and 20 here\./],
    [{ reconstructions: undefined }, /: --reconstructions is true there and false here\./],
  ];
  for (const [options, differs] of cases) {
    const message = await refusal(...encoding({ out, part: "0/2", ...options }));
    assert.match(message, /^latentflow: "?\S+parts"? has the parts of another run: /);
    assert.match(message, differs);
  }
  // What changes no result is no difference.
  for (const options of [{ threads: "2" }, { "batch-size": "3" }, { data: write(y, SIZE) }]) {
    await succeed(...encoding({ out, part: "0/2", ...options }));
  }
});

test("a wrong value is said by its place in all data", async () => {
  const wrong = (values: Float32Array, at: number, by = Number.NaN) =>
    values.map((value, i) => (i === at ? by : value));
  const out = workplace.newPath();
  for (const [options, message] of [
    [
      { data: write(wrong(y, 13 * SIZE + 2, Infinity), SIZE) },
      /--data \S+ has Infinity at sample 13, element 2,/,
    ],
    [
      { weights: write(wrong(weights, 13 * SIZE + 2), SIZE) },
      /--weights \S+ has NaN at sample 13, element 2,/,
    ],
    [{ z0: write(wrong(z0, 13 * LATENT + 1), LATENT) }, /--z0 \S+ has NaN at sample 13, element 1,/],
    [{ fixed: `label=${write(wrong(labels, 27), 2)}` }, /--fixed label=\S+ has NaN at 27,/],
  ] as const) {
    assert.match(await refusal(...encoding({ out, part: "1/2", ...options })), message);
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
  const all = encoding({ out, plain: true, parts: "6", json: true });
  const early = await interrupted("link", "manifest.json", ...all);
  assert.is(early.exit, 130);
  assert.match(early.stderr, /\nlatentflow: stopped before a part was done; nothing is written\n$/);
  assert.not(existsSync(out));
  const stopped = await interrupted("rename", "part-00000001.safetensors", ...all);
  assert.equal([stopped.exit, stopped.stdout], [130, ""]);
  assert.match(
    stopped.stderr,
    /\nlatentflow: stopped; 2 of 6 parts are in \S+parts, and the same command goes on from there\n$/,
  );
  assert.equal(readdirSync(out), ["parts"]);
  // All is done, and is being put together.
  const again = await interrupted("readFile", "part-00000003.safetensors", ...all);
  assert.equal([again.exit, again.stdout], [130, ""]);
  assert.match(again.stderr, /stopped; 6 of 6 parts are in /);
  assert.equal(readdirSync(out), ["parts"]);
  const late = await interrupted("rename", "latents.npy", ...all);
  assert.is(late.exit, 130);
  const { aborted, parts, samples } = JSON.parse(late.stdout);
  assert.equal([aborted, parts, samples], [true, { count: 6, found: 6 }, B]);
  assert.equal(resultsIn(out), resultsIn(whole));
  assert.equal(readdirSync(out).sort(), names);

  const alone = workplace.newPath();
  await runParts(alone, 6);
  const merge = ["merge", alone, "--quiet", "--delete-parts"];
  const unmerged = await interrupted("readFile", "part-00000003.safetensors", ...merge);
  assert.equal([unmerged.exit, unmerged.stdout], [130, ""]);
  assert.match(unmerged.stderr, /\nlatentflow: stopped; nothing is written\n$/);
  assert.equal(readdirSync(alone), ["parts"]);
  await succeed(...merge);
  assert.equal(resultsIn(alone), resultsIn(whole));
});

test("options that do not go with --part are refused, and parts of no samples", async () => {
  const out = workplace.newPath();
  for (const [options, code, message] of [
    [
      { part: "0/2", format: "parquet" },
      2,
      /--format does not go with --part, .*; give it to latentflow merge/,
    ],
    [{ part: "0/4", parts: "4" }, 2, /--parts does not go with --part 0\/4, which says how many there are/],
    [{ part: "auto", parts: "4" }, 1, /--part auto: none of SLURM_ARRAY_TASK_ID, .* is set here/],
    [{ part: "0/24" }, 1, /--part 0\/24: there are 23 samples, expected at most 23 parts\n/],
    [{ parts: "24" }, 1, /--parts 24: there are 23 samples, expected at most 23 parts\n/],
  ] as const) {
    const { exit, stderr } = await runHere(...encoding({ out, ...options }));
    assert.is(exit, code, stderr);
    assert.match(stderr, message);
  }
  const none = {
    data: workplace.writeFloats(new Float32Array(), [0, SIZE]),
    weights: undefined,
    z0: undefined,
  };
  const label = { fixed: `label=${workplace.writeFloats(Float32Array.of(1, 2), [2])}` };
  assert.is(
    await refusal(...encoding({ out, part: "0/2", ...none, ...label })),
    "latentflow: there are no samples in --data, so there is no part of them\n",
  );
  assert.not(existsSync(out));
});

test.run();
