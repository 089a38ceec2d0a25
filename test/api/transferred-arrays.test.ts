// Tests attached of src/base/realms.ts, problemOf of src/train/samples.ts.
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../src/backend/backend.ts";
import { LatentflowError } from "../../src/base/errors.ts";
import { toNpy } from "../../src/files/npy.ts";
import { concat, dense, graph } from "../../src/graph/index.ts";
import {
  createDecoder,
  decode,
  type EncodeOptions,
  encode,
  encodeStream,
  euler,
  gaussian,
  lbfgs,
  linearGrid,
  loadDecoder,
  makeProbe,
  sampleCodes,
  wasm,
} from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import {
  createDataset,
  encodeWith,
  evaluate,
  meanCode,
  readDataset,
  train,
  trainAutoencoder,
} from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";

// An array that its caller transfers while a call runs: the result is that of the array as it was, or the error names it.

const backend = wasm({ relaxed: false, threads: 1 });
/** More samples than are read from a data set at once. */
const B = 1100;
const conditional = createDecoder(
  graph(({ latent, fixed }) => dense(3)(concat()(latent(2), fixed("label", 2)))),
  { loss: "mse", seed: 1 },
);
const plain = createDecoder({ layers: [2, 5, 3], loss: "mse", seed: 1 });
const encoder = createDecoder({ layers: [3, 2], seed: 1 });
const solver = lbfgs({ maxSteps: 2 });

type Arrays = Readonly<Record<string, Float32Array | Uint8Array>>;

/** A call with arrays, by the names that errors have for them, and those of them that it copies before it returns. */
interface Case<Given extends Arrays = Arrays> {
  readonly make: () => Given | Promise<Given>;
  readonly call: (given: Given) => Promise<unknown>;
  readonly copies?: readonly (keyof Given)[];
}

function of<Given extends Arrays>(
  make: Case<Given>["make"],
  call: Case<Given>["call"],
  ...copies: readonly (keyof Given & string)[]
): Case {
  return { make, call, copies } as unknown as Case;
}

const floats = (rows: number, size: number) => randomArray(rows + size, rows * size, 0.1, 0.9);

/** Data, weights of which some are 0, and a fixed input; the latter two one row for all samples, or one for each. */
const given = (count: number, rows = count) => ({
  y: floats(count, 3),
  weights: Float32Array.from({ length: 3 * rows }, (_, i) => i % 3),
  "fixed.label": floats(rows, 2),
});

const encoded = (rows: number, options: EncodeOptions) =>
  of(
    () => ({ ...given(60, rows), z0: floats(60, 2), saveAt: Float32Array.of(0, 0.5) }),
    ({ y, weights, "fixed.label": label, z0, saveAt }) =>
      encode(conditional, y, { ...options, weights, fixed: { label }, z0, saveAt, backend }),
    "z0",
    "saveAt",
  );

const evaluated = (rows: number) =>
  of(
    () => {
      const { y: data, ...others } = given(B, rows);
      return { data, ...others, z0: floats(B, 2) };
    },
    ({ data, weights, "fixed.label": label, z0 }) =>
      evaluate(conditional, data, { weights, fixed: { label }, z0, backend, solver }),
    "z0",
  );

const trained = (checkpoint?: { save(): void }) =>
  of(
    () => {
      const { y: data, ...others } = given(20);
      const validation = { data: floats(30, 3), weights: floats(30, 3), "fixed.label": floats(30, 2) };
      const named = Object.entries(validation).map(([name, values]) => [`validation.${name}`, values]);
      return { data, ...others, ...Object.fromEntries(named) } as Record<string, Float32Array>;
    },
    async (all) => {
      const validation = {
        data: all["validation.data"]!,
        weights: all["validation.weights"]!,
        fixed: { label: all["validation.fixed.label"]! },
      };
      const options = { weights: all.weights!, fixed: { label: all["fixed.label"]! }, backend, solver };
      const run = await train(conditional, all.data!, {
        ...options,
        validation,
        ...(checkpoint && { checkpoint }),
      });
      return [run.decoder.parameters, run.validation];
    },
  );

