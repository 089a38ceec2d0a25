// run: both, revectorize, slow
// Tests assembly/ops/convolution-panels.ts, assembly/ops/convolution-parameters.ts, assembly/ops/taps.ts,
// assembly/ops/sources.ts, src/graph/convolution.ts, src/backend/wasm/pixel-sets.ts,
// src/graph/kinds/convolutions.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam, sgd } from "../../../src/backend/optimizer.ts";
import {
  conv,
  convTranspose,
  dense,
  elu,
  type Layer,
  reshape,
  sequential,
  sigmoid,
  softplus,
  tanh,
} from "../../../src/graph/index.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  decode,
  describe,
  encode,
  linearGrid,
  loadDecoder,
  rk4,
  wasm,
} from "../../../src/index.ts";
import { lossFloors } from "../../../src/terms/loss-floor.ts";
import { createDataset, train } from "../../../src/train/index.ts";
import { builds, wideBuilds } from "../../support/builds.ts";
import { checkDerivatives, derivativeCase } from "../../support/derivatives.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";
import { refused } from "../../support/refusal.ts";
import { workerUrl } from "../../support/threads.ts";

// Decoders with convolutions: every attribute, both orders of derivatives, files, threads, training.

const BEFORE = (shape: readonly number[]): Layer[] => [
  dense(shape.reduce((product, length) => product * length, 1)),
  tanh(),
  reshape(shape),
];

/** Decoders of a convolution each, by what is special about it. */
const CASES: Readonly<Record<string, Layer[]>> = {
  "3×3, padded": [...BEFORE([4, 5, 3]), conv({ channels: 8, kernel: 3, padding: 1 }), elu()],
  "few channels": [...BEFORE([3, 3, 17]), conv({ channels: 1, kernel: 3, padding: 1 }), sigmoid()],
  stride: [...BEFORE([5, 7, 2]), conv({ channels: 5, kernel: 3, stride: 2, padding: 1 }), softplus()],
  "a stride that leaves pixels out": [...BEFORE([5, 5, 2]), conv({ channels: 3, kernel: 1, stride: 2 })],
  dilation: [...BEFORE([6, 6, 2]), conv({ channels: 3, kernel: 3, dilation: 2, padding: 1 })],
  "another kernel, stride and padding for each axis": [
    ...BEFORE([4, 5, 3]),
    conv({ channels: 4, kernel: [2, 3], stride: [1, 2], padding: [1, 0, 0, 2], dilation: [2, 1] }),
  ],
  groups: [...BEFORE([3, 3, 6]), conv({ channels: 4, kernel: 3, padding: 1, groups: 2 }), elu()],
  "groups of eight": [...BEFORE([3, 2, 16]), conv({ channels: 16, kernel: 2, groups: 2 }), elu()],
  depthwise: [...BEFORE([3, 3, 5]), conv({ channels: 5, kernel: 3, padding: 1, groups: 5 })],
  "one axis": [...BEFORE([9, 3]), conv({ channels: 5, kernel: 4, stride: 2, padding: 1 }), tanh()],
  "transposed, 4×4, stride 2": [
    ...BEFORE([3, 3, 5]),
    convTranspose({ channels: 8, kernel: 4, stride: 2, padding: 1 }),
    elu(),
    convTranspose({ channels: 3, kernel: 4, stride: 2, padding: 1 }),
    sigmoid(),
  ],
  "transposed, with output padding": [
    ...BEFORE([3, 2, 2]),
    convTranspose({ channels: 3, kernel: 3, stride: 2, padding: 1, outputPadding: [1, 0] }),
  ],
  "transposed, a stride beyond the kernel": [
    ...BEFORE([2, 3, 2]),
    convTranspose({ channels: 2, kernel: 2, stride: 3 }),
    softplus(),
  ],
  "transposed, dilation and groups": [
    ...BEFORE([3, 3, 4]),
    convTranspose({ channels: 6, kernel: 2, stride: [1, 2], dilation: 2, groups: 2 }),
  ],
  "transposed, one axis": [
    ...BEFORE([4, 3]),
    convTranspose({ channels: 2, kernel: 3, stride: 2, padding: 1 }),
  ],
  // Beyond six panels of eight, in both directions: the last panel is whole in one and padded in the other.
  "many channels": [...BEFORE([3, 2, 56]), conv({ channels: 57, kernel: 2 }), tanh()],
  "transposed, many channels": [...BEFORE([2, 2, 57]), convTranspose({ channels: 56, kernel: 2 }), tanh()],
  "1×1, and dense behind": [
    ...BEFORE([2, 2, 9]),
    conv({ channels: 8, kernel: 1 }),
    elu(),
    reshape([32]),
    dense(5),
  ],
};

const LATENT = 3;
const decoderOf = (layers: readonly Layer[], seed = 1) => createDecoder(sequential(LATENT, layers), { seed });

for (const [name, layers] of Object.entries(CASES)) {
  const given = derivativeCase(decoderOf(layers));
  for (const build of [...builds, ...wideBuilds]) {
    test(`${build.name}: ${name}: value, gradients, Hessian-vector product, mixed term, matrices`, () =>
      checkDerivatives(build, given));
  }
}

