// run: first
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { measureProjections, principalComponents } from "../../reproduce/pca.ts";
import { createDataset } from "../../src/train/index.ts";
import { compiledPath } from "../support/compile.mjs";
import { until } from "../support/patience.ts";
import { randomArray } from "../support/random.ts";

// npm run reproduce, with next to nothing of the work.

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "latentflow-reproduce-"));
test.after(() => rmSync(out, { recursive: true }));
const options = ["--quick", "--only", "figure1", "--out", out];
/** Compiled, as its workers are then: all start in a third of the time. */
const command = [compiledPath(root, "reproduce/main.ts"), ...options];
const file = join(out, "results", "figure1.quick.json");
const jobs = (): Record<string, { result: unknown; seconds: number; share?: number }> =>
  existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).jobs : {};

/** Those of which there is everything. */
const doneJobs = () => Object.entries(jobs()).filter(([, { share }]) => share === undefined);

/** Starts it, and kills it when two jobs are done. @returns those that are done then */
async function killedHalfWay() {
  const killed = spawn(process.execPath, command, { cwd: root, stdio: "ignore" });
  const end = once(killed, "exit");
  await until(() => doneJobs().length >= 2 || killed.exitCode !== null);
  killed.kill("SIGKILL");
  await end;
  const done = doneJobs();
  assert.ok(done.length >= 2, `it ended with ${killed.exitCode}`);
  return done;
}

test("killed half way it goes on, and does nothing twice; the page has every figure", async () => {
  let before = await killedHalfWay();
  // On a busy machine all may be done before this process has its turn.
  for (let tries = 1; before.length === 5; tries++) {
    assert.ok(tries < 10, "it cannot be killed half way");
    rmSync(file);
    before = await killedHalfWay();
  }
  const done = before.length;

  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
  assert.is(status, 0, stderr);
  assert.match(stdout, new RegExp(`^${done} of 5 jobs are done, ${5 - done} to go\n`));
  assert.match(stdout, /\d:\d\d:\d\d gone, about 0:00:00 left; 5 of 5 done: figure1: /);
  const after = Object.fromEntries(doneJobs());
  assert.is(Object.keys(after).length, 5);
  for (const [id, kept] of before) assert.equal(after[id], kept);

  const page = readFileSync(join(out, "figure1.md"), "utf8");
  assert.match(page, /--only figure1`: done\.$/m);
  assert.not.match(page, /…|NaN|undefined/);
  for (const ending of ["png", "svg"]) assert.ok(existsSync(join(out, `figure1-images.${ending}`)));
});

test("a job that is not done is named with its share", () => {
  const [[id, kept]] = Object.entries(jobs()) as [[string, object]];
  writeFileSync(file, JSON.stringify({ jobs: { ...jobs(), [id]: { ...kept, share: 0.314 } } }));
  const { status, stderr } = spawnSync(process.execPath, [...command, "--pages"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  const page = readFileSync(join(out, "figure1.md"), "utf8");
  assert.match(page, /--only figure1`: 4 of 5 runs, 1 begun \(31 %\)\.$/m);
});

test("an element that there is not is refused by name", () => {
  const { status, stderr } = spawnSync(process.execPath, [...command, "--only", "table3"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.is(status, 1);
  assert.match(stderr, /table3 is none of table1-left, /);
});

test("principal components leave what no other projection on as many directions leaves less of", () => {
  const [count, size] = [40, 12];
  const y = randomArray(1, count * size, 0, 1);
  // A direction of far more variance than the others.
  for (let i = 0; i < count; i++) y[i * size + 3] = i % 2;
  const { mean, basis } = principalComponents(y, size, 4);
  for (const [i, a] of basis.entries()) {
    for (const [j, b] of basis.entries()) {
      const product = a.reduce((sum, value, k) => sum + value * b[k]!, 0);
      assert.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-9);
    }
  }
  const data = createDataset(y, { shape: [size] });
  const least = measureProjections({ mean, basis }, data).squaredError;
  const axes = [3, 0, 1, 2].map((k) => Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0)));
  assert.ok(least < measureProjections({ mean, basis: axes }, data).squaredError);
  // Every other direction within the span, or a little out of it, has less variance: the mean square of what is left is
  // at rest in each of them.
  const varianceOf = (direction: Float64Array) => {
    const shares = Array.from({ length: count }, (_, i) =>
      direction.reduce((sum, value, k) => sum + value * (y[i * size + k]! - mean[k]!), 0),
    );
    return shares.reduce((sum, share) => sum + share ** 2, 0) / count;
  };
  const variances = basis.map(varianceOf);
  assert.equal(
    variances,
    [...variances].sort((a, b) => b - a),
  );
  for (const [k, direction] of basis.entries()) {
    for (let axis = 0; axis < size; axis++) {
      // (C v - λ v) along each axis, by differences.
      const moved = (by: number) => direction.map((value, i) => (i === axis ? value + by : value));
      const slope = (varianceOf(moved(1e-4)) - varianceOf(moved(-1e-4))) / 2e-4 / 2;
      assert.ok(Math.abs(slope - variances[k]! * direction[axis]!) < 1e-5, `component ${k}, axis ${axis}`);
    }
  }
  const all = principalComponents(y, size, size);
  const exact = measureProjections(all, data);
  assert.ok(exact.squaredError < 1e-12);
  // Cross entropy of what is exact but for the cut: black and white are half a grey level from what they are.
  const clipped = (value: number) => Math.min(Math.max(value, 1 / 510), 1 - 1 / 510);
  const entropies = y.map(
    (value) => -value * Math.log(clipped(value)) - (1 - value) * Math.log(1 - clipped(value)),
  );
  assert.ok(Math.abs(exact.loss - entropies.reduce((sum, each) => sum + each, 0) / y.length) < 1e-6);
});

test.run();
