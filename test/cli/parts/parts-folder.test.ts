// run: slow
// Tests src/cli/input/array-files/open-file.ts.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeFiles } from "../../../src/cli/input/array-files/open-file.ts";
import { openData } from "../../../src/cli/input/open-data.ts";
import { PartsFolder } from "../../../src/cli/parts/parts-folder.ts";
import { encoding, refusal, runParts, SIZE, workplace, write, y } from "../../support/parts-run.ts";
import { runHere } from "../../support/run-here.ts";

// Runs and folders of parts that are not as expected.

test("a part that the disk does not give is an error, and so is one of another run", async () => {
  const [out, other] = [workplace.newPath(), workplace.newPath()];
  await runParts(out, 2);
  await runParts(other, 2, { tolerance: "1e-3" });
  const name = join("parts", "part-00000001.safetensors");
  cpSync(join(other, name), join(out, name));
  const again = encoding({ out, part: "1/2" });
  for (const command of [again, ["merge", out]])
    assert.match(
      await refusal(...command),
      /part-00000001\.safetensors: it is a part of another run, .*; remove it and run the same encode command again\n$/,
    );
  rmSync(join(out, name));
  mkdirSync(join(out, name));
  assert.match(await refusal(...again), /cannot read \S+part-00000001\.safetensors: it is a folder/);
});

test("of runs that begin in one folder at the same time one goes on", async () => {
  const [out, from] = [workplace.newPath(), workplace.newPath()];
  await runParts(from, 1);
  const { manifest } = await PartsFolder.open(from);
  mkdirSync(out);
  const runs = [4, 5, 6, 7].map((parts) => PartsFolder.forRun(out, { ...manifest, parts }));
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