/** A small DCGAN. */
const generator = (seed = 1) =>
  createDecoder(
    sequential(6, [
      dense(4 * 4 * 16),
      elu(),
      reshape([4, 4, 16]),
      convTranspose({ channels: 8, kernel: 4, stride: 2, padding: 1 }),
      elu(),
      convTranspose({ channels: 3, kernel: 4, stride: 2, padding: 1 }),
      sigmoid(),
    ]),
    { seed, loss: "bce" },
  );

/** Samples that a decoder makes of latents, so that there is a minimum. */
async function samplesOf(decoder: Decoder, count: number): Promise<Float32Array> {
  return decode(decoder, randomArray(7, count * decoder.latentSize, -1, 1));
}

test("encode: no result depends on batch mates, threads or the path taken, bit for bit", async () => {
  const decoder = generator();
  const y = await samplesOf(decoder, 23);
  const alone = wasm({ threads: 1 });
  for (const solver of [
    amd({ maxSteps: 30 }),
    undefined,
    rk4({ grid: linearGrid({ t1: 20, slices: 10 }) }),
  ]) {
    const options = { ...(solver && { solver }), backend: alone } as Parameters<typeof encode>[2];
    const expected = await encode(decoder, y, options);
    const threaded = await encode(decoder, y, {
      ...options,
      backend: wasm({ threads: 3, worker: workerUrl }),
    } as typeof options);
    assert.is(threaded.backend.threads, 3, threaded.backend.reason);
    assert.equal({ ...threaded, backend: 0, seconds: 0 }, { ...expected, backend: 0, seconds: 0 });
    const n = decoder.outputSize;
    for (const i of [0, 7, 22]) {
      const one = await encode(decoder, y.subarray(i * n, (i + 1) * n), options);
      assert.equal(one.z, expected.z.slice(i * 6, (i + 1) * 6), `sample ${i} alone`);
    }
    const recorded = await encode(decoder, y, { ...options, saveAt: "steps" } as typeof options);
    assert.equal(recorded.z, expected.z);
  }
});

test("lbfgs finds what a decoder has made, with its preconditioner", async () => {
  const decoder = generator();
  const z = randomArray(7, 20 * 6, -1, 1);
  const y = await decode(decoder, z);
  const { loss, status } = await encode(decoder, y);
  const { loss: atTruth } = await encode(decoder, y, { z0: z, solver: amd({ maxSteps: 0 }) });
  assert.ok(
    status.every((each) => each === "converged"),
    status.join(),
  );
  const worse = loss.filter((value, i) => value > atTruth[i]! + 1e-5);
  assert.is(worse.length, 0, `${worse.length} of 20 are above the loss at the latents that y was made of`);
});

for (const { name, backend } of builds) {
  test(`${name}: a mini-batch's update is the sum of its samples', of however many pixels`, async () => {
    for (const length of [3, 5, 9, 11]) {
      const decoder = createDecoder(
        sequential(2, [
          ...[dense(length * length), elu(), reshape([length, length, 1])],
          ...[conv({ channels: 3, kernel: 3, padding: 1 }), sigmoid()],
        ]),
        { seed: 1, loss: "mse" },
      );
      const size = decoder.outputSize;
      const count = 7;
      const y = randomArray(1, count * size, 0, 1);
      // No steps: all codes are 0.
      const options = { backend, solver: amd({ maxSteps: 0 }), optimizer: sgd({ learningRate: 1 }) };
      const stepOf = async (data: Float32Array, batchSize: number) => {
        const trained = await train(decoder, data, { ...options, batchSize });
        return trained.decoder.parameters.map((value, i) => value - decoder.parameters[i]!);
      };
      const expected = new Float64Array(decoder.parameterCount);
      for (let i = 0; i < count; i++) {
        const own = await stepOf(y.slice(i * size, (i + 1) * size), 1);
        for (const [k, value] of own.entries()) expected[k]! += value;
      }
      const error = relativeDistance(await stepOf(y, count), expected);
      // The steps are differences of float32 parameters.
      assert.ok(error < 1e-4, `${length} × ${length} pixels: off by ${error}`);
    }
  });
}

test("training lowers the loss, to the same weights on any number of threads", async () => {
  const decoder = generator(2);
  const y = await samplesOf(generator(3), 24);
  const data = createDataset(y, { shape: [16, 16, 3] });
  const options = {
    solver: amd({ maxSteps: 10 }),
    optimizer: adam({ learningRate: 3e-3 }),
    batchSize: 6,
    epochs: 6,
  } as const;
  const expected = await train(decoder, data, { ...options, backend: wasm({ threads: 1 }) });
  // Cross entropy has a floor: what can be learnt is above it.
  const meanOf = (steps: typeof expected.history) =>
    steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;
  const floor = lossFloors(binaryCrossEntropy(), y, 768).reduce((sum, value) => sum + value, 0) / 24;
  const [first, last] = [expected.history.slice(0, 4), expected.history.slice(-4)].map(meanOf);
  assert.ok(last! - floor < 0.8 * (first! - floor), `${first} → ${last} above ${floor}`);
  const threaded = await train(decoder, data, {
    ...options,
    backend: wasm({ threads: 2, worker: workerUrl }),
  });
  assert.equal(threaded.decoder.parameters, expected.decoder.parameters);
});

