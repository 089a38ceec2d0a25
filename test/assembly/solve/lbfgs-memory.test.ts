// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jacobianStride, panelBytes } from "../../../src/backend/wasm/gauss-newton-memory.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { forgetPreconditioner, preconditionerOf } from "../../../src/backend/wasm/preconditioner.ts";
import { makeLowRank } from "../../../src/backend/wasm/randomised-low-rank.ts";
import { runHere } from "../../../src/backend/wasm/team.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  encode,
  gaussian,
  lbfgs,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { packedSize } from "../../../src/kernels/layout.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { randomArray } from "../../support/random.ts";

// What lbfgs takes of a decoder's memory, and what it keeps of it.

const solver = lbfgs();
const outputs = 40;

function newDecoder(seed: number) {
  return createDecoder({ layers: [6, 30, outputs], seed, outputActivation: "sigmoid" });
}

/** The bytes that every block has behind its last piece, so that a vector read across its end stays inside. */
const TAIL = 64;

/** Returns a decoder's arena, and a function that tells how much of it is taken. */
async function memoryOf(decoder: Decoder) {
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const { arena } = packed;
  const taken = () => {
    const gaps = (arena as unknown as { gaps: { size: number }[] }).gaps;
    return arena.byteLength - gaps.reduce((sum, { size }) => sum + size, 0);
  };
  return { packed, arena, taken };
}

test("calls at the same time share one Jacobian and one set of factors for each loss", async () => {
  const decoder = newDecoder(1);
  const { packed, taken } = await memoryOf(decoder);
  let made = 0;
  let factored = 0;
  const { objectiveJacobian, sharedFactorInto } = packed.kernels;
  const kernels = {
    ...packed.kernels,
    objectiveJacobian: (...args: Parameters<typeof objectiveJacobian>) => {
      made++;
      objectiveJacobian(...args);
    },
    sharedFactorInto: (...args: Parameters<typeof sharedFactorInto>) => {
      factored++;
      return sharedFactorInto(...args);
    },
  };
  Object.assign(packed, { kernels, run: runHere(kernels) });
  const y = randomArray(2, 9 * outputs, 0, 1);
  const before = taken();
  const losses = [squaredError(), binaryCrossEntropy(), squaredError({ reduction: "sum" })];
  const results = await Promise.all(
    [...losses, ...losses].map((loss) => encode(decoder, y, { loss, solver, backend: wasm({ threads: 1 }) })),
  );
  assert.equal([made, factored], [1, 12]);
  for (const i of losses.keys()) assert.equal(results[i]!.z, results[i + 3]!.z);
  // What is kept: the Jacobian, also as panels, in one block, and for each loss a matrix and six factors.
  const line = (bytes: number) => Math.ceil(bytes / 64) * 64;
  const ofJacobian = line(6 * jacobianStride(packed)) + line(panelBytes(packed)) + TAIL;
  const kept = ofJacobian + 2 * (line(6 * 8 * packedSize(6)) + line(4 * packedSize(6)) + TAIL);
  assert.is(taken() - before, kept);
  const asked = { loss: squaredError(), prior: undefined };
  const [one, other] = await Promise.all([
    preconditionerOf(packed, asked, makeLowRank),
    preconditionerOf(packed, asked, makeLowRank),
  ]);
  assert.is(one.preconditioner, other.preconditioner);
  forgetPreconditioner(packed);
  assert.is(taken(), before);
});

test("calls free all they take but what is kept with the decoder, and do not grow it", async () => {
  const custom = customLoss({
    value: (o, y) => (o - y) ** 2,
    gradient: (o, y) => 2 * (o - y),
    curvature: () => 2,
  });
  const y = randomArray(2, 9 * outputs, 0, 1);
  for (const options of [
    { loss: squaredError() },
    { loss: squaredError(), weights: randomArray(3, outputs, 0, 1) },
    { loss: binaryCrossEntropy(), saveAt: "steps" as const },
    { loss: custom },
    { loss: customLoss({ value: custom.value, gradient: custom.gradient }) },
  ]) {
    const decoder = newDecoder(2);
    const { arena, taken } = await memoryOf(decoder);
    await encode(decoder, y, { ...options, solver });
    const [bytes, used] = [arena.byteLength, taken()];
    for (let i = 0; i < 60; i++) await encode(decoder, y, { ...options, solver: lbfgs({ maxSteps: i % 7 }) });
    assert.equal([arena.byteLength, taken()], [bytes, used], options.loss.name);
  }
});

test("of any number of priors the factors of a few are kept, and a prior like another takes nothing", async () => {
  const decoder = newDecoder(5);
  const y = randomArray(2, 9 * outputs, 0, 1);
  const { taken } = await memoryOf(decoder);
  const calls = async (count: number, scale: number) => {
    for (let i = 0; i < count; i++) {
      await encode(decoder, y, { loss: squaredError(), solver, prior: gaussian({ std: 1 + scale * i }) });
    }
    return taken();
  };
  const before = await calls(1, 0);
  assert.is(await calls(5, 0), before);
  const full = await calls(30, 0.1);
  assert.is(await calls(30, 0.2), full);
  const factors = 5 * 8 * packedSize(6) + 4 * packedSize(6);
  assert.ok(full - before < 4 * (factors + 3 * 64 + TAIL));
  // At the same time all are needed, and let go of afterwards.
  await Promise.all(Array.from({ length: 9 }, (_, i) => calls(1, 0).then(() => calls(2, i))));
  assert.is(taken(), full);
});

test("an aborted call, a failing one and one without a matrix leave nothing behind", async () => {
  const decoder = newDecoder(3);
  const y = randomArray(2, 200 * outputs, 0, 1);
  const { taken } = await memoryOf(decoder);
  await encode(decoder, y, { loss: squaredError(), solver });
  const used = taken();
  for (let i = 0; i < 10; i++) {
    const controller = new AbortController();
    const call = encode(decoder, y, {
      loss: squaredError(),
      solver,
      batchSize: 4,
      signal: controller.signal,
      onProgress() {
        if (i % 2) throw new Error("from onProgress");
        controller.abort();
      },
    });
    assert.ok(
      await call.then(
        () => false,
        () => true,
      ),
      "it has rejected",
    );
  }
  assert.is(taken(), used);

  const flat = newDecoder(4);
  flat.parameters.fill(0);
  const memory = await memoryOf(flat);
  const before = memory.taken();
  await encode(flat, y, { loss: squaredError(), solver });
  // The Jacobian, which is 0, and its panels are kept; no factors are.
  const kept = [6 * jacobianStride(memory.packed), panelBytes(memory.packed)];
  assert.is(
    memory.taken() - before,
    kept.reduce((sum, bytes) => sum + Math.ceil(bytes / 64) * 64, TAIL),
  );
});

test.run();
