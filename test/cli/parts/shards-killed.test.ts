// run: alone
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom, type Random } from "../../../src/base/random.ts";
import { unitsOf } from "../../../src/cli/parts/shard-units.ts";
import { createDecoder } from "../../../src/index.ts";
import { BundledProgram } from "../../support/bundled-program.ts";
import { endOf, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";

// Shards, and a run in many units, whose processes are killed by SIGKILL at seeded moments and started again: what comes
// of it has to be what one process writes, byte for byte.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const program = new BundledProgram(workplace.folder);

/** The last unit is a smaller one. */
const CUT = { samples: 1597, unit: 8 };
const UNITS = Math.ceil(CUT.samples / CUT.unit);
const SIZE = 64;
const AT_ONCE = 8;

const decoder = createDecoder({ layers: [8, 64, SIZE], seed: 1, loss: "mse" });
const decoderFile = join(workplace.folder, "decoder.safetensors");
writeFileSync(decoderFile, decoder.toSafetensors());
decoder.dispose();
const data = workplace.writeFloats(randomArray(2, CUT.samples * SIZE), [CUT.samples, SIZE]);
const encoding = ["encode", "--decoder", decoderFile, "--data", data, "--quiet", "--json"];
const inUnits = [...encoding, "--unit", `${CUT.unit}`];

const whole = workplace.newPath();
await done(program.start([...encoding, "--plain", "--out", whole]));

function checkSame(out: string): void {
  for (const name of ["latents.npy", "results.csv"]) {
    assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name);
  }
}

/** Waits until it has ended by itself. @returns its report */
async function done(child: ChildProcess) {
  const { exit, stdout, stderr } = await endOf(child);
  assert.is(exit, 0, stderr);
  return JSON.parse(stdout);
}

/** When a process is killed: once it has written so many parts, and so many milliseconds later. */
interface Moment {
  readonly parts: number;
  readonly later: number;
}

/** One in four is before the first part: a process starts for some 100 ms, and a part takes some milliseconds. */
function chooseMoment(random: Random, units: number): Moment {
  // In the first half: where this process gets its turn late, the other one shall not have ended.
  const parts = random.below(4) === 0 ? 0 : 1 + random.below(units / 2);
  return { parts, later: random.below(parts === 0 ? 150 : 8) };
}

const partOf = (out: string, unit: number) =>
  join(out, "parts", `part-${String(unit).padStart(8, "0")}.safetensors`);

/** Kills a process at a moment. @returns whether it had not ended before */
async function killAt(
  { parts, later }: Moment,
  child: ChildProcess,
  hasWritten: (parts: number) => boolean,
): Promise<boolean> {
  const end = endOf(child);
  while (child.exitCode === null && parts > 0 && !hasWritten(parts)) await delay(1);
  await delay(later);
  child.kill("SIGKILL");
  const { exit, stderr } = await end;
  assert.ok(exit === "SIGKILL" || exit === 0, `${exit} ${stderr}`);
  return exit === "SIGKILL";
}

/** Does some work for each, so many at a time. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const shardArgs = (out: string, index: number, count: number) => [
  ...inUnits,
  ...["--out", out, "--shard", `${index}/${count}`],
];

/** Starts all shards, of which half are killed. @returns which of them were */
async function startAndKillHalf(out: string, random: Random, count: number): Promise<number[]> {
  const shards = Array.from({ length: count }, (_, index) => index);
  const chosen = new Map<number, Moment>();
  while (chosen.size < count / 2) {
    const shard = random.below(count);
    chosen.set(shard, chooseMoment(random, unitsOf(CUT, { index: shard, count }).length));
  }
  const killed: number[] = [];
  await forEach(shards, async (index) => {
    const child = program.start(shardArgs(out, index, count));
    const moment = chosen.get(index);
    if (!moment) return void (await done(child));
    const units = unitsOf(CUT, { index, count });
    const hasWritten = (parts: number) => existsSync(partOf(out, units[parts - 1]!.index));
    if (await killAt(moment, child, hasWritten)) killed.push(index);
  });
  // One or another may have ended before its moment on a busy machine.
  assert.ok(killed.length > 0);
  return killed;
}

/** What is in the folder of parts: when each file was written. */
const writtenIn = (out: string) =>
  new Map(
    readdirSync(join(out, "parts"))
      .filter((name) => name.startsWith("part-") && name.endsWith(".safetensors"))
      .map((name) => [name, statSync(join(out, "parts", name)).mtimeMs]),
  );

async function merge(out: string): Promise<void> {
  const { units } = await done(program.start(["merge", out, "--json", "--quiet"]));
  assert.is(units, UNITS);
  checkSame(out);
}

