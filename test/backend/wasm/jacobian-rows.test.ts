// run: both
// Tests src/backend/wasm/curvature.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam } from "../../../src/backend/optimizer.ts";
import { jacobianStride } from "../../../src/backend/wasm/gauss-newton-memory.ts";
import type { JacobianRows } from "../../../src/backend/wasm/jacobian-rows.ts";
import { makeLowRank } from "../../../src/backend/wasm/low-rank.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import {
  adoptJacobian,
  forgetPreconditioner,
  makeJacobian,
  preconditionerOf,
  readJacobian,
} from "../../../src/backend/wasm/preconditioner.ts";
import type { DecoderHandle } from "../../../src/backend/wasm/threads/decoder-handle.ts";
import { HeldDecoders } from "../../../src/backend/wasm/threads/held-decoders.ts";
import { jacobianJob } from "../../../src/backend/wasm/threads/jobs.ts";
import { LatentflowError } from "../../../src/base/errors.ts";
import { createDecoder, squaredError } from "../../../src/index.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import type { Control } from "../../../src/solver/base.ts";
import { makeControl } from "../../../src/solver/control.ts";

// How a decoder's own Jacobian is made with the help of others, or taken over from them, and what that leaves in memory.

const [D, N] = [61, 13];
const asked = { loss: squaredError(), prior: undefined };

/** A decoder packed anew: how many rows of Jacobians its kernels make, and how much of its memory is taken. */
async function newPacked() {
  const packed = await packDecoder(
    createDecoder({ layers: [D, 5, N], seed: 3 }),
    await compileKernels(undefined),
  );
  const counts = { rows: 0, fails: false };
  const { objectiveJacobian } = packed.kernels;
  const counting = (...args: Parameters<typeof objectiveJacobian>) => {
    if (counts.fails) throw new Error("no Jacobian today");
    counts.rows += args[6];
    objectiveJacobian(...args);
  };
  Object.assign(packed, { kernels: { ...packed.kernels, objectiveJacobian: counting } });
  const taken = () => {
    const { gaps } = packed.arena as unknown as { gaps: { size: number }[] };
    return packed.arena.byteLength - gaps.reduce((sum, { size }) => sum + size, 0);
  };
  const rows = async () => {
    const { preconditioner, free } = await preconditionerOf(packed, asked, makeLowRank);
    const { jacobian } = preconditioner!;
    const all = Array.from({ length: D }, (_, k) => [
      ...packed.arena.f32(jacobian + k * jacobianStride(packed), N),
    ]);
    free();
    return all;
  };
  return { packed, counts, taken, rows };
}

const control = makeControl(undefined);

/** Such a row no decoder has: so that it can be told who made it. */
const marked = (k: number) => new Float32Array(N).fill(1000 + k);
const expected = await (await newPacked()).rows();
const isGiven = (k: number) => k > 0 && k < D - 1 && k % 7 > 0;
const withGiven = expected.map((row, k) => (isGiven(k) ? [...marked(k)] : row));
const given = withGiven.filter((_, k) => isGiven(k)).length;
const help = async (rows: JacobianRows) => {
  for (let k = D - 1; k >= 0; k--) if (isGiven(k)) rows.write(k, marked(k));
};

test("rows that others have made are taken as they are, and those that are missing are computed, each once", async () => {
  const { packed, counts, taken, rows } = await newPacked();
  const before = taken();
  assert.is(readJacobian(packed), undefined);
  await makeJacobian(packed, control, help);
  assert.equal([...readJacobian(packed)!], withGiven.flat());
  assert.is(counts.rows, D - given);
  assert.equal(await rows(), withGiven);
  assert.is(counts.rows, D - given, "the preconditioner is made of it");
  await makeJacobian(packed, control, async () => assert.unreachable("it is there"));
  forgetPreconditioner(packed);
  assert.is(readJacobian(packed), undefined);
  assert.is(taken(), before);
  assert.equal(await rows(), expected, "after an update it is made anew");
});

test("workers that are lost, or have no room for them, leave their rows to this thread", async () => {
  for (const code of ["worker_failed", "out_of_memory"] as const) {
    const { packed, counts, rows } = await newPacked();
    await makeJacobian(packed, control, async (of) => {
      await help(of);
      throw new LatentflowError(code, "4 workers have died");
    });
    assert.equal([...readJacobian(packed)!], withGiven.flat());
    assert.is(counts.rows, D - given);
    assert.equal(await rows(), withGiven);
  }
});

const failures: readonly [string, Error][] = [
  ["an error of the call's own", new Error("from onProgress")],
  ["an argument that is taken away", new LatentflowError("invalid_argument", "y was detached")],
];
for (const [what, error] of failures) {
  test(`${what} rejects that call, keeps nothing, and those who wait make it themselves`, async () => {
    const { packed, counts, taken, rows } = await newPacked();
    const before = taken();
    const fails = makeJacobian(packed, control, async (of) => {
      await help(of);
      throw error;
    });
    const others = [makeJacobian(packed, control, help), rows()];
    await fails.then(
      () => assert.unreachable(),
      (reason) => assert.is(reason, error),
    );
    const [, waited] = await Promise.all(others);
    assert.equal(waited, withGiven);
    assert.is(counts.rows, D - given, "once");
    forgetPreconditioner(packed);
    assert.is(taken(), before);
  });
}

