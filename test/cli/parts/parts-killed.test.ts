// run: alone
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../../src/base/random.ts";
import { createDecoder } from "../../../src/index.ts";
import { BundledProgram } from "../../support/bundled-program.ts";
import { endOf, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";

// Runs in many parts whose processes are killed by SIGKILL at seeded moments and started again: what comes of it has to be
// what one process writes, byte for byte. LATENTFLOW_KILLS=40 of each.

const kills = Number(process.env.LATENTFLOW_KILLS ?? 4);
const workplace = new Workplace();
const program = new BundledProgram(workplace.folder);
test.after(() => {
  program.killAll();
  workplace.dispose();
});

const [SAMPLES, PARTS, SIZE] = [1597, 100, 64];
const decoder = createDecoder({ layers: [8, 64, SIZE], seed: 1, loss: "mse" });
const decoderFile = join(workplace.folder, "decoder.safetensors");
writeFileSync(decoderFile, decoder.toSafetensors());
decoder.dispose();
const data = workplace.writeFloats(randomArray(2, SAMPLES * SIZE), [SAMPLES, SIZE]);
const encoding = ["encode", "--decoder", decoderFile, "--data", data, "--quiet", "--json", "--plain"];

const whole = workplace.newPath();
await done(encoding, whole);

/** Runs to its end. @returns its report */
async function done(args: readonly string[], out: string) {
  const { exit, stdout, stderr } = await endOf(program.start([...args, "--out", out]));
  assert.is(exit, 0, stderr);
  return JSON.parse(stdout);
}

function checkSame(out: string): void {
  for (const name of ["latents.npy", "results.csv"])
    assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name);
}

/** Each part that is there, with the time at which it was written. */
function writtenIn(out: string): Map<string, number> {
  const parts = join(out, "parts");
  const names = existsSync(parts) ? readdirSync(parts) : [];
  const whole = names.filter((name) => /^part-\d+\.safetensors$/.test(name));
  return new Map(whole.map((name) => [name, statSync(join(parts, name)).mtimeMs]));
}

test("one process in many parts, killed again and again, computes no part twice", async () => {
  const [out, random] = [workplace.newPath(), createRandom(4)];
  const args = [...encoding, "--parts", `${PARTS}`];
  for (let killed = 0; killed < kills; ) {
    const before = writtenIn(out);
    const child = program.start([...args, "--out", out]);
    const end = endOf(child);
    // One in four is killed at its start; a part takes some milliseconds.
    const more = random.below(4) === 0 ? 0 : 1 + random.below(Math.ceil(PARTS / kills));
    while (child.exitCode === null && more > 0 && writtenIn(out).size < before.size + more) await delay(1);
    await delay(random.below(more > 0 ? 8 : 150));
    child.kill("SIGKILL");
    const { exit, stderr } = await end;
    assert.ok(exit === "SIGKILL" || exit === 0, `${exit} ${stderr}`);
    // Where it has ended, it is begun anew.
    if (exit === 0) checkSame(out);
    else {
      killed++;
      const after = writtenIn(out);
      if (after.size < before.size) continue;
      for (const [name, time] of before) assert.is(after.get(name), time, `${name} was written again`);
    }
  }
  const found = writtenIn(out).size;
  assert.equal((await done(args, out)).parts, { count: PARTS, found });
  checkSame(out);
  assert.not(existsSync(join(out, "parts")), "the parts of a run that is done are removed");
});

test("tasks of which some are killed and started again, while others compute the same parts", async () => {
  const [out, random] = [workplace.newPath(), createRandom(3)];
  const tasks = 8;
  const args = (index: number) => [...encoding, "--part", `${index}/${tasks}`];
  const start = performance.now();
  await done(args(0), workplace.newPath());
  const time = performance.now() - start;
  for (let killed = 0; killed < kills; ) {
    const index = random.below(tasks);
    const child = program.start([...args(index), "--out", out]);
    const [end, other] = [endOf(child), random.below(4) === 0 ? done(args(index), out) : undefined];
    await delay(1.1 * time * random.uniform());
    child.kill("SIGKILL");
    if ((await end).exit === "SIGKILL") killed++;
    await other;
  }
  const found = writtenIn(out);
  const merged = await endOf(program.start(["merge", out, "--quiet"]));
  const missing = `${tasks - found.size} of ${tasks} parts are missing`;
  if (found.size < tasks) assert.match(merged.stderr, new RegExp(`${missing}|holds no parts of a run`));
  for (let index = 0; index < tasks; index++) await done(args(index), out);
  for (const [name, time] of found) assert.is(writtenIn(out).get(name), time, `${name} was written again`);
  const { exit, stderr } = await endOf(program.start(["merge", out, "--delete-parts", "--quiet"]));
  assert.is(exit, 0, stderr);
  checkSame(out);
  // What was half written by killed processes does not stay for ever.
  assert.not(existsSync(join(out, "parts")));
});

test.run();
