// run: slow
// Tests src/cli/parts/open-parts.ts.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { showRanges } from "../../../src/cli/parts/open-parts.ts";
import {
  decoderFile,
  encoding,
  names,
  refusal,
  resultsIn,
  runParts,
  succeed,
  workplace,
} from "../../support/parts-run.ts";
import { runHere } from "../../support/run-here.ts";

test("merge says which parts are missing, and how to compute them", async () => {
  const out = workplace.newPath();
  await runParts(out, 12, {}, [0, 1, 5, 7]);
  assert.is(
    await refusal("merge", out, "--quiet"),
    "latentflow: 8 of 12 parts are missing: 2-4,6,8-11; run the same encode command again with --plain " +
      "--parts 12 in place of --part, which merges as well, or --part K/12 for each of them: sbatch --array=2-4,6,8-11\n",
  );
  assert.equal(readdirSync(out), ["parts"]);
  // All that are missing, by one process.
  await succeed(...encoding({ out, parts: "12", plain: true }));
  assert.equal(readdirSync(out).sort(), names);
  assert.is(showRanges([]), "");
  assert.is(showRanges([0]), "0");
});

test("a folder without parts is refused, and an empty name", async () => {
  const empty = workplace.newPath();
  mkdirSync(join(empty, "parts"), { recursive: true });
  for (const other of [workplace.newPath(), empty, decoderFile])
    assert.match(
      await refusal("merge", other),
      /^latentflow: \S+ holds no parts of a run: there is no parts\/manifest\.json; name the folder that was --out of encode --part\./,
    );
  const { exit, stderr } = await runHere("merge", "");
  assert.is(exit, 2);
  assert.match(stderr, /^latentflow: DIR is empty\n/);
});

test("a part that is not whole, or the disk does not give, is not merged", async () => {
  const out = workplace.newPath();
  await runParts(out, 2);
  const file = join(out, "parts", "part-00000001.safetensors");
  writeFileSync(file, readFileSync(file).subarray(0, -1));
  assert.match(
    await refusal("merge", out, "--quiet"),
    /part-00000001\.safetensors: not a valid safetensors file: .*; remove it and run the same encode command again\n$/,
  );
  assert.equal(readdirSync(out), ["parts"]);
});

test("several folders are merged, if they are of one run; what is not theirs stays", async () => {
  const [a, b, c, link, to] = Array.from({ length: 5 }, () => workplace.newPath()) as [
    string,
    string,
    string,
    string,
    string,
  ];
  await runParts(a, 2, {}, [0]);
  await runParts(b, 2, {}, [1]);
  cpSync(b, c, { recursive: true });
  const whole = workplace.newPath();
  await succeed(...encoding({ out: whole, plain: true }));
  await succeed("merge", b, a, "--out", to, "--quiet");
  assert.equal(resultsIn(to), resultsIn(whole));
  assert.ok(existsSync(join(a, "parts", "manifest.json")), "without --delete-parts they stay");

  writeFileSync(join(to, "steps.png"), "");
  for (const name of ["notes.txt", "part-00000009.safetensors.0123456789ab.temporary"])
    writeFileSync(join(a, "parts", name), "");
  symlinkSync(b, link);
  await succeed("merge", a, link, b, "--out", to, "--quiet", "--delete-parts");
  assert.equal(resultsIn(to), resultsIn(whole));
  assert.equal(readdirSync(to).sort(), names, "pictures of an earlier run go");
  assert.equal(readdirSync(join(a, "parts")), ["notes.txt"]);
  assert.equal(readdirSync(b), []);

  // As a relaxed build would have it.
  rmSync(join(a, "parts"), { recursive: true });
  await runParts(a, 2, {}, [0]);
  const manifest = join(c, "parts", "manifest.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"build": "plain ', '"build": "relaxed '));
  assert.match(
    await refusal("merge", a, c, "--out", to, "--quiet"),
    /has the parts of another run than \S+: build is "plain [0-9a-f]{8}" in \S+ and "relaxed [0-9a-f]{8}" in \S+\. Only parts of one run/,
  );
  assert.match(await refusal("merge", c, "--quiet"), /1 of 2 parts are missing: 0;/);
});

test.run();
