import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  concat,
  dense,
  elu,
  embedding,
  graph,
  reshape,
  sequential,
  sigmoid,
  softplus,
  tanh,
} from "../../src/graph/index.ts";
import {
  amd,
  createDecoder,
  type Decoder,
  decode,
  type EncodeOptions,
  encode,
  linearGrid,
  loadDecoder,
  makeProbe,
  rk4,
  wasm,
} from "../../src/index.ts";
import { evaluate, train } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { relativeDistance } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";
import { workerUrl } from "../support/threads.ts";

// What is given with samples and not sought: conditions, classes, points.

const LATENT = 3;

/** A decoder with a condition of 4 numbers and a class of 5. */
const conditional = () =>
  createDecoder(
    graph(({ latent, fixed }) => {
      const [z, label, kind] = [latent(LATENT), fixed("label", 4), fixed("kind", { classes: 5 })];
      const h = tanh()(dense(17)(concat()(z, label, embedding({ classes: 5, units: 6 })(kind))));
      return sigmoid()(dense(9)(h));
    }),
    { seed: 3, loss: "mse" },
  );

/** A small DeepSDF. */
const overPoints = () =>
  createDecoder(
    graph(({ latent, points }) => {
      const [z, x] = [latent(LATENT), points("xyz", 3)];
      const h = elu()(dense(16)(concat()(z, x)));
      return tanh()(dense(1)(add()(h, softplus()(dense(16)(concat()(h, x))))));
    }),
    { seed: 4, loss: "mse" },
  );

const B = 7;
const labels = randomArray(5, 4 * B, -1, 1);
const kinds = Uint8Array.from({ length: B }, (_, i) => i % 5);
const z = randomArray(6, LATENT * B, -1, 1);
const xyz = randomArray(8, 3 * 17, -1, 1);

/** The same decoder without fixed inputs: what is given with one sample is a part of the latent. */
function unconditional(decoder: Decoder): Decoder {
  const joined = createDecoder(sequential(LATENT + 4 + 6, [dense(17), tanh(), dense(9), sigmoid()]));
  // The embedding's parameters come first.
  joined.parameters.set(decoder.parameters.subarray(30));
  return joined;
}

test("decode: a condition and a class are as if they stood beside the latent", async () => {
  const decoder = conditional();
  const table = decoder.parameters.subarray(0, 30);
  const joint = Float32Array.from({ length: B }, (_, i) => i).length;
  assert.is(joint, B);
  const rows = Array.from({ length: B }, (_, i) => [
    ...z.subarray(i * LATENT, (i + 1) * LATENT),
    ...labels.subarray(4 * i, 4 * i + 4),
    ...table.subarray(6 * kinds[i]!, 6 * kinds[i]! + 6),
  ]);
  const expected = await decode(unconditional(decoder), Float32Array.from(rows.flat()));
  const got = await decode(decoder, z, { fixed: { label: labels, kind: kinds } });
  assert.ok(relativeDistance(got, expected) < 1e-6);
  const logits = await decode(decoder, z, { fixed: { label: labels, kind: kinds }, output: "preActivation" });
  assert.ok(
    relativeDistance(
      logits.map((x) => 1 / (1 + Math.exp(-x))),
      expected,
    ) < 1e-5,
  );
});

test("decode: points are rows of the graph, as many as the call says", async () => {
  const decoder = overPoints();
  const many = await decode(decoder, z, { points: 17, fixed: { xyz } });
  assert.is(many.length, 17 * B);
  for (const point of [0, 5, 16]) {
    const one = await decode(decoder, z, { points: 1, fixed: { xyz: xyz.slice(3 * point, 3 * point + 3) } });
    const of = Float32Array.from({ length: B }, (_, i) => many[17 * i + point]!);
    assert.ok(relativeDistance(of, one) < 1e-6, `point ${point}`);
  }
});

const cases: readonly (readonly [
  string,
  Decoder,
  Record<string, Float32Array | Uint8Array>,
  { points?: number },
])[] = [
  ["a condition and a class", conditional(), { label: labels, kind: kinds }, {}],
  ["points of all samples", overPoints(), { xyz }, { points: 17 }],
  ["points of each sample", overPoints(), { xyz: randomArray(9, 3 * 17 * B, -1, 1) }, { points: 17 }],
];

