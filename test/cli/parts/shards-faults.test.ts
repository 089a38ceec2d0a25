// run: first
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDecoder } from "../../../src/index.ts";
import { FILE_FAULTS, type FileFault, withFault } from "../../support/file-faults.ts";
import { Workplace } from "../../support/program.ts";
import { runHere as run } from "../../support/run-here.ts";

// At every write of a run something goes wrong. Whatever it is, nothing wrong is ever merged, and the same command goes on
// from there. In this process, with the file system's functions in between.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const decoder = `${workplace.newPath()}.safetensors`;
writeFileSync(decoder, createDecoder({ layers: [2, 5, 6], seed: 1, loss: "mse" }).toSafetensors());
const values = Float32Array.from({ length: 7 * 6 }, (_, i) => Math.sin(i));
const data = workplace.writeFloats(values, [7, 6]);
const encoding = ["encode", "--decoder", decoder, "--data", data, "--unit", "4", "--threads", "1", "--quiet"];

const names = ["latents.npy", "results.csv"];
const filesOf = (out: string) =>
  names.map((name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "latin1") : undefined));

let whole: ReturnType<typeof filesOf>;

/** How often a fault has to come up at least: there are more operations that change something than writings or renamings. */
const least = (fault: FileFault, operations: number, others: number) =>
  fault === "full" || fault === "killed" ? operations : others;

test("without faults: one process, shards, and what is left in the folder", async () => {
  const out = workplace.newPath();
  assert.is((await run(...encoding, "--plain", "--out", out)).exit, 0);
  whole = filesOf(out);
  assert.ok(whole.every((file) => file !== undefined));
  assert.equal(readdirSync(out).sort(), names);
  const shards = workplace.newPath();
  assert.is((await run(...encoding, "--out", shards, "--shard", "0/1")).exit, 0);
  assert.equal(readdirSync(shards), ["parts"]);
  assert.is((await run("merge", shards, "--delete-parts", "--quiet")).exit, 0);
  assert.equal(filesOf(shards), whole);
  assert.equal(readdirSync(shards).sort(), names);
});

for (const fault of FILE_FAULTS) {
  test(`shards: ${fault}, at every write`, async () => {
    let faults = 0;
    for (let at = 0; ; at++) {
      const out = workplace.newPath();
      const shard = [...encoding, "--out", out, "--shard", "0/1"];
      let ended: Awaited<ReturnType<typeof run>> | undefined;
      const isOver = await withFault(fault, at, async () => {
        ended = await run(...shard);
      });
      if (!isOver) break;
      faults++;
      assert.not.match(ended!.stderr, /internal error/, `${fault} at ${at}: ${ended!.stderr}`);
      // Merged before anybody mends it: refused, or right.
      const { exit, stderr } = await run("merge", out, "--quiet");
      if (exit === 0) assert.equal(filesOf(out), whole, `${fault} at ${at}`);
      else assert.equal(filesOf(out), [undefined, undefined], `${fault} at ${at}: ${stderr}`);
      assert.is((await run(...shard)).exit, 0, `${fault} at ${at}`);
      const merged = await run("merge", out, "--quiet");
      assert.is(merged.exit, 0, `${fault} at ${at}: ${merged.stderr}`);
      assert.equal(filesOf(out), whole, `${fault} at ${at}`);
    }
    assert.ok(faults > least(fault, 15, 2), `${faults}`);
  });

  test(`one process: ${fault}, at every write`, async () => {
    for (let at = 0; ; at++) {
      const out = workplace.newPath();
      const all = [...encoding, "--plain", "--out", out];
      let ended: Awaited<ReturnType<typeof run>> | undefined;
      const isOver = await withFault(fault, at, async () => {
        ended = await run(...all);
      });
      if (!isOver) break;
      assert.not.match(ended!.stderr, /internal error/, `${fault} at ${at}: ${ended!.stderr}`);
      // What the disk has lost without a word is not ours to know, in the results; in parts it is.
      if (fault !== "lost bytes") {
        for (const [i, file] of filesOf(out).entries()) {
          assert.ok(file === undefined || file === whole[i], `${fault} at ${at}: ${names[i]} is not whole`);
        }
      }
      assert.is((await run(...all)).exit, 0, `${fault} at ${at}`);
      assert.equal(filesOf(out), whole, `${fault} at ${at}`);
      assert.not.ok(existsSync(join(out, "parts")), `${fault} at ${at}`);
    }
  });

  test(`merge: ${fault}, at every write`, async () => {
    const out = workplace.newPath();
    assert.is((await run(...encoding, "--out", out, "--shard", "0/1")).exit, 0);
    let faults = 0;
    for (let at = 0; ; at++) {
      const to = workplace.newPath();
      const merging = ["merge", out, "--out", to, "--quiet"];
      const isOver = await withFault(fault, at, () => run(...merging));
      if (!isOver) break;
      faults++;
      if (fault !== "lost bytes") {
        for (const [i, file] of filesOf(to).entries()) {
          assert.ok(file === undefined || file === whole[i], `${fault} at ${at}: ${names[i]} is not whole`);
        }
      }
      assert.is((await run(...merging)).exit, 0, `${fault} at ${at}`);
      assert.equal(filesOf(to), whole, `${fault} at ${at}`);
    }
    assert.ok(faults > least(fault, 8, 1), `${faults}`);
  });
}

test.run();
