// run: once
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
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
import { openArray } from "../../../src/cli/input/array-files/open.ts";
import { closeFiles } from "../../../src/cli/input/array-files/open-files.ts";
import { inFlags } from "../../../src/cli/options/flags.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import { manifestOf } from "../../../src/cli/parts/manifest.ts";
import { PartsFolder } from "../../../src/cli/parts/parts-folder.ts";
import { unitsOf } from "../../../src/cli/parts/units.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { readNpy } from "../../../src/files/npy.ts";
import { readSafetensors, writeSafetensors } from "../../../src/files/safetensors.ts";
import { runHere } from "../../support/run-here.ts";
import {
  B,
  encoding,
  LATENT,
  names,
  refusal,
  resultsIn,
  runShards,
  SIZE,
  succeed,
  workplace,
  write,
  y,
} from "../../support/shard-run.ts";

// What is hostile, forged or out of place in a folder of parts, and what else happens to it while a run is at work.

test.after(() => workplace.dispose());

/** Writes a part anew, changed, with the checksum that goes with it. */
function forge(
  file: string,
  change: (description: Record<string, unknown>, tensors: Map<string, Uint8Array>) => unknown,
): void {
  const { metadata, tensors: read } = readSafetensors(file, readFileSync(file));
  const fields = JSON.parse(metadata.get("latentflow_part")!) as Record<string, unknown>;
  const tensors = new Map([...read].map(([name, { bytes }]) => [name, Uint8Array.from(bytes)]));
  const replaced = change(fields, tensors);
  const description = typeof replaced === "string" ? replaced : JSON.stringify(fields);
  const hash = createHash("sha256").update(description);
  for (const [name, bytes] of tensors) hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
  const written = [...tensors].map(([name, values]) => ({ name, shape: [values.length], values }));
  const sums = new Map([
    ["latentflow_part", description],
    ["sha256", hash.digest("hex")],
  ]);
  writeFileSync(file, writeSafetensors(written, sums));
}

test("a part with the right checksum and other content is refused, and computed again", async () => {
  const out = workplace.newPath();
  await runShards(out, 1);
  const file = join(out, "parts", "part-00000002.safetensors");
  const whole = readFileSync(file);
  forge(file, () => {});
  await succeed("merge", out, "--quiet");
  const expected = resultsIn(out);
  const changes: Parameters<typeof forge>[1][] = [
    () => "null",
    () => "no JSON",
    () => "3",
    (fields) => void Object.assign(fields, { seconds: "long" }),
    (fields) => void delete fields.threads,
    (fields) => void Object.assign(fields, { kernels: { plain: true } }),
    (fields) => void Object.assign(fields, { build: "\u001b[31m" }),
    (fields) => void Object.assign(fields, { leastLoss: { sum: "much", count: 4 } }),
    (_, tensors) => void tensors.get("status")!.fill(99),
  ];
  for (const change of changes) {
    writeFileSync(file, whole);
    forge(file, change);
    const message = await refusal("merge", out, "--quiet");
    assert.match(
      message,
      /part-00000002\.safetensors: it is no part that this version .* has written; run its shard, or the same encode command, again\n$/,
    );
  }
  const { exit, stderr } = await runHere(...encoding({ out, shard: "0/1" }));
  assert.is(exit, undefined, stderr);
  assert.match(stderr, /it is computed again\n$/);
  await succeed("merge", out, "--quiet");
  assert.equal(resultsIn(out), expected);
});

test("a manifest that no run could have is refused, and not worked through", async () => {
  const out = workplace.newPath();
  await runShards(out, 1);
  const file = join(out, "parts", "manifest.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  for (const forged of [
    { samples: Number.MAX_SAFE_INTEGER, unit: 1 },
    { run: { a: { b: 1 } } },
    { format: "latentflow parts 2" },
  ]) {
    writeFileSync(file, JSON.stringify({ ...manifest, ...forged }));
    for (const command of ["status", "merge"]) {
      assert.match(
        await refusal(command, out),
        /manifest\.json: it is no manifest of parts that this version/,
      );
    }
  }
});

test("a folder that is named twice is merged once, and its parts removed once", async () => {
  const [out, link, to] = [workplace.newPath(), workplace.newPath(), workplace.newPath()];
  await runShards(out, 1);
  symlinkSync(out, link);
  await succeed("merge", out, link, out, "--out", to, "--delete-parts", "--quiet");
  assert.equal(readdirSync(to).sort(), names);
  assert.equal(readdirSync(out), []);
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

if (process.platform !== "win32") {
  test("a pipe or a device in place of a part or of the manifest is refused, and not waited for", async () => {
    for (const name of ["part-00000001.safetensors", "manifest.json"]) {
      for (const kind of ["pipe", "device"]) {
        const out = workplace.newPath();
        await runShards(out, 1);
        const place = join(out, "parts", name);
        rmSync(place);
        if (kind === "pipe") execFileSync("mkfifo", [place]);
        else symlinkSync("/dev/zero", place);
        for (const command of [["merge", out, "--quiet"], encoding({ out, shard: "0/1" })]) {
          assert.match(
            await refusal(...command),
            /^latentflow: cannot read \S+: it is a device or a pipe, expected a file; remove it\n$/,
          );
        }
      }
    }
  });
}

test("units that would be too many, or too large to be written, are refused before the work", async () => {
  const input = { samples: { array: { fingerprint: async () => "" }, shape: [3, 256, 256] } };
  const options = (samples: number) =>
    ({
      ...input,
      samples: { ...input.samples, count: samples },
      decoder: { definition: {}, parameters: new Float32Array(0), latentSize: 16 },
      ...{ fixed: { inputs: [] }, prior: {} },
    }) as unknown as Parameters<typeof manifestOf>[1];
  const job = {
    ...{ plain: true, reconstructions: true },
    ...{ flow: { description: {} }, solver: { description: {} } },
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
    const array = await openArray("--data", file, limits);
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