test("an abort ends the making at its next pass and keeps nothing; those who wait make it themselves", async () => {
  const duringHelp = async (of: JacobianRows, stop: () => void) => {
    await help(of);
    stop();
  };
  const afterIt = async (_: JacobianRows, stop: () => void) => void setImmediate(stop);
  for (const [helpAndStop, most] of [
    [duringHelp, 0],
    [afterIt, D - 1],
  ] as const) {
    const { packed, counts, taken, rows } = await newPacked();
    const before = taken();
    const controller = new AbortController();
    const { signal } = controller;
    // Each pass is a turn.
    const slow: Control = {
      aborted: () => signal.aborted,
      pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
    };
    const aborted = makeJacobian(packed, slow, (of) => helpAndStop(of, () => controller.abort()));
    assert.is(await aborted, undefined);
    assert.ok(counts.rows <= most, `${counts.rows} rows`);
    assert.is(taken(), before);
    assert.is(readJacobian(packed), undefined);

    const computed = counts.rows;
    const again = new AbortController();
    const first = makeJacobian(packed, makeControl(again.signal), async () => again.abort());
    const others = [makeJacobian(packed, control, help), makeJacobian(packed, control, help)];
    assert.is(await first, undefined);
    for (const other of others) assert.ok(await other);
    assert.is(counts.rows, computed + D - given, "once");
    assert.equal(await rows(), withGiven);
  }
});

test("what cannot be made takes no memory, rejects all who wait for it, and is made by the next who wants it", async () => {
  const { packed, counts, taken, rows } = await newPacked();
  const before = taken();
  counts.fails = true;
  const calls = [makeJacobian(packed, control, help), preconditionerOf(packed, asked, makeLowRank)];
  for (const { status } of await Promise.allSettled(calls)) assert.is(status, "rejected");
  assert.is(taken(), before);
  assert.is(readJacobian(packed), undefined);
  counts.fails = false;
  await makeJacobian(packed, control, help);
  assert.equal([...readJacobian(packed)!], withGiven.flat());
  assert.equal(await rows(), withGiven);
});

test("one that is taken over is used as it is, but does not take the place of one that is there", async () => {
  const { packed, counts, taken, rows } = await newPacked();
  const before = taken();
  await adoptJacobian(packed, Float32Array.from(withGiven.flat()));
  const used = taken();
  await adoptJacobian(packed, Float32Array.from(expected.flat()));
  assert.is(taken(), used);
  assert.equal(await rows(), withGiven);
  assert.is(counts.rows, 0);
  forgetPreconditioner(packed);
  assert.is(taken(), before);
});

const handle = () => ({
  number: 7,
  decoder: createDecoder({ layers: [2, 3] }),
  whyAlone: undefined,
  training: undefined,
  recentWork: { milliseconds: 0, at: 0 },
});

test("of a worker's results those that are not to be taken are left out", () => {
  const written: [number, number[]][] = [];
  const rows = { write: (row: number, values: Float32Array) => void written.push([row, [...values]]) };
  const job = jacobianJob(handle(), rows as unknown as JacobianRows);
  const ended: number[] = [];
  job.watch((row) => void ended.push(row));
  job.place([-1, 1], Float32Array.of(1, 2, 3, 4, 5, 6));
  assert.equal(written, [[1, [4, 5, 6]]]);
  assert.equal(ended, [1]);
});

test("a worker is told the Jacobian with the decoder, once, when it is there, and again after each step", () => {
  const told: string[] = [];
  const held = new HeldDecoders(
    ({ type }) => void told.push(type),
    () => Number.POSITIVE_INFINITY,
    () => false,
  );
  const of: DecoderHandle = handle();
  const rows = () => new Float32Array(6);
  const since = () => told.splice(0).join(" ");
  held.bring(of, () => undefined);
  assert.is(since(), "decoder");
  held.bring(of);
  assert.is(since(), "", "a call that does without");
  held.bring(of, rows);
  assert.is(since(), "jacobian");
  held.bring(of, rows);
  assert.is(since(), "", "it has it");
  held.forget(of.number);
  held.bring(of, rows);
  assert.is(since(), "forget decoder jacobian");
  of.training = { steps: 3, catchUp: () => [{ kind: "begin", optimizer: adam() }] };
  held.bring(of, rows);
  assert.is(since(), "train jacobian", "it has missed three steps");
  held.step(of, () => ({ kind: "call", method: "takeParameterSums", args: [] }));
  of.training.steps++;
  held.bring(of, rows);
  assert.is(since(), "train jacobian");
});

test.run();
