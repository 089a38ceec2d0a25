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
const encoding = ["encode", "--decoder", decoder, "--data", data, "--threads", "1", "--quiet"];
const tasks = (out: string) => ["0/2", "1/2"].map((part) => [...encoding, "--out", out, "--part", part]);

const names = ["latents.npy", "results.csv"];
const filesOf = (out: string) =>
  names.map((name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "latin1") : undefined));

let whole: ReturnType<typeof filesOf>;

/** How often a fault has to come up at least: there are more operations that change something than writings or renamings. */
const least = (fault: FileFault, operations: number, others: number) =>
  fault === "full" || fault === "killed" ? operations : others;

test("without faults: one process, parts, and what is left in the folder", async () => {
  const out = workplace.newPath();
  assert.is((await run(...encoding, "--plain", "--out", out)).exit, 0);
  whole = filesOf(out);
  assert.ok(whole.every((file) => file !== undefined));
  assert.equal(readdirSync(out).sort(), names);
});

/** Runs with a fault at each write, until there are no more; `mend` runs after each. */
async function atEachWrite(
  fault: FileFault,
  commands: (out: string) => readonly (readonly string[])[],
  mend: (out: string, where: string) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    const out = workplace.newPath();
    const where = `${fault} at ${at}`;
    const isOver = await withFault(fault, at, async () => {
      for (const args of commands(out)) {
        const { stderr } = await run(...args);
        assert.not.match(stderr, /internal error/, `${where}: ${stderr}`);
      }
    });
    if (!isOver) return at;
    for (const [i, file] of filesOf(out).entries())
      assert.ok(file === undefined || file === whole[i], `${where}: ${names[i]} is not whole`);
    await mend(out, where);
    assert.equal(filesOf(out), whole, where);
  }
}

async function succeed(args: readonly string[], where: string): Promise<void> {
  const { exit, stderr } = await run(...args);
  assert.is(exit, 0, `${where}: ${stderr}`);
}

for (const fault of FILE_FAULTS) {
  test(`parts: ${fault}, at every write`, async () => {
    const faults = await atEachWrite(fault, tasks, async (out, where) => {
      // Merged before anybody mends it: refused, or right.
      if ((await run("merge", out, "--quiet")).exit !== 0)
        assert.equal(filesOf(out), [undefined, undefined], where);
      for (const args of tasks(out)) await succeed(args, where);
      await succeed(["merge", out, "--quiet"], where);
    });
    assert.ok(faults > least(fault, 20, 2), `${faults}`);
  });

  test(`one process: ${fault}, at every write`, async () => {
    const all = (out: string) => [[...encoding, "--plain", "--parts", "2", "--out", out]];
    await atEachWrite(fault, all, async (out, where) => {
      await succeed(all(out)[0]!, where);
      assert.not.ok(existsSync(join(out, "parts")), where);
    });
  });

  test(`merge: ${fault}, at every write`, async () => {
    const from = workplace.newPath();
    for (const args of tasks(from)) await succeed(args, "before");
    const merging = (out: string) => [["merge", from, "--out", out, "--quiet"]];
    const faults = await atEachWrite(fault, merging, (out, where) => succeed(merging(out)[0]!, where));
    assert.ok(faults > least(fault, 8, 1), `${faults}`);
  });
}

test.run();
