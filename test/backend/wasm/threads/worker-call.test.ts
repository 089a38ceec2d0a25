// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allSamples } from "../../../../src/backend/feed.ts";
import { computeJacobianRows, type OnJacobianRows } from "../../../../src/backend/wasm/jacobian-rows.ts";
import { type PackedDecoder, packDecoder } from "../../../../src/backend/wasm/packed.ts";
import {
  buffersOf,
  type CallData,
  type CallDescription,
  type FromWorker,
  type SolveDescription,
} from "../../../../src/backend/wasm/threads/messages.ts";
import { WorkerCall } from "../../../../src/backend/wasm/threads/worker-call.ts";
import { LatentflowError } from "../../../../src/base/errors.ts";
import { concat, dense, graph, tanh } from "../../../../src/graph/index.ts";
import { amd, createDecoder, type Decoder, decode, squaredError } from "../../../../src/index.ts";
import { compileKernels } from "../../../../src/kernels/load.ts";
import { makeControl } from "../../../../src/solver/control.ts";
import { gradientFlow } from "../../../../src/solver/flow.ts";
import { until } from "../../../support/patience.ts";
import { randomArray } from "../../../support/random.ts";

// A worker's part of a call, by what it hears and says, in this thread.

const SAMPLES = 4;
const SIZE = 6;
const decoder = createDecoder({ layers: [2, 7, SIZE], seed: 3 });
const { packed: thread } = await packedAnew(decoder);
/** Goes on for minutes, by small steps, but where the gradient is 0. */
const endless = amd({ stepInit: 1e-4, stepMax: 1e-4, tolerance: 1e-12, t1: 1e9, maxSteps: 1e8 });

const solving: SolveDescription = {
  kind: "solve",
  pair: { solver: endless, flow: gradientFlow() },
  problem: { loss: squaredError(), prior: undefined, sampleCount: SAMPLES, batchSize: undefined },
  saveAt: undefined,
  sharedWeights: undefined,
  hasOwnWeights: false,
};

/** Samples 0, 1, …, of which those in `atRest` start where they are decoded to their targets. */
async function samplesFor(atRest: readonly number[]) {
  const z = randomArray(2, SAMPLES * 2, -1, 1);
  const targets = new Float32Array(randomArray(1, SAMPLES * SIZE, 3, 4));
  const decoded = await decode(decoder, z);
  for (const i of atRest) targets.set(decoded.subarray(i * SIZE, (i + 1) * SIZE), i * SIZE);
  return { targets, weights: undefined, fixed: [], z0: Float64Array.from(z) };
}

/** More latents than go through a decoder at once. */
const LATENTS = 61;
const wide = await packedAnew(createDecoder({ layers: [LATENTS, 7, SIZE], seed: 4 }));

/** Of a decoder packed anew, how much of its memory is taken, and how much it has at all. */
async function packedAnew(of: Decoder) {
  const packed = await packDecoder(of, await compileKernels(undefined));
  const { arena } = packed;
  const { gaps } = arena as unknown as { gaps: { size: number }[] };
  const taken = () => arena.byteLength - gaps.reduce((sum, { size }) => sum + size, 0);
  return { packed, taken, held: () => arena.byteLength };
}

const all = Array.from({ length: SAMPLES }, (_, sample) => sample);

/** A call, and what it says. */
function open(on: PackedDecoder = thread, description: CallDescription = solving) {
  const said: FromWorker[] = [];
  const call = new WorkerCall(5, on, description, (message) => void said.push(message));
  const hears = (type: FromWorker["type"]) =>
    until(() => said.some((message) => message.type === type), `it does not say ${type}`);
  const samplesIn = () =>
    said.map((message) =>
      message.type === "results" ? message.results.flatMap(({ samples }) => samples) : message.type,
    );
  return { call, said, hears, samplesIn };
}

test("what was made for a message goes with it, whatever the kind of its call", () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((size) => new Float32Array(size));
  const z0 = new Float64Array(5);
  const sent = (data: CallData) => buffersOf({ type: "samples", call: 5, samples: [0], data });
  const solve: CallData<"solve"> = { targets: a!, weights: b!, fixed: [c!, d!], z0 };
  const sizesOf = (buffers: readonly ArrayBuffer[]) => buffers.map(({ byteLength }) => byteLength).sort();
  assert.equal(sizesOf(sent(solve)), [12, 16, 4, 40, 8]);
  assert.equal(sizesOf(sent({ ...solve, weights: undefined, fixed: [] })), [4, 40]);
  assert.equal(sizesOf(sent({ z: a!, fixed: [b!] })), [4, 8]);
  assert.equal(sent(undefined), []);
  assert.equal(sizesOf(buffersOf({ type: "jacobian", decoder: 1, rows: d! })), [16]);
});

test("a call that is stopped sends what it has of each sample, the first too, and then says so", async () => {
  const { call, hears, samplesIn } = open();
  call.add(all, await samplesFor([]));
  call.stop();
  await hears("stopped");
  assert.equal(samplesIn(), [all, "stopped"]);
});

test("one that has nothing to do says at once that it has stopped", () => {
  const { call, said } = open();
  call.stop();
  assert.equal(said, [{ type: "stopped", call: 5 }]);
});

