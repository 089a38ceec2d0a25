// run: newer-node, first
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dcganDecoder } from "../../../bench/dcgan.ts";
import { type OnnxRuntime, webgpu } from "../../../src/backend/webgpu/index.ts";
import {
  add,
  concat,
  conv,
  convTranspose,
  dense,
  elu,
  embedding,
  graph,
  groupNorm,
  reshape,
  sequential,
  sigmoid,
  softplus,
  tanh,
  upsample,
} from "../../../src/graph/index.ts";
import {
  amd,
  createDecoder,
  type Decoder,
  decode,
  type EncodeOptions,
  encode,
  lbfgs,
  loadDecoder,
  wasm,
} from "../../../src/index.ts";
import { allKinds } from "../../support/all-kinds.ts";
import { AWKWARD_CONVOLUTIONS } from "../../support/awkward-convolutions.ts";
import { leave, startDawn } from "../../support/dawn.ts";
import { openForeign } from "../../support/foreign-decoders.ts";
import { ONNX_CASES, randomDecoder } from "../../support/onnx-cases.ts";
import { decoderOf } from "../../support/operation-cases.ts";
import { randomArray } from "../../support/random.ts";
import { randomGraph } from "../../support/random-graph.ts";
import { relativeDistance } from "../../support/reference.ts";
import { rejected } from "../../support/refusal.ts";

// Decoders of all kinds of operation on a GPU as onnxruntime-web computes them there, in captured graphs: decoding and
// encoding, held against WASM. What the graphs say is held against float64 in operations.test.ts.

startDawn();
test.after(leave);

const ort: OnnxRuntime = await import("onnxruntime-web/webgpu");
const backend = webgpu({ ort });
const B = 5;

interface Given {
  readonly decoder: Decoder;
  readonly options: Pick<EncodeOptions, "fixed" | "points">;
}

const givenTo = (decoder: Decoder): Given => ({ decoder, options: {} });

/** A condition and a class, those of each sample. */
const conditional: Given = {
  decoder: createDecoder(
    graph(({ latent, fixed }) => {
      const [z, label, kind] = [latent(3), fixed("label", 4), fixed("kind", { classes: 5 })];
      const h = tanh()(dense(17)(concat()(z, label, embedding({ classes: 5, units: 6 })(kind))));
      return sigmoid()(dense(9)(h));
    }),
    { seed: 3, loss: "bce" },
  ),
  options: {
    fixed: { label: randomArray(5, 4 * B, -1, 1), kind: Uint8Array.from({ length: B }, (_, i) => i) },
  },
};

/** A small DeepSDF with a skip; its points are the same for all samples. */
const overPoints: Given = {
  decoder: createDecoder(
    graph(({ latent, points }) => {
      const [z, x] = [latent(3), points("xyz", 3)];
      const h = elu()(dense(16)(concat()(z, x)));
      return tanh()(dense(1)(add()(h, softplus()(dense(16)(concat()(h, x))))));
    }),
    { seed: 4, loss: "mse" },
  ),
  options: { points: 7, fixed: { xyz: randomArray(8, 3 * 7, -1, 1) } },
};

const generator = givenTo(
  createDecoder(
    sequential(4, [
      ...[dense(2 * 2 * 8), reshape([2, 2, 8]), elu()],
      ...[convTranspose({ channels: 6, kernel: 4, stride: 2, padding: 1 }), groupNorm({ groups: 2 }), elu()],
      ...[upsample({ scale: 2 }), conv({ channels: 3, kernel: 3, padding: 1 }), sigmoid()],
    ]),
    { seed: 5, loss: "mse" },
  ),
);

const DECODERS: Readonly<Record<string, Given>> = {
  "all kinds": givenTo(createDecoder(allKinds, { seed: 4, loss: "mse" })),
  "a condition and a class": conditional,
  "points and a skip": overPoints,
  "a generator": generator,
  ...Object.fromEntries(
    Object.entries(AWKWARD_CONVOLUTIONS).map(([name, definition]) => [name, givenTo(decoderOf(definition))]),
  ),
  ...Object.fromEntries(
    [3, 17, 29].map((seed) => [`random graph ${seed}`, givenTo(decoderOf(randomGraph(seed)))]),
  ),
  ...Object.fromEntries(
    [
      "conv, all for each axis",
      "convTranspose, all for each axis",
      "slice, backwards to an end",
      "several classes",
      "points, constants and a class beside each other",
      "nothing but identity",
    ].map((name) => {
      const decoder = randomDecoder(ONNX_CASES[name]!);
      const options = {
        "several classes": { fixed: { words: Int32Array.of(0, 6, 3) } },
        "points, constants and a class beside each other": {
          points: 3,
          fixed: { label: 4, xyz: randomArray(8, 2 * 3 * B, -1, 1) },
        },
      }[name];
      return [name, { decoder, options: options ?? {} }];
    }),
  ),
};

