// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jacobianStride } from "../../../src/backend/wasm/gauss-newton-memory.ts";
import { type PackedDecoder, packDecoder } from "../../../src/backend/wasm/packed.ts";
import {
  forgetPreconditioner,
  makeJacobian,
  preconditionerOf,
} from "../../../src/backend/wasm/preconditioner.ts";
import { makeLowRank } from "../../../src/backend/wasm/randomised-low-rank.ts";
import type { Run } from "../../../src/backend/wasm/team.ts";
import { createDecoder, squaredError } from "../../../src/index.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import type { Control } from "../../../src/solver/base.ts";
import { makeControl } from "../../../src/solver/control.ts";

// How a decoder's own Jacobian is made by several threads, and what that leaves in memory.

const [D, N] = [61, 13];
const asked = { loss: squaredError(), prior: undefined };
const control = makeControl(undefined);

/** A decoder packed anew: the rows of Jacobians that its kernels make, by the thread, and how much of its memory is taken. */
async function newPacked() {
  const own = await packDecoder(
    createDecoder({ layers: [D, 5, N], seed: 3 }),
    await compileKernels(undefined),
  );
  const counts: number[] = [];
  /** Calls kernels later, as a worker does, and fails at the `lastRow`-th row of all. */
  const thread = (index: number, lastRow = Infinity, failure?: Error): Run => {
    counts[index] = 0;
    return async (name, ...args) => {
      if (name === "objectiveJacobian") {
        await new Promise((resolve) => setTimeout(resolve));
        counts[index]! += args[6] as number;
        if (sum() >= lastRow) throw failure;
      }
      return own.run(name, ...args);
    };
  };
  const sum = () => counts.reduce((all, count) => all + count, 0);
  const packed: PackedDecoder = { ...own, run: thread(0) };
  const taken = () => {
    const { gaps } = packed.arena as unknown as { gaps: { size: number }[] };
    return packed.arena.byteLength - gaps.reduce((all, { size }) => all + size, 0);
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
  return { packed, thread, counts, sum, taken, rows };
}

const expected = await (await newPacked()).rows();

test("several threads make each row once, with the bits of one thread, and it is made once", async () => {
  for (const threads of [1, 2, 3, 100]) {
    const { packed, thread, counts, sum, taken, rows } = await newPacked();
    const before = taken();
    await makeJacobian(
      packed,
      control,
      Array.from({ length: threads }, (_, i) => thread(i + 1)),
    );
    assert.is(sum(), D);
    assert.ok(threads > 3 || counts.slice(1).every((count) => count > 0), `${counts}`);
    assert.equal(await rows(), expected);
    const others = [thread(101), thread(102)];
    assert.ok(await makeJacobian(packed, control, others));
    assert.is(sum(), D, "it is there");
    forgetPreconditioner(packed);
    assert.is(taken(), before);
    assert.equal(await rows(), expected, "after an update it is made anew");
    assert.is(sum(), 2 * D);
  }
});

test("a thread that fails rejects that call, keeps nothing, and those who wait make it themselves", async () => {
  const { packed, thread, taken, rows } = await newPacked();
  const before = taken();
  const died = new Error("died");
  const fails = makeJacobian(packed, control, [thread(1), thread(2, 20, died), thread(3)]);
  const others = [makeJacobian(packed, control, [thread(4), thread(5)]), rows()] as const;
  await fails.then(
    () => assert.unreachable(),
    (reason) => assert.is(reason, died),
  );
  assert.ok(await others[0]);
  assert.equal(await others[1], expected);
  forgetPreconditioner(packed);
  assert.is(taken(), before);
});

test("an abort ends the making at its next pass and keeps nothing; those who wait make it themselves", async () => {
  const { packed, thread, sum, taken, rows } = await newPacked();
  const before = taken();
  const stopping: Control = { aborted: () => sum() > 0, pause: async () => {} };
  assert.is(await makeJacobian(packed, stopping, [thread(1)]), undefined);
  assert.ok(sum() < D, `${sum()} rows`);
  assert.is(taken(), before);
  const again = new AbortController();
  const first = makeJacobian(packed, makeControl(again.signal), [thread(3)]);
  const others = [makeJacobian(packed, control, [thread(4)]), makeJacobian(packed, control, [thread(5)])];
  again.abort();
  assert.is(await first, undefined);
  for (const other of others) assert.ok(await other);
  assert.equal(await rows(), expected);
});

test("what cannot be made takes no memory, rejects all who wait for it, and is made by the next who wants it", async () => {
  const { packed, thread, taken, rows } = await newPacked();
  const before = taken();
  const failing = { ...packed, run: thread(0, 0, new Error("no Jacobian today")) };
  const calls = [makeJacobian(failing), preconditionerOf(failing, asked, makeLowRank)];
  for (const { status } of await Promise.allSettled(calls)) assert.is(status, "rejected");
  assert.is(taken(), before);
  assert.equal(await rows(), expected);
});

test.run();