test("results leave while other samples go on", async () => {
  const { call, hears, samplesIn } = open();
  call.add(all, await samplesFor([0, 2]));
  await hears("results");
  assert.equal(samplesIn(), [[0, 2]]);
  call.stop();
  await hears("stopped");
  assert.equal(samplesIn(), [[0, 2], [1, 3], "stopped"]);
});

test("what goes wrong is told with its code, and the call can be stopped", async () => {
  for (const [error, code] of [
    [new LatentflowError("unsupported", "no memory"), "unsupported"],
    [new Error("no memory"), undefined],
  ] as const) {
    const solverRun = () => {
      throw error;
    };
    const broken: PackedDecoder = { ...thread, kernels: { ...thread.kernels, solverRun } };
    const { call, said, hears } = open(broken);
    call.add(all, await samplesFor([]));
    await hears("failed");
    call.stop();
    assert.equal(said, [
      { type: "failed", call: 5, code, message: "no memory" },
      { type: "stopped", call: 5 },
    ]);
  }
});

test("decoded samples leave pass by pass, and none after a stop", async () => {
  const { call, said, hears, samplesIn } = open({ ...thread, rows: 3 }, { kind: "decode", toLogits: false });
  const z = Float32Array.from(randomArray(3, SAMPLES * 2, -1, 1));
  call.add(all, { z, fixed: [] });
  await until(() => samplesIn().length >= 2, "it does not send two passes");
  assert.equal(samplesIn(), [[0, 1, 2], [3]]);
  const sent = said.flatMap((message) => (message.type === "results" ? message.results : []));
  const values = sent.flatMap(({ values }) => [...(values as Float32Array)]);
  assert.equal(values, [...(await decode(decoder, z))]);
  call.add(all, { z, fixed: [] });
  call.stop();
  await hears("stopped");
  assert.equal(samplesIn().slice(2), ["stopped"]);
});

test("each pass is decoded with what was given with its own samples", async () => {
  const conditional = createDecoder(
    graph(({ latent, fixed }) => dense(SIZE)(tanh()(dense(9)(concat()(latent(2), fixed("label", 3)))))),
    { seed: 6 },
  );
  const { packed } = await packedAnew(conditional);
  const { call, said, samplesIn } = open({ ...packed, rows: 3 }, { kind: "decode", toLogits: false });
  const z = Float32Array.from(randomArray(3, SAMPLES * 2, -1, 1));
  const label = Float32Array.from(randomArray(8, SAMPLES * 3, -1, 1));
  call.add(all, { z, fixed: [label] });
  await until(() => samplesIn().flat().length >= SAMPLES, "it does not send all samples");
  const sent = said.flatMap((message) => (message.type === "results" ? message.results : []));
  const values = sent.flatMap(({ values }) => [...(values as Float32Array)]);
  assert.equal(values, [...(await decode(conditional, z, { fixed: { label } }))]);
});

test("rows of the decoder's own Jacobian leave with the bits that they have here", async () => {
  const here = new Float32Array(LATENTS * SIZE);
  const onRows: OnJacobianRows = ({ first }, values) => {
    here.set(values, first * SIZE);
  };
  await computeJacobianRows(wide.packed, makeControl(undefined), allSamples(LATENTS), onRows);
  const { call, said, samplesIn } = open(wide.packed, { kind: "jacobian" });
  const asked = [[3, 4, 5], [0], Array.from({ length: LATENTS - 6 }, (_, i) => 6 + i)];
  for (const rows of asked) call.add(rows, undefined);
  await until(() => samplesIn().flat().length >= asked.flat().length, "it does not send all rows");
  assert.equal(samplesIn().flat(), asked.flat());
  assert.ok(samplesIn().length > asked.length, "more rows than a pass takes");
  for (const message of said) {
    assert.is(message.type, "results");
    for (const { samples, values } of message.type === "results" ? message.results : []) {
      const [first] = samples as [number];
      assert.equal(values, here.slice(first * SIZE, (first + samples.length) * SIZE));
    }
  }
});

test("rows take memory for those that are computed at once, not for the whole Jacobian", async () => {
  const [d, n] = [400, 3000];
  const large = await packedAnew(createDecoder({ layers: [d, 3, n], seed: 4 }));
  const before = large.held();
  const { call, samplesIn } = open(large.packed, { kind: "jacobian" });
  call.add([d - 2, d - 1], undefined);
  await until(() => samplesIn().length > 0, "it does not send rows");
  assert.ok(large.held() - before < 4 * d * n, `${large.held() - before} bytes`);
});

test("after a stop no more rows leave, and what they took of the decoder's memory is free", async () => {
  const before = wide.taken();
  const { call, hears, samplesIn } = open(wide.packed, { kind: "jacobian" });
  call.add(
    Array.from({ length: LATENTS }, (_, row) => row),
    undefined,
  );
  const [begun] = samplesIn();
  assert.ok(begun!.length < LATENTS, "a pass takes a part of them");
  call.stop();
  await hears("stopped");
  assert.equal(samplesIn(), [begun, "stopped"]);
  assert.is(wide.taken(), before);
});

test.run();