for (const [name, { decoder, options }] of Object.entries(DECODERS)) {
  test(`${name}: decoded and encoded as in WASM`, async () => {
    const z = randomArray(6, decoder.latentSize * B, -1, 1);
    const expected = await decode(decoder, z, { ...options, backend: wasm({ threads: 1 }) });
    const got = await decode(decoder, z, { ...options, backend });
    assert.ok(relativeDistance(got, expected) < 1e-5, `outputs off by ${relativeDistance(got, expected)}`);
    // A few steps: later ones differ by what rounding has become.
    const y = expected.map((value, i) => value + 0.1 * Math.sin(i));
    const encoded = { ...options, loss: decoder.loss ?? ("mse" as const), solver: amd({ maxSteps: 3 }) };
    const onGpu = await encode(decoder, y, { ...encoded, backend });
    const inWasm = await encode(decoder, y, { ...encoded, backend: wasm({ threads: 1 }) });
    assert.is(onGpu.backend.name, "webgpu");
    assert.equal(onGpu.backend.incidents, undefined);
    for (const values of ["z", "loss", "gradientNorm"] as const) {
      const error = relativeDistance(onGpu[values], inWasm[values]);
      assert.ok(error < 1e-3, `${values} off by ${error}`);
    }
  });
}

for (const name of ["dcgan", "vae-attention", "style", "deepsdf", "conv1d"]) {
  test(`${name}, written by PyTorch: encoded as in WASM`, async () => {
    const { decoder, inputs, ofAll } = await openForeign(name);
    const y = ofAll((sample) => sample.y);
    const options = { ...inputs, solver: amd({ maxSteps: 3 }) };
    const onGpu = await encode(decoder, y, { ...options, backend });
    const inWasm = await encode(decoder, y, options);
    for (const values of ["z", "loss"] as const) {
      const error = relativeDistance(onGpu[values], inWasm[values]);
      assert.ok(error < 1e-3, `${values} off by ${error}`);
    }
  });
}

for (const [name, { decoder, options }] of Object.entries({ conditional, overPoints, generator })) {
  test(`${name}: lbfgs, by its curvature in WASM, and amd end where they do in WASM, in batches too`, async () => {
    const z = randomArray(6, decoder.latentSize * B, -1, 1);
    const y = (await decode(decoder, z, options)).map((value, i) => 0.98 * value + 0.01 * Math.sin(i));
    for (const solver of [lbfgs(), amd({ t1: 300, tolerance: 1e-3 })]) {
      const got = await encode(decoder, y, { ...options, solver, backend, batchSize: 3 });
      const expected = await encode(decoder, y, { ...options, solver });
      assert.equal(got.status, expected.status);
      got.loss.forEach((loss, i) => {
        // Another rounding is another way to the same minimum.
        assert.ok(
          loss < 1.01 * expected.loss[i]! + 1e-7,
          `${solver.name}: ${loss}, in WASM ${expected.loss[i]}`,
        );
      });
    }
  });
}

/** What site/performance/index.md has of an evaluation: losses and gradients of all samples. */
const EVALUATIONS = [
  { name: "the paper's decoder", decoder: await loadDecoder("demo/decoder.safetensors"), dispatches: 34 },
  { name: "the DCGAN", decoder: dcganDecoder("elu"), dispatches: 35 },
];

for (const { name, decoder, dispatches } of EVALUATIONS) {
  test(`an evaluation of ${name} takes ${dispatches} dispatches, and lbfgs nothing else of the GPU`, async () => {
    const y = await decode(decoder, randomArray(6, decoder.latentSize, -1, 1));
    const solver = lbfgs({ maxSteps: 2 });
    await encode(decoder, y, { backend, solver });
    const pass = GPUComputePassEncoder.prototype;
    const { dispatchWorkgroups } = pass;
    let counted = 0;
    pass.dispatchWorkgroups = function (...counts) {
      counted++;
      return dispatchWorkgroups.apply(this, counts);
    };
    try {
      const { stats } = await encode(decoder, y, { backend, solver });
      assert.ok(stats.valueEvaluations[0]! >= 3);
      assert.is(counted, dispatches * stats.valueEvaluations[0]!);
    } finally {
      pass.dispatchWorkgroups = dispatchWorkgroups;
    }
  });
}

test("what is given with a sample is that sample's, in any order and batch", async () => {
  const { decoder, options } = conditional;
  const y = randomArray(7, 9 * B, 0.1, 0.9);
  const solver = amd({ maxSteps: 4 });
  const all = await encode(decoder, y, { ...options, solver, backend });
  const { label, kind } = options.fixed as { label: Float32Array; kind: Uint8Array };
  for (const i of [0, 3, 4]) {
    const own = { label: label.slice(4 * i, 4 * i + 4), kind: kind.slice(i, i + 1) };
    const alone = await encode(decoder, y.slice(9 * i, 9 * i + 9), { solver, backend, fixed: own });
    assert.equal(alone.z, all.z.slice(3 * i, 3 * i + 3));
  }
});

test("a decoder that graphs cannot be written of is refused before anything is begun", async () => {
  const large = sequential(1, [dense(2000), reshape([2000, 1]), upsample({ scale: 2, mode: "bilinear" })]);
  const decoder = createDecoder(large, { loss: "mse" });
  const why =
    /webgpu: upsample "[^"]+" cannot be computed on a GPU: .* matrix of 4000 × 2000 .*; use wasm\(\)/;
  await rejected(encode(decoder, new Float32Array(4000), { backend }), "unsupported", why);
  await rejected(decode(decoder, new Float32Array(1), { backend }), "unsupported", why);
});

test.run();