test("12 shards of which half are killed and started again", async () => {
  const out = workplace.newPath();
  const count = 12;
  const killed = await startAndKillHalf(out, createRandom(1), count);
  const before = writtenIn(out);
  const refused = await endOf(program.start(["merge", out, "--quiet"]));
  assert.is(refused.exit, 1);
  assert.match(refused.stderr, `${UNITS - before.size} of ${UNITS} units have no part yet`);
  let found = 0;
  await forEach(killed, async (index) => {
    const { units } = await done(program.start(shardArgs(out, index, count)));
    found += units.found;
  });
  const after = writtenIn(out);
  assert.is(after.size, UNITS);
  for (const [name, time] of before) assert.is(after.get(name), time, `${name} was written again`);
  const units = killed.flatMap((index) => unitsOf(CUT, { index, count }));
  assert.is(found, units.filter(({ index }) => before.has(partOf(".", index).split("/").at(-1)!)).length);
  await merge(out);
});

test("what is left is done by another number of shards, each by two processes at once", async () => {
  const out = workplace.newPath();
  await startAndKillHalf(out, createRandom(2), 8);
  const before = writtenIn(out);
  const processes = [0, 1, 2].flatMap((index) => [index, index]);
  await forEach(processes, async (index) => void (await done(program.start(shardArgs(out, index, 3)))));
  for (const [name, time] of before) assert.is(writtenIn(out).get(name), time, `${name} was written again`);
  await merge(out);
});

test("all shards at once, each by two processes of which one is killed", async () => {
  const out = workplace.newPath();
  const random = createRandom(3);
  const count = 4;
  const shards = Array.from({ length: count }, (_, index) => {
    const units = unitsOf(CUT, { index, count });
    return { index, units, moment: chooseMoment(random, units.length) };
  });
  await Promise.all(
    shards.map(async ({ index, units, moment }) => {
      const args = shardArgs(out, index, count);
      const hasWritten = (parts: number) => existsSync(partOf(out, units[parts - 1]!.index));
      await Promise.all([killAt(moment, program.start(args), hasWritten), done(program.start(args))]);
    }),
  );
  await merge(out);
  // What was half written by killed processes does not stay for ever.
  await done(program.start(["merge", out, "--delete-parts", "--json", "--quiet"]));
  assert.not(existsSync(join(out, "parts")));
  checkSame(out);
});

test("one process in many units, killed again and again, computes no unit twice", async () => {
  const out = workplace.newPath();
  const random = createRandom(4);
  const args = [...inUnits, "--plain", "--out", out];
  let seen = new Map<string, number>();
  let missed = 0;
  for (;;) {
    const target = seen.size + 20 + random.below(20);
    const child = program.start(args);
    if (target > UNITS / 2) {
      const { units } = await done(child);
      assert.equal([units.count, units.found], [UNITS, seen.size]);
      break;
    }
    const moment = { parts: target, later: random.below(8) };
    if (!(await killAt(moment, child, (parts) => existsSync(partOf(out, parts - 1))))) {
      // It has ended before its moment on a busy machine.
      assert.ok(++missed < 10, "it cannot be killed");
      checkSame(out);
      rmSync(out, { recursive: true });
      seen = new Map();
      continue;
    }
    const now = writtenIn(out);
    assert.ok(now.size >= target, `${now.size} parts, ${target} expected`);
    for (const [name, time] of seen) assert.is(now.get(name), time, `${name} was written again`);
    seen = now;
  }
  assert.ok(seen.size > 0);
  checkSame(out);
  assert.not(existsSync(join(out, "parts")), "the parts of a run that is done are removed");
});

test("a shard without a unit ends well, and so does one of a single unit", async () => {
  const out = workplace.newPath();
  const shards = UNITS * 2;
  for (const [index, units] of [
    [0, 0],
    [1, 1],
  ] as const) {
    assert.is(unitsOf(CUT, { index, count: shards }).length, units);
    const args = shardArgs(out, index, shards).filter((arg) => arg !== "--json");
    const { exit, stdout, stderr } = await endOf(program.start(args));
    assert.is(exit, 0, stderr);
    assert.not.match(stdout, "NaN");
    assert.match(stdout, `shard ${index} of ${shards} done: ${units} of ${UNITS}`);
    assert.match(stdout, units === 1 ? "parts of 1 unit;" : "parts of 0 units;");
  }
  const report = await done(program.start(shardArgs(out, 0, shards)));
  assert.equal([report.units.count, report.samplesPerSecond], [0, null]);
});

test.run();