for (const [name, decoder, fixed, options] of cases) {
  const atZ = () => decode(decoder, z, { fixed, ...options });
  const solvers = [undefined, amd({ maxSteps: 40 }), rk4({ grid: linearGrid({ t1: 20, slices: 10 }) })];

  test(`encode: ${name}: no result depends on batch mates, threads or the path taken, bit for bit`, async () => {
    const y = await atZ();
    const n = y.length / B;
    for (const solver of solvers) {
      const own = { fixed, ...options, ...(solver && { solver }) } as EncodeOptions;
      const alone = wasm({ threads: 1 });
      const expected = await encode(decoder, y, { ...own, backend: alone } as EncodeOptions);
      const threaded = await encode(decoder, y, {
        ...own,
        backend: wasm({ threads: 3, worker: workerUrl }),
      } as EncodeOptions);
      assert.is(threaded.backend.threads, 3, threaded.backend.reason);
      assert.equal({ ...threaded, backend: 0, seconds: 0 }, { ...expected, backend: 0, seconds: 0 });
      const recorded = await encode(decoder, y, { ...own, saveAt: "steps" } as EncodeOptions);
      assert.equal(recorded.z, expected.z);
      for (const i of [0, 4, 6]) {
        const ofOne = Object.fromEntries(
          Object.entries(fixed).map(([key, values]) => {
            const size = decoder.fixedInputs
              .find((input) => input.name === key)!
              .shape.reduce((a, b) => a * b, 1);
            const length = size * (options.points ?? 1);
            return [key, values.length === length ? values : values.slice(i * length, (i + 1) * length)];
          }),
        );
        const one = await encode(decoder, y.slice(i * n, (i + 1) * n), {
          ...own,
          fixed: ofOne,
        } as EncodeOptions);
        assert.equal(one.z, expected.z.slice(i * LATENT, (i + 1) * LATENT), `sample ${i} alone`);
      }
    }
  });

  test(`decode: ${name}: the same bits on three threads, each sample with what is given with it`, async () => {
    const backend = wasm({ threads: 3, worker: workerUrl });
    for (const output of ["data", "preActivation"] as const) {
      const alone = await decode(decoder, z, { fixed, ...options, output, backend: wasm({ threads: 1 }) });
      assert.equal(await decode(decoder, z, { fixed, ...options, output, backend }), alone);
    }
  });

  test(`encode: ${name}: the default solver finds what the decoder has made`, async () => {
    const y = await atZ();
    const { loss, status, stats } = await encode(decoder, y, { fixed, ...options });
    assert.ok(
      status.every((each) => each === "converged"),
      status.join(),
    );
    assert.ok(Math.max(...loss) < 1e-6, `${loss}`);
    assert.ok(
      stats.matrixEvaluations.every((count) => count >= 1),
      "a matrix of its own at z0",
    );
    const report = await evaluate(decoder, y, { fixed, ...options });
    assert.equal(report.loss, loss);
  });
}

test("given once for all, or the same for each: the same bits", async () => {
  const decoder = conditional();
  const label = labels.slice(0, 4);
  const repeated = Float32Array.from({ length: 4 * B }, (_, i) => label[i % 4]!);
  const y = await decode(decoder, z, { fixed: { label, kind: 2 } });
  const once = await encode(decoder, y, { fixed: { label, kind: 2 } });
  const each = await encode(decoder, y, { fixed: { label: repeated, kind: new Int32Array(B).fill(2) } });
  assert.equal(each.z, once.z);
  assert.equal(each.loss, once.loss);
  const big = await encode(decoder, y, { fixed: { label, kind: BigInt64Array.of(2n) } });
  assert.equal(big.z, once.z);
});

test("beyond 32 latents there is no matrix, and the curvature along the gradient has to do", async () => {
  const decoder = createDecoder(
    graph(({ latent, fixed }) => dense(60)(tanh()(dense(50)(concat()(latent(33), fixed("label", 2)))))),
    { seed: 5, loss: "mse" },
  );
  const fixed = { label: Float32Array.of(0.5, -0.5) };
  const y = await decode(decoder, randomArray(3, 33 * 3, -1, 1), { fixed });
  const { stats, loss, initialLoss } = await encode(decoder, y, { fixed });
  assert.ok(stats.matrixEvaluations.every((count) => count === 0));
  assert.ok(loss.every((value, i) => value < 0.01 * initialLoss[i]!));
});

function detached(values: Float32Array): Float32Array {
  structuredClone(values, { transfer: [values.buffer] });
  return values;
}

