// run: slow
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runHere } from "../../support/run-here.ts";
import { B, decoderFile, refusal, runShards, succeed, workplace } from "../../support/shard-run.ts";

test("status says what is missing, of which shards, and merges nothing", async () => {
  const out = workplace.newPath();
  await runShards(out, 3, {}, [0, 2]);
  const figures = JSON.parse(await succeed("status", out, "--shards", "3", "--json"));
  assert.equal(
    { ...figures, samplesPerSecond: 0, secondsLeft: 0, latentflow: "" },
    {
      latentflow: "",
      samples: B,
      samplesDone: 15,
      units: 6,
      unit: 4,
      missingUnits: "2-3",
      missingShards: "1",
      samplesPerSecond: 0,
      secondsLeft: 0,
      files: [],
    },
  );
  assert.ok(figures.samplesPerSecond > 0);
  assert.match(await succeed("status", out), /missing units +│ 2-3 +│\n/);
  const file = join(out, "parts", "part-00000005.safetensors");
  writeFileSync(file, readFileSync(file).subarray(0, 100));
  assert.is(
    JSON.parse(await succeed("status", out, "--json")).missingUnits,
    "2-3",
    "names alone say nothing of that",
  );
  const checked = await runHere("status", out, "--check", "--shards", "3", "--json");
  assert.equal(
    [JSON.parse(checked.stdout).missingUnits, JSON.parse(checked.stdout).missingShards],
    ["2-3,5", "1-2"],
  );
  assert.match(
    checked.stderr,
    /^latentflow: \S*part-00000005\.safetensors: .*; run its shard, or the same encode command, again\n$/,
  );
  const empty = workplace.newPath();
  mkdirSync(empty);
  for (const verb of ["status", "merge"]) {
    for (const [other, message] of [
      [
        workplace.newPath(),
        /^latentflow: \S+: there is no such folder; name the folder that was --out of the shards\n$/,
      ],
      [empty, /^latentflow: \S+ holds no parts of a run; name the folder that was --out of the shards/],
      [decoderFile, /^latentflow: \S+ holds no parts of a run; /],
    ] as const) {
      assert.match(await refusal(verb, out, other), message);
    }
  }
  mkdirSync(join(empty, "parts"));
  assert.match(
    await refusal("merge", empty),
    /parts has no parts: there is no manifest\.json, or it is torn\./,
  );
  assert.equal(readdirSync(out), ["parts"]);
});

test("status: how fast parts have come within the last hour, and how long the rest will take", async () => {
  const out = workplace.newPath();
  await runShards(out, 3, {}, [0, 2]);
  const end = 1.7e9;
  for (const [index, before] of [
    [0, 7200],
    [1, 90],
    [4, 50],
    [5, 10],
  ] as const) {
    const path = join(out, "parts", `part-0000000${index}.safetensors`);
    utimesSync(path, end - before, end - before);
  }
  // 4 and 3 samples within 80 s, and 8 are missing.
  const { samplesPerSecond, secondsLeft } = JSON.parse(await succeed("status", out, "--json"));
  assert.equal([samplesPerSecond, secondsLeft], [7 / 80, 8 / (7 / 80)]);
  await runShards(out, 3, {}, [1]);
  assert.is(JSON.parse(await succeed("status", out, "--json")).secondsLeft, null);
});

test("status: a pause of the run is no part of its speed, and the wait of shards for each other none", async () => {
  const end = 1.7e9;
  const setTimes = (out: string, times: readonly number[]) =>
    times.forEach((time, index) => {
      const path = join(out, "parts", `part-0000000${index}.safetensors`);
      utimesSync(path, end + time, end + time);
    });
  const speed = async (out: string) => JSON.parse(await succeed("status", out, "--json")).samplesPerSecond;
  const out = workplace.newPath();
  await runShards(out, 3, {}, [0, 1, 2]);
  // Six units of 4, 4, 4, 4, 4 and 3 samples, one each 20 s; stopped for half an hour after the third.
  setTimes(out, [0, 20, 40, 1860, 1880, 1900]);
  assert.is(await speed(out), (4 + 4 + 4 + 3) / 80);
  // Three shards that write at once, every 300 s: their units take so long.
  setTimes(out, [0, 300, 1, 301, 2, 302]);
  assert.is(await speed(out), (23 - 4) / 302);
});

test.run();