test("a file holds the graph, and is read back to the same bits", async () => {
  for (const layers of Object.values(CASES)) {
    const decoder = decoderOf(layers, 5);
    const again = await loadDecoder(decoder.toSafetensors());
    assert.equal(again.operations, decoder.operations);
    assert.equal(again.parameters, decoder.parameters);
    assert.equal(again.outputShape, decoder.outputShape);
  }
  const loaded = await loadDecoder(generator().toSafetensors());
  assert.equal(loaded.loss, generator().loss);
});

test("describe has a row for each operation", () => {
  const { operations, parameters, multiplications } = describe(generator());
  assert.equal(
    operations.map(({ operation, shape, parameters: count }) => [operation, shape, count]),
    [
      ["dense", [256], 7 * 256],
      ["elu", [256], 0],
      ["reshape", [4, 4, 16], 0],
      ["convTranspose 4×4", [8, 8, 8], 16 * 8 * 16 + 8],
      ["elu", [8, 8, 8], 0],
      ["convTranspose 4×4", [16, 16, 3], 8 * 3 * 16 + 3],
      ["sigmoid", [16, 16, 3], 0],
    ],
  );
  assert.is(parameters, generator().parameterCount);
  // Of 4·4·16 products of taps a frame of pixels leads nowhere: (4·4 - 2)² of each 16².
  assert.is(multiplications, 6 * 256 + 14 * 14 * 16 * 8 + 30 * 30 * 8 * 3);
});

test("what does not fit together is refused, with its place", async () => {
  const cases: [() => unknown, RegExp][] = [
    [
      () => sequential(3, [conv({ channels: 1, kernel: 1 })]),
      /conv "0": what it reads has the shape \[3\].*reshape/,
    ],
    [
      () => sequential(3, [dense(4), reshape([5])]),
      /reshape "1": shape is \[5\], which holds 5 numbers, expected 4/,
    ],
    [
      () => sequential(3, [...BEFORE([2, 2, 1]), conv({ channels: 1, kernel: 3 })]),
      /its output would have the shape \[0,0,1\]/,
    ],
    [
      () => sequential(3, [...BEFORE([2, 2, 3]), conv({ channels: 2, kernel: 1, groups: 2 })]),
      /groups is 2, expected a divisor/,
    ],
    [
      () => sequential(3, [...BEFORE([2, 2, 3]), conv({ channels: 2, kernel: 0 })]),
      /kernel is 0, expected an integer >= 1/,
    ],
    [
      () => sequential(3, [...BEFORE([2, 2, 3]), conv({ channels: 2, kernel: [1, 1, 1] })]),
      /kernel has 3 numbers, expected one, or 2/,
    ],
    [
      () => sequential(3, [...BEFORE([2, 2, 3]), conv({ channels: 2, kernel: 1, pad: 1 } as never)]),
      /unknown option "pad"/,
    ],
    [
      () =>
        sequential(3, [
          ...BEFORE([2, 2, 3]),
          convTranspose({ channels: 2, kernel: 2, stride: 2, outputPadding: 2 }),
        ]),
      /outputPadding is \[2,2\], expected less than the stride/,
    ],
    [() => sequential(3, [elu as never]), /layer 0 is .*call it: elu\(\)/],
    [
      () => sequential(3, [...BEFORE([2, 2, 1]), conv({ channels: 1, kernel: 1e9, padding: 5e8 })]),
      /from \[2,2,1\] .*far too many pixels meet, expected at most 4194304/,
    ],
    [
      () => sequential(3, [...BEFORE([2, 2, 1]), convTranspose({ channels: 1, kernel: 3000 })]),
      /36000000 pixels meet, expected at most/,
    ],
    [
      () => createDecoder({ ...sequential(3, [dense(2)]), format: 2 } as never),
      /format is 2, expected 1; a newer latentflow/,
    ],
    [() => createDecoder({ ...sequential(3, [dense(2)]), more: 1 } as never), /unknown option "more"/],
    [() => createDecoder(sequential(3, [dense(2)]), { seeds: 1 } as never), /unknown option "seeds"/],
    [
      () =>
        createDecoder({
          format: 1,
          layout: "channelsLast",
          latentSize: 2,
          operations: [{ kind: "lstm" }],
        } as never),
      /kind is "lstm"; the kinds are dense, activation/,
    ],
    [
      () =>
        createDecoder({
          format: 1,
          layout: "channelsLast",
          latentSize: 2,
          operations: [{ kind: "batchNorm" }],
        } as never),
      /kind is "batchNorm".*with fixed statistics it is affine, and groupNorm or layerNorm can be trained/,
    ],
    [() => createDecoder(sequential(3, [dense(2)]), { loss: "bce" }), /bce|sigmoid/],
  ];
  for (const [call, message] of cases) refused(call, "invalid_argument", message);
});

test.run();
