// run: slow
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../../src/base/random.ts";
import { runHere } from "../../support/run-here.ts";
import {
  encoding,
  names,
  refusal,
  resultsIn,
  runShards,
  succeed,
  workplace,
} from "../../support/shard-run.ts";

test("a part that is not what it was is never merged: any byte, any length, any name", async () => {
  const out = workplace.newPath();
  const parts = join(out, "parts");
  await runShards(out, 1);
  await succeed("merge", out, "--quiet");
  const expected = resultsIn(out);
  for (const name of names) rmSync(join(out, name));
  const file = join(parts, "part-00000002.safetensors");
  const bytes = readFileSync(file);
  const random = createRandom(5);
  let refused = 0;
  for (let i = 0; i < 150; i++) {
    const damaged = Buffer.from(bytes);
    const at = Math.floor(random.uniform() * bytes.length);
    damaged[at] = damaged[at]! ^ (1 << Math.floor(random.uniform() * 8));
    writeFileSync(file, i % 3 === 0 ? bytes.subarray(0, at) : damaged);
    const { exit, stderr } = await runHere("merge", out, "--quiet");
    if (exit === 0) {
      // A blank behind the header's JSON, say.
      assert.equal(resultsIn(out), expected, `byte ${at}`);
      for (const name of names) rmSync(join(out, name));
    } else {
      refused++;
      assert.match(stderr, /^latentflow: \S*part-00000002\.safetensors: /);
      assert.equal(readdirSync(out), ["parts"], stderr);
    }
  }
  assert.ok(refused > 140, `${refused}`);

  writeFileSync(file, readFileSync(join(parts, "part-00000001.safetensors")));
  assert.match(
    await refusal("merge", out, "--quiet"),
    /it is the part of unit 1; its name says 2; run its shard, or the same encode command, again\n$/,
  );
  rmSync(file);
  assert.match(
    await refusal("merge", out, "--quiet"),
    /^latentflow: 1 of 6 units have no part yet: 2; run the same encode command again, of shards those that latentflow status \S+ --shards N names\n$/,
  );
});

test("several folders are merged, if they are of one run and one build", async () => {
  const [a, b, c, to] = [1, 2, 3, 4].map(() => workplace.newPath()) as [string, string, string, string];
  await runShards(a, 2, {}, [0]);
  await runShards(b, 2, {}, [1]);
  await succeed("merge", b, a, "--out", to, "--quiet");
  const whole = workplace.newPath();
  await succeed(...encoding({ out: whole, plain: true }));
  assert.equal(resultsIn(to), resultsIn(whole));

  // As a relaxed build would have it, of a process that was killed.
  cpSync(b, c, { recursive: true });
  const manifest = join(c, "parts", "manifest.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"build": "plain ', '"build": "relaxed '));
  assert.match(
    await refusal("merge", a, c, "--out", to, "--quiet"),
    /has the parts of another run than \S+: build is "plain [0-9a-f]{8}" there and "relaxed [0-9a-f]{8}" here\. Only parts of one run/,
  );
  // A part alone, under the other's manifest.
  const part = "part-00000004.safetensors";
  renameSync(join(b, "parts", "manifest.json"), join(b, "parts", "kept"));
  cpSync(manifest, join(b, "parts", "manifest.json"));
  cpSync(join(a, "parts"), join(b, "parts"), {
    recursive: true,
    filter: (from) => !from.endsWith("manifest.json"),
  });
  assert.match(
    await refusal("merge", b, "--quiet"),
    /part-00000000\.safetensors: it is a part of another run, made by the build plain [0-9a-f]{8}, here is relaxed/,
  );
  assert.ok(readdirSync(join(b, "parts")).includes(part));
});

test("a torn part is taken from another folder; what is not ours stays; a folder may be given twice", async () => {
  const [a, b, to] = [1, 2, 3].map(() => workplace.newPath()) as [string, string, string];
  await runShards(a, 1);
  cpSync(a, b, { recursive: true });
  const whole = workplace.newPath();
  await succeed("merge", a, "--out", whole, "--quiet");
  assert.ok(existsSync(join(a, "parts", "manifest.json")), "without --delete-parts they stay");
  writeFileSync(join(a, "parts", "part-00000001.safetensors"), "torn");
  for (const name of ["notes.txt", "part-00000009.safetensors.0f.temporary", "probe.0f.temporary"]) {
    writeFileSync(join(a, "parts", name), "");
  }
  mkdirSync(to);
  writeFileSync(join(to, "steps.png"), "");
  await succeed("merge", a, b, b, "--out", to, "--quiet", "--delete-parts");
  assert.equal(resultsIn(to), resultsIn(whole));
  assert.equal(readdirSync(to).sort(), names, "pictures of an earlier run go");
  assert.equal(readdirSync(join(a, "parts")), ["notes.txt"]);
  assert.equal(readdirSync(b), []);
});

test.run();