test("what does not fit is refused before any work", async () => {
  const decoder = conditional();
  const y = new Float32Array(9 * B);
  const plain = createDecoder({ layers: [3, 9], loss: "mse" });
  const points = overPoints();
  const refusals: [() => Promise<unknown>, RegExp][] = [
    [
      () => encode(decoder, y),
      /has fixed inputs \("label", "kind"\); give them: fixed: \{ "label": …, "kind": … \}$/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels } }),
      /fixed input "kind" is missing, expected a number a sample/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels, kind: kinds, kin: kinds } }),
      /no fixed input "kin".*"label", "kind"/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels.slice(1), kind: kinds } }),
      /"label" has 27 values, expected 4 .* or 28/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels, kind: new Uint8Array(B).fill(5) } }),
      /"kind" has 5 at 0, expected integers from 0 to 4/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels, kind: Float32Array.of(0.5) } }),
      /"kind" has 0.5 at 0/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels, kind: 7 } }),
      /"kind" is 7, expected integers from 0 to 4/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: labels.map(() => NaN), kind: 0 } }),
      /"label" has NaN at 0, expected finite/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: [1, 2, 3, 4] as never, kind: 0 } }),
      /"label" is an Array, expected a Float32Array/,
    ],
    [
      () => encode(decoder, y, { fixed: { label: detached(labels.slice()), kind: 0 } }),
      /^encode: the buffer of fixed input "label" has been detached/,
    ],
    [() => encode(decoder, y, { fixed: labels as never }), /fixed is a Float32Array, expected an object/],
    [
      () => encode(plain, y, { fixed: { label: labels } }),
      /no fixed input "label"; its fixed inputs are none/,
    ],
    [() => encode(plain, y, { points: 3 }), /no input of points/],
    [() => encode(points, y, { fixed: { xyz } }), /is over points; give how many there are/],
    [() => encode(points, y, { fixed: { xyz }, points: 0 }), /points is 0, expected/],
    [
      () => decode(points, z, { fixed: { xyz }, points: 2 ** 24 }),
      /^decode: points is 16777216, which this decoder cannot be made for: concat "0": it moves more than/,
    ],
    [
      () => encode(points, new Float32Array(18), { fixed: { xyz }, points: 17 }),
      /y has 18 values, expected a multiple of 17/,
    ],
    [() => decode(points, z, { points: 17 }), /has fixed inputs/],
    [() => evaluate(decoder, y), /has fixed inputs/],
    [() => train(decoder, y), /has fixed inputs/],
  ];
  for (const [work, words] of refusals) await rejected(work(), "invalid_argument", words);
});

test("a file holds fixed inputs and points, and a probe of them proves it right", async () => {
  for (const decoder of [conditional(), overPoints()]) {
    const probe = await makeProbe(decoder);
    const loaded = await loadDecoder(decoder.toSafetensors({ probe }));
    assert.is(loaded.verified, true, loaded.unverifiedReason);
    assert.equal(loaded.definition, decoder.definition);
    assert.equal(loaded.fixedInputs, decoder.fixedInputs);
    const options = decoder.fixedInputs[0]!.hasPoints
      ? { points: 17, fixed: { xyz } }
      : { fixed: { label: labels, kind: kinds } };
    assert.equal(await decode(loaded, z, options), await decode(decoder, z, options));
    const wrong = { ...probe, x: probe.x.map((value, i) => value + (i === 3 ? 0.1 : 0)) };
    await rejected(
      loadDecoder(decoder.toSafetensors(), { probe: wrong }),
      "invalid_file",
      /not the one of the probe/,
    );
    await rejected(
      loadDecoder(decoder.toSafetensors(), { probe: { z: probe.z, x: probe.x } }),
      "invalid_argument",
      /probe\.fixed\[.*is missing/,
    );
  }
});

test("a probe's class that names no row is refused, and so is one that a program writes later", async () => {
  const decoder = conditional();
  const probe = await makeProbe(decoder);
  for (const wrong of [1e6, -3, 2.5, 5]) {
    const fixed = { ...probe.fixed, kind: probe.fixed!.kind!.map(() => wrong) };
    await rejected(
      loadDecoder(decoder.toSafetensors(), { probe: { ...probe, fixed } }),
      "invalid_argument",
      /probe\.fixed\["kind"\] has the class .*, expected integers from 0 to 4/,
    );
  }
  const kind = Float32Array.from(kinds);
  const y = await decode(decoder, z, { fixed: { label: labels, kind } });
  const expected = await encode(decoder, y, { fixed: { label: labels, kind } });
  const running = encode(decoder, y, { fixed: { label: labels, kind } });
  kind.fill(1e9);
  assert.equal((await running).z, expected.z);
});

test("a decoder over points says its shapes for one, and lets go of all that it was bound to", async () => {
  const decoder = overPoints();
  assert.equal(decoder.outputShape, [1, 1]);
  assert.equal(
    decoder.fixedInputs.map(({ name, shape, hasPoints }) => [name, shape, hasPoints]),
    [["xyz", [1, 3], true]],
  );
  for (let points = 1; points < 9; points++) {
    await decode(decoder, z, { points, fixed: { xyz: xyz.slice(0, 3 * points) } });
  }
  decoder.dispose();
  await rejected(decode(decoder, z, { points: 17, fixed: { xyz } }), "disposed", /disposed/);
  const reshaped = createDecoder(
    graph(({ latent, points }) => reshape(["points", 2, 1])(dense(2)(concat()(latent(2), points("xyz", 3))))),
  );
  assert.is(
    (await decode(reshaped, new Float32Array(2), { points: 5, fixed: { xyz: xyz.slice(0, 15) } })).length,
    10,
  );
});

test.run();
