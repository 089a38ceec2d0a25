// run: slow

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LatentflowError } from "../../../src/base/errors.ts";
import { closeFiles } from "../../../src/cli/input/array-files/open-file.ts";
import { openData } from "../../../src/cli/input/open-data.ts";
import { inFlags } from "../../../src/cli/options/flags.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import { manifestOf } from "../../../src/cli/parts/manifest.ts";
import { PartsFolder } from "../../../src/cli/parts/parts-folder.ts";
import { unitsOf } from "../../../src/cli/parts/shard-units.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { readNpy } from "../../../src/files/npy.ts";
import { runHere } from "../../support/run-here.ts";
import {
  B,
  encoding,
  LATENT,
  names,
  refusal,
  runShards,
  SIZE,
  succeed,
  workplace,
  write,
  y,
} from "../../support/shard-run.ts";

// Runs and folders of parts that are not as expected.

test("a folder that is named twice is merged once, and its parts removed once", async () => {
  const [out, link, to] = [workplace.newPath(), workplace.newPath(), workplace.newPath()];
  await runShards(out, 1);
  symlinkSync(out, link);
  await succeed("merge", out, link, out, "--out", to, "--delete-parts", "--quiet");
  assert.equal(readdirSync(to).sort(), names);
  assert.equal(readdirSync(out), []);
});

test("a pipe in the place of a part is refused, and not waited for", async () => {
  const out = workplace.newPath();
  await runShards(out, 1);
  const part = join(out, "parts", "part-00000000.safetensors");
  rmSync(part);
  execFileSync("mkfifo", [part]);
  const { exit, stderr } = await runHere("merge", out, "--quiet");
  assert.is(exit, 1);
  assert.match(stderr, /cannot read .*part-00000000\.safetensors: it is a named pipe, expected a file\n$/);
});

test("status leaves out files that are parts of no unit", async () => {
  const out = workplace.newPath();
  await runShards(out, 1);
  const stray = join(out, "parts", "part-99999999.safetensors");
  cpSync(join(out, "parts", "part-00000000.safetensors"), stray);
  utimesSync(stray, new Date(), new Date(Date.now() + 10_000));
  rmSync(join(out, "parts", "part-00000001.safetensors"));
  const { samplesDone, samplesPerSecond } = JSON.parse(await succeed("status", out, "--json"));
  assert.is(samplesDone, B - 4);
  assert.ok(samplesPerSecond > 0, `${samplesPerSecond}`);
});

test("units that would be too many, or too large to be written, are refused before the work", async () => {
  const input = { samples: { array: { fingerprint: async () => "" }, shape: [3, 256, 256] } };
  const options = (samples: number) =>
    ({
      ...input,
      samples: { ...input.samples, count: samples },
      decoder: { definition: {}, parameters: new Float32Array(0), latentSize: 16 },
      fixed: { inputs: [] },
      prior: {},
    }) as unknown as Parameters<typeof manifestOf>[1];
  const job = {
    plain: true,
    reconstructions: true,
    flow: { description: {} },
    solver: { description: {} },
  } as unknown as Job;
  const refused = async (samples: number, unit: number) => {
    try {
      await manifestOf(job, options(samples), unit);
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  };
  assert.match(
    (await refused(20_000, 10_000))!,
    /^--unit 10000: the results .* more than 1 GiB; give --unit 1365 or less$/,
  );
  assert.is(await refused(20_000, 1365), undefined);
  assert.match((await refused(3_000_000, 1))!, /^--unit 1: .* at most 1000000; give --unit 3 or more$/);
  assert.is(await refused(3_000_000, 3), undefined);
});

test("a unit larger than all samples is all of them", async () => {
  const out = workplace.newPath();
  await succeed(...encoding({ out, shard: "0/1", unit: String(Number.MAX_SAFE_INTEGER) }));
  await succeed("merge", out, "--quiet");
  assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).shape, [B, LATENT]);
});

test("no samples are no work for a shard", async () => {
  const out = workplace.newPath();
  const none = {
    data: workplace.writeFloats(new Float32Array(), [0, SIZE]),
    weights: undefined,
    z0: undefined,
  };
  const label = { fixed: `label=${workplace.writeFloats(Float32Array.of(1, 2), [2])}` };
  const message = await refusal(...encoding({ out, shard: "0/2", ...none, ...label }));
  assert.is(message, "latentflow: there are no samples in --data, so there is no shard of them\n");
});

test("a run that has lost its folder to another says so at its next part", async () => {
  const out = workplace.newPath();
  await runShards(out, 2, {}, [0]);
  const folder = await PartsFolder.open(join(out, "parts"));
  const part = (await folder.read(unitsOf(folder.manifest)[0]!))!;
  await folder.write(part);
  const file = join(out, "parts", "manifest.json");
  const text = readFileSync(file, "utf8");
  const failure = () =>
    folder.write(part).then(
      () => new LatentflowError("invalid_argument", "the part was written"),
      (error: LatentflowError) => error,
    );
  writeFileSync(file, text.replace('"unit": 4', '"unit": 5'));
  const lost = await failure();
  assert.is(lost.code, "other_run");
  assert.match(lost.message, /has become, .*, that of another run: unit is 5 there and 4 here\./);
  const [command] = createProgram().commands.filter((each) => each.name() === "encode");
  assert.match(inFlags(lost, command!), /of another run: --unit is 5 there and 4 here\./);
  rmSync(file);
  assert.match(
    (await failure()).message,
    /manifest\.json is gone; another process has merged or removed the parts/,
  );
});

test("of two runs that begin in one folder at the same time one goes on", async () => {
  const out = workplace.newPath();
  const from = workplace.newPath();
  await runShards(from, 1);
  const { manifest } = await PartsFolder.open(join(from, "parts"));
  mkdirSync(out);
  const runs = [4, 5, 6, 7].map((unit) => PartsFolder.forRun(out, { ...manifest, unit }, false));
  const settled = await Promise.allSettled(runs);
  assert.is(settled.filter(({ status }) => status === "fulfilled").length, 1);
  assert.equal(readdirSync(out), ["manifest.json"]);
});

test("data that are written to while they are read end the run", async () => {
  const file = write(y, SIZE);
  const { signal } = new AbortController();
  const limits = { signal, maxBytes: 2 ** 30, givenMaxBytes: undefined };
  try {
    const array = await openData("--data", [file], limits);
    await array.read(0, SIZE);
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    utimesSync(file, new Date(), new Date(Date.now() + 10_000));
    const message = await array.read(SIZE, 2 * SIZE).then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(message, /^--data \S+: it was written to while it was read; run the same command again/);
  } finally {
    await closeFiles();
  }
});

test("an argument or a second stdin that makes no sense is named", async () => {
  const empty = await runHere("merge", "");
  assert.is(empty.exit, 2);
  assert.match(empty.stderr, /^latentflow: DIR is empty\n/);
  const twice = await runHere(...encoding({ out: workplace.newPath(), data: ["-", "-"] }));
  assert.is(twice.exit, 2);
  assert.match(twice.stderr, /^latentflow: --data is -, stdin, twice; give one of them as a file\n/);
});

test.run();