const CASES: Readonly<Record<string, Case>> = {
  encode: encoded(60, { solver, batchSize: 8 }),
  "encode with weights and a label for all samples": encoded(1, { solver, batchSize: 8 }),
  "encode by Euler's method": encoded(60, { solver: euler({ grid: linearGrid({ t1: 1, slices: 2 }) }) }),
  encodeStream: of(
    () => given(20),
    async ({ y, weights, "fixed.label": label }) => {
      const items = [{ y, weights, fixed: { label } }];
      for await (const result of encodeStream(conditional, items, { solver, backend })) return result;
      return undefined;
    },
  ),
  decode: of(
    () => ({ z: floats(B, 2), "fixed.label": floats(B, 2) }),
    ({ z, "fixed.label": label }) => decode(conditional, z, { fixed: { label }, backend }),
    "z",
    "fixed.label",
  ),
  sampleCodes: of(
    () => ({ ...given(20), "result.z": floats(20, 2) }),
    ({ y, weights, "fixed.label": label, "result.z": z }) => {
      const options = { count: 3, prior: gaussian(), weights, fixed: { label }, backend };
      return sampleCodes(conditional, y, { z }, options);
    },
    "y",
    "weights",
    "fixed.label",
    "result.z",
  ),
  loadDecoder: of(
    async () => {
      const { z, x } = await makeProbe(plain);
      return { source: plain.toSafetensors() as Uint8Array, "probe.z": z, "probe.x": x };
    },
    async ({ source, "probe.z": z, "probe.x": x }) =>
      (await loadDecoder(source, { probe: { z, x } })).parameters,
    "probe.z",
    "probe.x",
  ),
  loadOnnx: of(
    async () => ({ source: await toOnnx(plain) }),
    async ({ source }) => (await loadOnnx(source)).parameters,
  ),
  evaluate: evaluated(B),
  "evaluate with weights and a label for all samples": evaluated(1),
  "evaluate of an encoder and a data set": of(
    () => ({ data: Uint8Array.from(floats(B, 3), (value) => 255 * value) }),
    ({ data }) => {
      const dataset = createDataset(data, { shape: [3] });
      return evaluate(plain, dataset, { encoder, gap: true, backend, solver });
    },
  ),
  encodeWith: of(
    () => ({ y: floats(B, 3) }),
    ({ y }) => encodeWith(encoder, y, { backend }),
  ),
  meanCode: of(
    () => ({ data: floats(B, 3) }),
    ({ data }) => meanCode(encoder, data, { backend }),
  ),
  train: trained(),
  "train with checkpoints": trained({ save() {} }),
  trainAutoencoder: of(
    () => ({ data: floats(20, 3), "validation.data": floats(30, 3) }),
    async ({ data, "validation.data": validation }) =>
      (await trainAutoencoder(plain, data, { backend, validation: { data: validation } })).decoder.parameters,
  ),
  readDataset: of(
    () => ({ source: new Uint8Array(gzipSync(toNpy(floats(9, 3), [9, 3]))) }),
    async ({ source }) => (await readDataset(source)).toFloat32(),
  ),
};

function transfer({ buffer, length }: Float32Array | Uint8Array): void {
  if (length > 0) structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

/** Times of the transfer: waits that end sooner or later in the call. */
const TIMES = [
  ...[1, 4].map((ticks) => async () => {
    for (let i = 0; i < ticks; i++) await undefined;
  }),
  () => new Promise((resolve) => setImmediate(resolve)),
  () => new Promise((resolve) => setTimeout(resolve, 3)),
];

/** A result as JSON, without what differs from call to call. */
const textOf = (result: unknown) =>
  JSON.stringify(result, (key, value) =>
    /^s(econds|amplesPerSecond)$/.test(key)
      ? undefined
      : ArrayBuffer.isView(value)
        ? [...(value as Float32Array)]
        : value,
  );

for (const [name, { make, call, copies }] of Object.entries(CASES)) {
  test(`${name}: arrays that are transferred meanwhile have been taken, or are named by the error`, async () => {
    const expected = textOf(await call(await make()));
    /** Calls, and transfers the argument after a wait, or at once. */
    async function refusalOf(argument: string, wait?: () => Promise<unknown>): Promise<boolean> {
      const arrays = await make();
      const settled = call(arrays).then(textOf, (error: unknown) => error);
      if (wait) await wait();
      transfer(arrays[argument]!);
      const outcome = await settled;
      if (outcome === expected) return false;
      assert.instance(
        outcome,
        LatentflowError,
        `${argument}: ${(outcome as Error).stack ?? "another result"}`,
      );
      const { code, option, message } = outcome as LatentflowError;
      assert.equal([code, option], ["invalid_argument", argument], message);
      assert.match(message, /detached|transferred/);
      return true;
    }
    for (const argument of Object.keys(await make())) {
      const isTaken = copies!.includes(argument);
      for (const wait of TIMES) assert.not((await refusalOf(argument, wait)) && isTaken, argument);
      const isRefused = await refusalOf(argument);
      // A file's bytes have been read at once, or not, as the machine is busy.
      if (argument !== "source") assert.is(isRefused, !isTaken, argument);
    }
  });
}

test("evaluate: weights that are transferred while reconstructions are computed have been taken", async () => {
  const { y, weights, "fixed.label": label } = given(20, 1);
  const report = (own: Float32Array, by: Backend) =>
    evaluate(conditional, y, { weights: own, fixed: { label }, solver, backend: by });
  const expected = await report(weights.slice(), backend);
  assert.ok(expected.meanHiddenError! > 0);
  const transfers: Backend = {
    ...backend,
    async open(...use) {
      const session = await backend.open(...use);
      const decoding: typeof session.decode = (...latents) => {
        transfer(weights);
        return session.decode(...latents);
      };
      return Object.assign(Object.create(session), { decode: decoding });
    },
  };
  assert.is((await report(weights, transfers)).meanHiddenError, expected.meanHiddenError);
  assert.is(weights.length, 0);
});

test.run();
