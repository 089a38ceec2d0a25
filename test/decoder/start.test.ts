// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { passesOf } from "../../bench/passes.ts";
import { createRandom } from "../../src/base/random.ts";
import { copyDecoder } from "../../src/decoder/copy.ts";
import { descriptionOf } from "../../src/decoder/decoder.ts";
import { formatStart, remakeStart } from "../../src/decoder/start.ts";
import { readSafetensors, writeSafetensors } from "../../src/files/safetensors.ts";
import { concat, dense, graph, reshape, sequential, tanh } from "../../src/graph/index.ts";
import { layersOf } from "../../src/graph/layers.ts";
import {
  amd,
  closeWorkers,
  createDecoder,
  customLoss,
  type Decoder,
  describe,
  dormandPrince,
  type EncodeOptions,
  type EncodeResult,
  encode,
  encodeStream,
  gaussian,
  lbfgs,
  loadDecoder,
  nesterovFlow,
  rk4,
  wasm,
} from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { linearGrid } from "../../src/solver/grid.ts";
import { createDataset, evaluate } from "../../src/train/index.ts";
import { builds } from "../support/builds.ts";
import { decoderCases } from "../support/decoders.ts";
import { randomArray } from "../support/random.ts";
import { refused, rejected } from "../support/refusal.ts";
import { bytesOf } from "../support/safetensors-file.ts";
import { workerUrl } from "../support/threads.ts";

// A decoder's own start: as its trait, in its files, and in the calls whose flows begin there.

test.after(() => closeWorkers());

/** Numbers that decimals lose first: a negative zero, denormal, the largest, and some that binary has no end for. */
const AWKWARD = Float32Array.of(-0, 1e-45, -1.1754942e-38, 3.4028234e38, 0.1, -1 / 3, 16_777_217, 1e21);
/** The decoders' flows are far from rest there. */
const startOf = (latentSize: number) => randomArray(7, latentSize, -2, 2);
const withStart = (decoder: Decoder, start: Float32Array | undefined = startOf(decoder.latentSize)) =>
  copyDecoder(decoder, { start });

const bits = (values: Float32Array | undefined) => values && Buffer.from(bytesOf(values)).toString("hex");

/** A stack of layers, which a file says as such, and a graph. */
const makers = {
  layers: (start?: Float32Array) => createDecoder({ layers: [8, 5, 6], loss: "mse", start }),
  graph: (start?: Float32Array) =>
    createDecoder(
      { ...sequential(8, [dense(12), reshape([2, 2, 3]), tanh()]), latentShape: [2, 2, 2] },
      { loss: "mse", start },
    ),
};

test("a decoder's start is a copy of the one given; zeros are 0, which is the default", () => {
  for (const make of Object.values(makers)) {
    const given = AWKWARD.slice();
    const decoder = make(given);
    given.fill(1);
    assert.is(bits(decoder.start), bits(AWKWARD));
    assert.ok(Object.isFrozen(decoder));
    assert.is(bits(copyDecoder(decoder, { prior: gaussian() }).start), bits(AWKWARD));
    assert.is(bits(descriptionOf(decoder).start), bits(AWKWARD));
    assert.is(make().start, undefined);
    assert.is(make(new Float32Array(8)).start, undefined);
    assert.is(make(new Float32Array(8).fill(-0)).start, undefined);
  }
});

