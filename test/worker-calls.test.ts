import { test } from "uvu";
import * as assert from "uvu/assert";
import { type WasmEngine, wasmEngine } from "../src/backend/wasm/engine.ts";
import { compileKernels } from "../src/backend/wasm/load.ts";
import { packDecoder } from "../src/backend/wasm/packed.ts";
import type { CallDescription, FromWorker, SolveDescription } from "../src/backend/wasm/threads/messages.ts";
import { WorkerCall } from "../src/backend/wasm/threads/worker-call.ts";
import { LatentflowError } from "../src/errors.ts";
import { gradientFlow } from "../src/flow.ts";
import { amd, createDecoder, type Decoder, decode, squaredError } from "../src/index.ts";
import { type Makers, serialize } from "../src/serialize.ts";
import { randomArray } from "./support/random.ts";

// A worker's part of a call, by what it hears and says, in this thread.

const SAMPLES = 4;
const SIZE = 6;
const decoder = createDecoder({ layers: [2, 7, SIZE], seed: 3 });
const { engine: thread } = await engineOf(decoder);
/** Goes on for minutes, by small steps, but where the gradient is 0. */
const endless = amd({ stepInit: 1e-4, stepMax: 1e-4, tolerance: 1e-12, t1: 1e9, maxSteps: 1e8 });

const solving: SolveDescription = {
  kind: "solve",
  ...{ solver: serialize(endless)!, flow: serialize(gradientFlow())!, loss: squaredError() },
  ...{ saveAt: undefined, prior: undefined, sampleCount: SAMPLES, batchSize: undefined },
  ...{ sharedWeights: undefined, hasOwnWeights: false, isFused: true },
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
const wide = await engineOf(createDecoder({ layers: [LATENTS, 7, SIZE], seed: 4 }));

async function engineOf(of: Decoder) {
  const packed = await packDecoder(of, await compileKernels(undefined));
  return { engine: wasmEngine(packed) };
}

const all = Array.from({ length: SAMPLES }, (_, sample) => sample);

/** A call, and what it says. */
function open(on: WasmEngine = thread, description: CallDescription = solving) {
  const said: FromWorker[] = [];
  const makers = { amd, gradientFlow } as Partial<Makers> as Makers;
  const call = new WorkerCall(5, on, decoder, description, makers, (message) => void said.push(message));
  const hears = async (type: FromWorker["type"]) => {
    const deadline = Date.now() + 30_000;
    while (!said.some((message) => message.type === type)) {
      assert.ok(Date.now() < deadline, `it does not say ${type}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const samplesIn = () =>
    said.map((message) =>
      message.type === "results" ? message.results.flatMap(({ samples }) => samples) : message.type,
    );
  return { call, said, hears, samplesIn };
}

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
    const broken: WasmEngine = { ...thread, fused: () => Promise.reject(error) };
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
  while (samplesIn().length < 2) await new Promise((resolve) => setTimeout(resolve));
  assert.equal(samplesIn(), [[0, 1, 2], [3]]);
  const sent = said.flatMap((message) => (message.type === "results" ? message.results : []));
  const values = sent.flatMap(({ values }) => [...(values as Float32Array)]);
  assert.equal(values, [...(await decode(decoder, z))]);
  call.add(all, { z, fixed: [] });
  call.stop();
  await hears("stopped");
  assert.equal(samplesIn().slice(2), ["stopped"]);
});

test("rows of the decoder's own Jacobian leave with the bits that they have here", async () => {
  const here = wide.engine.jacobianRows();
  await here.compute(here.missing());
  const { call, said, samplesIn } = open(wide.engine, { kind: "jacobian" });
  const asked = [[3, 4, 5], [0], Array.from({ length: LATENTS - 6 }, (_, i) => 6 + i)];
  for (const rows of asked) call.add(rows, undefined);
  while (samplesIn().flat().length < asked.flat().length) await new Promise((resolve) => setTimeout(resolve));
  assert.equal(samplesIn().flat(), asked.flat());
  assert.ok(samplesIn().length > asked.length, "more rows than a pass takes");
  for (const message of said) {
    assert.is(message.type, "results");
    for (const { samples, values } of message.type === "results" ? message.results : []) {
      assert.equal(values, here.read({ first: samples[0]!, count: samples.length }));
    }
  }
  here.free();
});

test.run();
