// run: alone
import { fork } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../../src/train/checkpoint-format.ts";
import { quickFolder } from "../support/program.ts";
import { endOf, runSmall } from "../support/small-run.ts";
import type { Step } from "../support/training-child.ts";

// Processes that train are really killed, by SIGKILL, and the run goes on from what they left.

const folder = mkdtempSync(join(quickFolder(), "latentflow-kill-"));
test.after(() => rmSync(folder, { recursive: true }));

// As one file of JavaScript, which starts in a tenth of the time.
const child = join(folder, "child.mjs");
buildSync({
  entryPoints: [fileURLToPath(new URL("../support/training-child.ts", import.meta.url))],
  outfile: child,
  bundle: true,
  format: "esm",
  platform: "node",
});
// The build of the kernels depends on them.
const execArgv = process.execArgv.filter((flag) => flag.startsWith("--experimental"));
const whole = endOf(await runSmall());

/** Trains in another process and kills it when it has come there; it has not ended by itself before that. */
function trainAndKill(file: string, step: Step | "update", count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const running = fork(child, [file, step, String(count)], { execArgv });
    running.on("message", (told) => {
      // Late, as a busy machine does it: it hangs for as long as that takes.
      if (told === step) setTimeout(() => running.kill("SIGKILL"), 100);
      else if (told === "end") running.kill();
    });
    running.on("error", reject);
    running.on("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve();
      else
        reject(new Error(`the child was to be killed at ${step} ${count}, but ended with ${signal ?? code}`));
    });
  });
}

/** Goes on in this process. */
async function resume(file: string) {
  const result = await runSmall({ checkpoint: { file, resume: true, everySeconds: 0 } });
  assert.equal(endOf(result), whole);
  return result.resumedFrom;
}

/** What is left of a checkpoint that was being written. */
const temporary = (file: string) => readFileSync(`${file}.temporary`);

// Each count is a checkpoint's number, the first one is that of the start. `resumed` is what comes before the
// mini-batch that was lost, and the checkpoints end at images 0, 5, 10, 15, 17, 22, …
const moments: readonly [step: Step, count: number, resumed: number | undefined, from: string][] = [
  ["half", 1, undefined, ""],
  ["half", 5, 15, ""],
  ["written", 4, 15, ""],
  ["between", 5, 15, ".previous"],
  ["replaced", 5, 17, ""],
];
for (const [step, count, images, from] of moments) {
  test(`killed in checkpoint ${count} at "${step}", it goes on and ends the same`, async () => {
    const file = join(folder, `${step}-${count}`);
    await trainAndKill(file, step, count);
    assert.is(existsSync(`${file}.temporary`), step !== "replaced");
    if (step === "half") assert.throws(() => readCheckpoint(temporary(file)), /not a valid safetensors file/);
    if (step === "written" || step === "between") readCheckpoint(temporary(file));
    const resumed = await resume(file);
    assert.is(resumed?.images, images);
    if (images !== undefined) assert.is(resumed?.from, file + from);
    // What was left lying about has been cleared away.
    const left = readdirSync(folder).filter((name) => name.startsWith(`${step}-${count}`));
    assert.equal(left, [`${step}-${count}`, `${step}-${count}.previous`]);
  });
}

test("killed again and again, wherever it happens to be, it ends the same", async () => {
  const file = join(folder, "again");
  await trainAndKill(file, "update", 5);
  await trainAndKill(file, "update", 22);
  await trainAndKill(file, "between", 2);
  await trainAndKill(file, "update", 39);
  const resumed = await resume(file);
  assert.ok(resumed && resumed.images >= 34, `${resumed?.images}`);
});

test.run();