test("what is no start is refused, wherever it is given", async () => {
  const wrong: [unknown, RegExp][] = [
    [new Float32Array(7), /: start has 7 values, expected 8 \(the decoder's latent size\)$/],
    [
      Float32Array.from(AWKWARD, (value, i) => (i === 5 ? Number.NaN : value)),
      /: start is NaN at element 5, expected/,
    ],
    [Float32Array.from(AWKWARD, (value, i) => (i === 0 ? -Infinity : value)), /: start is -Infinity at elem/],
    [[...AWKWARD], /: start is an Array, expected a Float32Array; convert with Float32Array\.from\(star/],
    [0, /: start is 0, expected a Float32Array/],
  ];
  for (const [start, message] of wrong) {
    for (const [name, make] of Object.entries(makers)) {
      const where = new RegExp(`^createDecoder${message.source}`);
      refused(() => make(start as Float32Array), "invalid_argument", where);
      const options = { start: start as Float32Array };
      await rejected(loadDecoder(make().toSafetensors(), options), "invalid_argument", message);
      await rejected(loadOnnx(await toOnnx(make()), options), "invalid_argument", message);
      assert.ok(name);
    }
  }
});

test("what is checked of a start is what is kept; one that was transferred is refused", async () => {
  const pretender = Float32Array.of(1, Number.NaN, 3);
  Object.assign(pretender, { findIndex: () => -1 });
  refused(
    () => createDecoder({ layers: [3, 4], loss: "mse", start: pretender }),
    "invalid_argument",
    /start is NaN at element 1/,
  );
  const decoder = createDecoder({ layers: [3, 4], loss: "mse", start: Float32Array.of(1, 2, 3) });
  const { buffer } = decoder.start!;
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  const message = /^encode: the buffer of decoder\.start has been detached/;
  await rejected(encode(decoder, new Float32Array(4)), "invalid_argument", message);
});

test("files give it back to the same bits, and an option takes its place", async () => {
  const other = randomArray(3, 8);
  for (const [name, make] of Object.entries(makers)) {
    const decoder = make(AWKWARD);
    const files = {
      safetensors: (options = {}) => loadDecoder(decoder.toSafetensors(), options),
      ONNX: async (options = {}) => loadOnnx(await toOnnx(decoder), options),
      "ONNX, channels last": async (options = {}) =>
        loadOnnx(await toOnnx(decoder), { layout: "channelsLast", ...options }),
    };
    for (const [kind, load] of Object.entries(files)) {
      const label = `${name}, ${kind}`;
      const loaded = await load();
      assert.is(bits(loaded.start), bits(AWKWARD), label);
      assert.equal(bytesOf(loaded.parameters), bytesOf(decoder.parameters), label);
      assert.is(bits((await load({ start: other })).start), bits(other), label);
      assert.is((await load({ start: new Float32Array(8) })).start, undefined, label);
    }
    assert.is((await loadDecoder(make().toSafetensors())).start, undefined);
    assert.is((await loadOnnx(await toOnnx(make()))).start, undefined);
    assert.not.ok(readSafetensors(make().toSafetensors()).metadata.has("start"));
  }
});

test("decimals in files give every float32 back", () => {
  const random = createRandom(5);
  const any = Float32Array.from(
    new Float32Array(Uint32Array.from({ length: 100_000 }, () => random.below(2 ** 32)).buffer),
  ).filter(Number.isFinite);
  const text = formatStart(any);
  assert.is(bits(remakeStart(JSON.parse(text), any.length, "start")), bits(any));
  // A header takes 1 MiB.
  assert.ok(text.length < 16 * any.length);
});

/** The file with an entry of its metadata in another way. */
function withMetadata(decoder: Decoder, key: string, value: string): Uint8Array {
  const { metadata } = readSafetensors(decoder.toSafetensors());
  const tensors = [...readSafetensors(decoder.toSafetensors()).tensors].map(([name, tensor]) => ({
    name,
    shape: tensor.shape,
    values: new Float32Array(new Uint8Array(tensor.bytes).buffer),
  }));
  return writeSafetensors(tensors, new Map([...metadata, [key, value]]));
}

test("a start in a file that is none is refused; so is another spelling of its key", async () => {
  const eight = (last: string) => `[0,0,0,0,0,0,0,${last}]`;
  const wrong: [string, RegExp][] = [
    ["0.5", /the file's start is 0\.5, expected an array of numbers, as \[0\.5, -1\.25\]/],
    ["[1,2]", /the file's start has 2 values, expected 8/],
    [eight('"1"'), /the file's start has "1" at element 7, expected numbers/],
    [eight("null"), /the file's start has null at element 7, expected numbers/],
    [eight("NaN"), /the file's start is "\[0,0,0,0,0,0,0,NaN\]", expected JSON, as \[0\.5, -1\.25\]/],
    [eight("1e39"), /the file's start is Infinity at element 7, expected finite numbers/],
  ];
  for (const [text, message] of wrong) {
    for (const make of Object.values(makers)) {
      const bytes = withMetadata(make(), "start", text);
      await rejected(loadDecoder(bytes), "invalid_file", message);
      await rejected(loadDecoder(bytes), "invalid_file", /; the option start overrides the file's$/);
      assert.equal((await loadDecoder(bytes, { start: AWKWARD })).start, AWKWARD);
    }
  }
  for (const key of ["START", "Start", "st_art"]) {
    const bytes = withMetadata(makers.layers(), key, eight("1"));
    const message = new RegExp(`the file's metadata have "${key}", expected "start"; the option start over`);
    await rejected(loadDecoder(bytes), "invalid_file", message);
    assert.equal((await loadDecoder(bytes, { start: AWKWARD })).start, AWKWARD);
  }
});

const pseudoHuber = customLoss({
  value: (output, target) => Math.sqrt(1 + (output - target) ** 2),
  gradient: (output, target) => (output - target) / Math.sqrt(1 + (output - target) ** 2),
  curvature: (output, target) => (1 + (output - target) ** 2) ** -1.5,
});

const solvers: Readonly<Record<string, EncodeOptions>> = {
  lbfgs: {},
  "lbfgs, a prior": { prior: gaussian() },
  "lbfgs, points on its way": { saveAt: "steps" },
  "lbfgs, a loss of one's own": { loss: pseudoHuber },
  amd: { solver: amd() },
  dormandPrince: { solver: dormandPrince({ t1: 5 }) },
  "rk4, nesterovFlow": { solver: rk4({ grid: linearGrid({ t1: 5, slices: 10 }) }), flow: nesterovFlow() },
};

const withoutTimes = ({ seconds, ...rest }: EncodeResult) => rest;

for (const { name, make, y, given, sampleCount } of decoderCases) {
  test(`${name}: without z0 flows begin at the decoder's start, and give the bits of z0 there`, async () => {
    const from0 = make();
    const decoder = withStart(from0);
    const z0 = decoder.start!.slice();
    const each = Float32Array.from({ length: sampleCount * z0.length }, (_, i) => z0[i % z0.length]!);
    for (const { name: build, backend } of builds) {
      for (const [solver, options] of Object.entries(solvers)) {
        const label = `${build}, ${solver}`;
        const settings = { ...options, ...given, backend } as EncodeOptions;
        const expected = withoutTimes(await encode(decoder, y, { ...settings, z0 }));
        const own = withoutTimes(await encode(decoder, y, settings));
        assert.equal(own, expected, label);
        assert.equal(withoutTimes(await encode(decoder, y, { ...settings, z0: each })), expected, label);
        // 0 means 0: where the decoder without a start begins.
        const zeros = await encode(decoder, y, { ...settings, z0: new Float32Array(z0.length) });
        const { initialLoss } = await encode(from0, y, settings);
        assert.equal(zeros.initialLoss, initialLoss, label);
        assert.not.equal(own.initialLoss, initialLoss, label);
      }
      const settings = { ...given, backend };
      const { z, loss, initialLoss } = await encode(decoder, y, { ...settings, z0 });
      for await (const item of encodeStream(decoder, [y, { y }], settings)) assert.equal(item.z, z, build);
      const { outputShape } = make();
      const data = given.points === undefined ? createDataset(y, { shape: outputShape }) : y;
      const report = await evaluate(decoder, data, settings);
      assert.equal([report.loss, report.initialLoss], [loss, initialLoss], build);
    }
    for (const one of [from0, decoder]) one.dispose();
  });
}

test("workers begin there too, and make the same Jacobian", async () => {
  const from0 = createDecoder({ layers: [6, 40, 60, 80], outputActivation: "sigmoid", loss: "bce", seed: 2 });
  const decoder = withStart(from0);
  const y = randomArray(5, 600 * 80, 0, 1);
  const alone = await encode(decoder, y, { backend: wasm({ relaxed: false, threads: 1 }) });
  const shared = await encode(withStart(from0), y, {
    backend: wasm({ relaxed: false, threads: 2, worker: workerUrl }),
  });
  assert.is(shared.backend.threads, 2, shared.backend.reason);
  assert.equal([shared.z, shared.loss, shared.stats], [alone.z, alone.loss, alone.stats]);
});

test("a decoder over points keeps its start, however many there are", async () => {
  const definition = graph(({ latent, points }) =>
    tanh()(dense(1)(tanh()(dense(9)(concat()(latent(3), points("x", 2)))))),
  );
  const start = startOf(3);
  const decoder = createDecoder(definition, { loss: "mse", start });
  for (const points of [1, 4, 9]) {
    const fixed = { x: randomArray(points, 2 * points) };
    const options = { points, fixed, solver: lbfgs({ maxSteps: 0 }) };
    assert.equal((await encode(decoder, new Float32Array(points), options)).z, start);
  }
  const loaded = await loadDecoder(decoder.toSafetensors());
  assert.equal(loaded.start, start);
});

/** A stack of layers and a graph with codes for several starts. */
const withBank = (starts: Float32Array) => ({
  layers: createDecoder({ layers: [8, 5, 6], loss: "mse", starts }),
  graph: createDecoder(
    { ...sequential(8, [dense(12), reshape([2, 2, 3]), tanh()]), latentShape: [2, 2, 2] },
    { loss: "mse", starts },
  ),
});
/** Three codes; the second is 0, and stays. */
const BANK = Float32Array.from([...AWKWARD, ...new Float32Array(8), ...randomArray(4, 8)]);

test("codes for several starts: copied, kept by copies and files to the bits, and replaced by an option", async () => {
  const given = BANK.slice();
  const decoders = withBank(given);
  given.fill(1);
  for (const [name, decoder] of Object.entries(decoders)) {
    assert.is(bits(decoder.starts), bits(BANK), name);
    assert.is(decoder.start, undefined);
    assert.is(bits(copyDecoder(decoder, { prior: gaussian() }).starts), bits(BANK));
    assert.is(bits(descriptionOf(decoder).starts), bits(BANK));
    assert.equal(describe(decoder).starts![1], [0, 0, 0, 0, 0, 0, 0, 0]);
    const other = randomArray(5, 16);
    for (const load of [
      (options = {}) => loadDecoder(decoder.toSafetensors(), options),
      async (options = {}) => loadOnnx(await toOnnx(decoder), options),
    ]) {
      const loaded = await load();
      assert.is(bits(loaded.starts), bits(BANK), name);
      assert.is(bits((await load({ starts: other })).starts), bits(other), name);
    }
  }
  const without = makers.layers();
  assert.is(without.starts, undefined);
  assert.is(describe(without).starts, null);
  assert.not.ok(readSafetensors(without.toSafetensors()).metadata.has("starts"));
  assert.is((await loadOnnx(await toOnnx(without))).starts, undefined);
});

test("codes for several starts that are none are refused, given or in a file", async () => {
  for (const [starts, message] of [
    [
      new Float32Array(7),
      /starts has 7 values, expected 8 \(the decoder's latent size\) for each of 1 to 1024 codes/,
    ],
    [new Float32Array(0), /starts has 0 values/],
    [new Float32Array(8 * 1025), /starts has 8200 values/],
    [Float32Array.from(BANK, (value, i) => (i === 9 ? Number.NaN : value)), /starts is NaN at element 9/],
    [[...BANK], /starts is an Array/],
  ] as [Float32Array, RegExp][]) {
    refused(() => createDecoder({ layers: [8, 6], loss: "mse", starts }), "invalid_argument", message);
    await rejected(loadDecoder(makers.graph().toSafetensors(), { starts }), "invalid_argument", message);
    await rejected(loadOnnx(await toOnnx(makers.graph()), { starts }), "invalid_argument", message);
  }
  const row = "[0,0,0,0,0,0,0,1]";
  for (const [text, message] of [
    ["0", /the file's starts is 0, expected an array of 1 to 1024 codes/],
    ["[]", /the file's starts is of 0 codes/],
    [row, /the file's starts\[0\] is 0, expected an array of numbers/],
    [`[${row},[1]]`, /the file's starts\[1\] has 1 values, expected 8/],
    [`[${row},[0,0,0,0,0,0,0,1e39]]`, /the file's starts\[1\] is Infinity at element 7/],
    [`[${row},[0,0,0,0,0,0,0,null]]`, /the file's starts\[1\] has null at element 7/],
    ["[[NaN]]", /the file's starts is "\[\[NaN\]\]", expected JSON/],
    [`[${Array(1025).fill(row).join(",")}]`, /the file's starts is of 1025 codes/],
    [`[${Array(50_000).fill("[]").join(",")}]`, /the file's starts is of 50000 codes/],
  ] as [string, RegExp][]) {
    for (const make of Object.values(makers)) {
      const bytes = withMetadata(make(), "starts", text);
      await rejected(loadDecoder(bytes), "invalid_file", message);
      assert.equal((await loadDecoder(bytes, { starts: BANK })).starts, BANK);
    }
  }
  const onnx = await toOnnx(withBank(BANK).layers);
  const text = Buffer.from(onnx).toString("latin1").replace("[[-0,", "[[xx,");
  await rejected(
    loadOnnx(Buffer.from(text, "latin1")),
    "invalid_file",
    /latentflow\.starts is .*expected JSON such as/,
  );
});

/** D(z - s): the same decoder, whose codes lie about s. */
function moved(decoder: Decoder, s: Float32Array, start: Float32Array | undefined): Decoder {
  const copy = copyDecoder(decoder, { start });
  const { weight, bias } = layersOf(copy)[0]!;
  for (let row = 0; row < bias.length; row++) {
    for (let k = 0; k < s.length; k++) bias[row]! -= weight[row * s.length + k]! * s[k]!;
  }
  return copy;
}

for (const { name, backend } of builds) {
  test(`${name}: a decoder moved to its start takes the passes that it takes from 0, fewer than from there alone`, async () => {
    const decoder = createDecoder({
      layers: [5, 30, 40, 50],
      activation: "elu",
      outputActivation: "sigmoid",
      loss: "bce",
      seed: 3,
    });
    for (const { weight } of layersOf(decoder)) for (let i = 0; i < weight.length; i++) weight[i]! *= 2;
    const y = randomArray(1, 40 * 50, 0, 1);
    const from0 = await encode(decoder, y, { backend });
    const passes = (result: EncodeResult) => passesOf(result, 5).reduce((sum, count) => sum + count, 0);
    for (const size of [1, 5, 10]) {
      const s = randomArray(9, 5, -size, size);
      const fromStart = await encode(moved(decoder, s, s), y, { backend });
      // Those of rounding: z is float32 beside s.
      const errors = fromStart.loss.map((loss, i) => Math.abs(loss / from0.loss[i]! - 1));
      assert.ok(Math.max(...errors) < 1e-6, `${size}: losses off by ${Math.max(...errors)}`);
      const found = passes(fromStart);
      assert.ok(Math.abs(found / passes(from0) - 1) < 0.02, `${size}: ${found}, not ${passes(from0)}`);
      // The same flows by the Jacobian at 0, where the decoder is another; and flows from 0.
      const by0 = passes(await encode(moved(decoder, s, undefined), y, { backend, z0: s }));
      const fromZero = passes(await encode(moved(decoder, s, undefined), y, { backend }));
      if (size === 1) continue;
      assert.ok(found < 0.85 * by0, `${size}: ${found} passes, ${by0} by the Jacobian at 0`);
      assert.ok(found < 0.6 * fromZero, `${size}: ${found} passes, ${fromZero} from 0`);
    }
  });
}

test.run();
