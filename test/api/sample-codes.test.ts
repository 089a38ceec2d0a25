// Tests src/api/importance-sampling.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, Session } from "../../src/backend/backend.ts";
import { concat, dense, graph } from "../../src/graph/index.ts";
import {
  binaryCrossEntropy,
  type CodeSamples,
  createDecoder,
  customLoss,
  type Decoder,
  encode,
  gaussian,
  gaussianMixture,
  type Prior,
  type SampleCodesOptions,
  type StandardLoss,
  sampleCodes,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { priorAt } from "../support/prior-reference.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";

const backend = wasm({ relaxed: false, threads: 1 });

/** Weighted mean of f over the codes of a sample, and its standard error by the weights. */
function meanOver(
  { codes, weights, effectiveSampleSize }: CodeSamples,
  sample: number,
  d: number,
  f: (z: Float32Array) => number,
): { readonly mean: number; readonly error: number } {
  const count = weights.length / effectiveSampleSize.length;
  const own = weights.subarray(sample * count, (sample + 1) * count);
  const at = (k: number) =>
    f(codes.subarray((sample * count + k) * d, (sample * count + k + 1) * d) as Float32Array);
  let mean = 0;
  for (const [k, weight] of own.entries()) mean += weight * at(k);
  let variance = 0;
  for (const [k, weight] of own.entries()) variance += weight ** 2 * (at(k) - mean) ** 2;
  return { mean, error: Math.sqrt(variance) };
}

test("a linear decoder's posterior is the Gaussian that is drawn from: all weights are alike, mean and covariance its own", async () => {
  // x = Az + b, noise of deviation 0.2, prior N(m, s²): precision AᵀA/σ² + I/s².
  const decoder = createDecoder({ layers: [2, 3], outputActivation: "identity", seed: 1 });
  const [a, b] = [
    [0.5, -1, 0.25, 0.75, -0.5, 2],
    [0.1, -0.2, 0.3],
  ];
  decoder.parameters.set([...a, ...b]);
  const [sigma, mean, std] = [0.2, [0.5, -0.25], 0.3];
  const options = {
    loss: squaredError(),
    prior: gaussian({ mean, std }),
    weights: new Float32Array(3).fill(1 / (2 * sigma ** 2)),
    backend,
  };
  const y = Float32Array.from([0.4, -0.9, 0.6]);
  const result = await encode(decoder, y, options);
  const samples = await sampleCodes(decoder, y, result, { ...options, count: 4000 });
  assert.ok(samples.effectiveSampleSize[0]! > 3999, `${samples.effectiveSampleSize[0]}`);
  const precision = [0, 1].map((i) =>
    [0, 1].map(
      (j) =>
        [0, 1, 2].reduce((sum, o) => sum + a[2 * o + i]! * a[2 * o + j]!, 0) / sigma ** 2 +
        (i === j ? 1 / std ** 2 : 0),
    ),
  );
  const right = [0, 1].map(
    (i) =>
      [0, 1, 2].reduce((sum, o) => sum + a[2 * o + i]! * (y[o]! - b[o]!), 0) / sigma ** 2 +
      mean[i]! / std ** 2,
  );
  const determinant = precision[0]![0]! * precision[1]![1]! - precision[0]![1]! ** 2;
  const covariance = [
    [precision[1]![1]! / determinant, -precision[0]![1]! / determinant],
    [-precision[0]![1]! / determinant, precision[0]![0]! / determinant],
  ];
  const exact = covariance.map((row) => row[0]! * right[0]! + row[1]! * right[1]!);
  for (const i of [0, 1]) {
    const found = meanOver(samples, 0, 2, (z) => z[i]!);
    assert.ok(Math.abs(found.mean - exact[i]!) < 4 * found.error, `${found.mean}, expected ${exact[i]}`);
    for (const j of [0, 1]) {
      const product = meanOver(samples, 0, 2, (z) => (z[i]! - exact[i]!) * (z[j]! - exact[j]!));
      assert.ok(Math.abs(product.mean - covariance[i]![j]!) < 4 * product.error);
    }
  }
});

/** Posterior mean and variance of one latent by the trapezoidal rule in float64, from p(z | y) ∝ exp(-nats(z)). */
function quadrature(nats: (z: number) => number): readonly [mean: number, variance: number] {
  const points = Array.from({ length: 8001 }, (_, i) => -10 + (20 * i) / 8000);
  const values = points.map(nats);
  const least = Math.min(...values);
  const densities = values.map((value) => Math.exp(least - value));
  const total = densities.reduce((sum, density) => sum + density, 0);
  const mean = densities.reduce((sum, density, i) => sum + density * points[i]!, 0) / total;
  return [mean, densities.reduce((sum, density, i) => sum + density * (points[i]! - mean) ** 2, 0) / total];
}

const curved = createDecoder({ layers: [1, 4, 3], activation: "tanh", outputActivation: "sigmoid", seed: 3 });
for (let i = 0; i < curved.parameters.length; i++) curved.parameters[i]! *= 2;

/** Outputs of `curved`, in float64. */
function outputsAt(z: number): number[] {
  const p = curved.parameters;
  const hidden = [0, 1, 2, 3].map((h) => Math.tanh(p[h]! * z + p[4 + h]!));
  return [0, 1, 2].map((o) => {
    const logit = hidden.reduce((sum, value, h) => sum + p[8 + 4 * o + h]! * value, p[20 + o]!);
    return 1 / (1 + Math.exp(-logit));
  });
}

const cases: readonly [
  name: string,
  loss: StandardLoss,
  weights: readonly number[] | undefined,
  prior: Prior,
][] = [
  ["mean cross entropy", binaryCrossEntropy(), undefined, gaussian()],
  ["summed cross entropy", binaryCrossEntropy({ reduction: "sum" }), undefined, gaussian()],
  ["weights, one element missing", binaryCrossEntropy(), [3, 0, 0.5], gaussian({ mean: 0.5, std: 0.7 })],
  ["weights and a sum", binaryCrossEntropy({ reduction: "sum" }), [3, 0, 0.5], gaussian({ weight: 2 })],
  ["squared error", squaredError(), [8, 8, 8], gaussian()],
  ["a posterior whose density underflows everywhere", squaredError(), [8000, 8000, 8000], gaussian()],
  [
    "a mixture",
    binaryCrossEntropy(),
    undefined,
    gaussianMixture({ means: [[-0.5], [0.7]], stds: 0.6, weights: [1, 2] }),
  ],
];

for (const [name, loss, weights, prior] of cases) {
  test(`weighted codes have the posterior's mean and variance by quadrature: ${name}`, async () => {
    const y = Float32Array.from([0.9, 0.2, 0.6]);
    const nats = (z: number) =>
      outputsAt(z).reduce(
        (sum, x, o) => {
          const error =
            loss.name === "squaredError"
              ? (x - y[o]!) ** 2
              : -(y[o]! * Math.log(x) + (1 - y[o]!) * Math.log(1 - x));
          return sum + (weights?.[o] ?? 1) * error;
        },
        priorAt(prior, [z]).value,
      );
    const [mean, variance] = quadrature(nats);
    const options = { loss, prior, backend, ...(weights && { weights: Float32Array.from(weights) }) };
    const samples = await sampleCodes(curved, y, await encode(curved, y, options), {
      ...options,
      count: 20_000,
      seed: 5,
    });
    assert.ok(samples.effectiveSampleSize[0]! > 2000 && samples.effectiveSampleSize[0]! <= 20_000);
    const total = samples.weights.reduce((sum, weight) => sum + weight, 0);
    assert.ok(Math.abs(total - 1) < 1e-12);
    const found = meanOver(samples, 0, 1, ([z]) => z!);
    assert.ok(Math.abs(found.mean - mean) < 4 * found.error, `mean ${found.mean}, expected ${mean}`);
    const spread = meanOver(samples, 0, 1, ([z]) => (z! - mean) ** 2);
    assert.ok(Math.abs(spread.mean - variance) < 4 * spread.error, `${spread.mean}, expected ${variance}`);
  });
}

const decoder = createDecoder({ layers: [3, 8, 17], outputActivation: "sigmoid", loss: "bce", seed: 2 });
const prior = gaussian({ std: 2 });
const y = randomArray(7, 5 * 17, 0, 1);

test("a sample's codes and weights do not depend on its batch mates, their order or number; the seed changes them", async () => {
  const options: SampleCodesOptions = { prior, backend, count: 9, seed: 4 };
  const { z } = await encode(decoder, y, { prior, backend });
  for (const weights of [undefined, randomArray(9, 5 * 17, 0.1, 3)]) {
    const all = await sampleCodes(decoder, y, { z }, { ...options, weights });
    for (let sample = 0; sample < 5; sample++) {
      const [first, end] = [17 * sample, 17 * (sample + 1)];
      const own = await sampleCodes(
        decoder,
        y.slice(first, end),
        { z: z.slice(3 * sample, 3 * (sample + 1)) },
        { ...options, weights: weights?.slice(first, end) },
      );
      assert.equal(own.codes, all.codes.slice(27 * sample, 27 * (sample + 1)));
      assert.equal(own.weights, all.weights.slice(9 * sample, 9 * (sample + 1)));
      assert.is(own.effectiveSampleSize[0], all.effectiveSampleSize[sample]);
    }
  }
  const all = await sampleCodes(decoder, y, { z }, options);
  assert.equal(await sampleCodes(decoder, y, { z }, options), all);
  const other = await sampleCodes(decoder, y, { z }, { ...options, seed: 5 });
  assert.ok(other.codes.every((value, i) => value !== all.codes[i]));
  const fewer = await sampleCodes(decoder, y, { z }, { ...options, count: 4 });
  assert.equal(fewer.codes.slice(0, 12), all.codes.slice(0, 12));
});

test("samples in pieces, as many as fit in memory at once, have the codes and weights that they have together", async () => {
  /** A backend whose objectives hold two samples at most. */
  const inPieces: Backend = {
    ...backend,
    async open(...use) {
      const session = await backend.open(...use);
      return Object.assign(Object.create(session), { objectiveSize: () => 2 });
    },
  };
  const { z } = await encode(decoder, y, { prior, backend });
  for (const weights of [undefined, randomArray(9, 17, 0.1, 3), randomArray(9, 5 * 17, 0.1, 3)]) {
    const options = { prior, count: 9, seed: 4, weights };
    const reports: number[] = [];
    const onProgress = ({ done }: { readonly done: number }) => void reports.push(done);
    const pieces = await sampleCodes(decoder, y, { z }, { ...options, backend: inPieces, onProgress });
    assert.equal(pieces, await sampleCodes(decoder, y, { z }, { ...options, backend }));
    assert.is(reports.at(-1), 45);
  }
});

test("an abort ends the draws at the next one; each objective is disposed of, also then", async () => {
  const controller = new AbortController();
  let [values, made, disposed] = [0, 0, 0];
  const counted: Backend = {
    ...backend,
    async open(...use) {
      const session = await backend.open(...use);
      const objective: Session["objective"] = async (...given) => {
        const own = await session.objective(...given);
        made++;
        return Object.assign(Object.create(own), {
          value(...at: Parameters<typeof own.value>) {
            if (++values === 4) controller.abort(new Error("enough"));
            return own.value(...at);
          },
          dispose() {
            disposed++;
            own.dispose();
          },
        });
      };
      return Object.assign(Object.create(session), { objective });
    },
  };
  const { z } = await encode(decoder, y, { prior, backend });
  const options = { prior, backend: counted, count: 100 };
  const ended = await sampleCodes(decoder, y, { z }, { ...options, signal: controller.signal }).catch(
    (error) => error,
  );
  assert.is(ended, controller.signal.reason);
  assert.equal([values, made, disposed], [4, 1, 1]);
  await sampleCodes(decoder, y, { z }, options);
  assert.equal([values, made, disposed], [4 + 1 + 100, 2, 2]);
});

test("a progress callback whose promise is rejected, the last one too, rejects the call", async () => {
  const { z } = await encode(decoder, y, { prior, backend });
  const late = new Error("late");
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) =>
    done === total ? Promise.reject(late) : undefined;
  const options = { prior, backend, count: 5, onProgress };
  assert.is(await sampleCodes(decoder, y, { z }, options).catch((error) => error), late);
});

test("each sample is drawn by random numbers of its own", async () => {
  // Linear: every sample has the same covariance, so that draws differ from their codes by the random numbers alone.
  const linear = createDecoder({ layers: [2, 5], outputActivation: "identity", seed: 6 });
  const options = { prior: gaussian(), loss: squaredError(), backend };
  const twice = randomArray(8, 2 * 5, 0, 1);
  const { z } = await encode(linear, twice, options);
  const { codes } = await sampleCodes(linear, twice, { z }, { ...options, count: 4 });
  for (let i = 0; i < 8; i++) {
    const [one, other] = [codes[i]! - z[i % 2]!, codes[8 + i]! - z[2 + (i % 2)]!];
    assert.ok(Math.abs(one - other) > 1e-4, `${i}: ${one}, ${other}`);
  }
});

test("a decoder's own loss and prior are the defaults, and 200 the count", async () => {
  const own = createDecoder({ layers: [3, 8, 17], outputActivation: "sigmoid", loss: "bce", seed: 2, prior });
  const result = await encode(own, y, { backend });
  const samples = await sampleCodes(own, y, result, { backend });
  assert.is(samples.codes.length, 5 * 200 * 3);
  assert.equal(samples, await sampleCodes(decoder, y, result, { prior, backend }));
});

test("a code that is not finite has weights of 0 and a sample size of 0, and its batch mates have theirs", async () => {
  const { z } = await encode(decoder, y, { prior, backend });
  const good = await sampleCodes(decoder, y, { z }, { prior, backend, count: 6 });
  const broken = z.slice();
  broken[4] = Number.NaN;
  const samples = await sampleCodes(decoder, y, { z: broken }, { prior, backend, count: 6 });
  assert.is(samples.effectiveSampleSize[1], 0);
  assert.equal([...samples.weights.slice(6, 12)], new Array(6).fill(0));
  for (const sample of [0, 2, 3, 4]) {
    assert.equal(
      samples.weights.slice(6 * sample, 6 * sample + 6),
      good.weights.slice(6 * sample, 6 * sample + 6),
    );
  }
});

test("a draw whose loss is not finite has weight 0, and the others those that they have among themselves", async () => {
  const line = createDecoder({ layers: [1, 1], outputActivation: "identity" });
  line.parameters.set([1, 0]);
  const lossThatIs = (beyond: number, end: number) =>
    customLoss({
      value: (x, target) => (x > end ? beyond : (x - target) ** 2),
      gradient: (x, target) => 2 * (x - target),
      curvature: () => 2,
    });
  // The second sample lies where no draw of it is finite.
  const twice = Float32Array.of(0.1, 9);
  const draw = (beyond: number, end: number) => {
    const options = { prior: gaussian(), loss: lossThatIs(beyond, end), backend, count: 20 };
    return sampleCodes(line, twice, { z: twice }, options);
  };
  const whole = await draw(0, Number.POSITIVE_INFINITY);
  const rest = [...whole.weights.subarray(0, 20)].map((weight, k) => (whole.codes[k]! > 0.3 ? 0 : weight));
  const sum = rest.reduce((total, weight) => total + weight, 0);
  assert.ok(rest.filter((weight) => weight > 0).length > 5 && rest.includes(0));
  const square = rest.reduce((total, weight) => total + (weight / sum) ** 2, 0);
  for (const beyond of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const { codes, weights, effectiveSampleSize } = await draw(beyond, 0.3);
    assert.equal(codes, whole.codes);
    for (const [k, weight] of rest.entries()) assert.ok(Math.abs(weights[k]! - weight / sum) < 1e-12);
    assert.ok(Math.abs(effectiveSampleSize[0]! - 1 / square) < 1e-9);
    assert.equal([effectiveSampleSize[1], ...weights.subarray(20)], new Array(21).fill(0));
  }
});

test("arrays that the caller changes after the call, or transfers, have been taken", async () => {
  const conditional = createDecoder(
    graph(({ latent, fixed }) => dense(17)(concat()(latent(3), fixed("label", 2)))),
    { loss: "mse", seed: 3 },
  );
  const given = () => ({
    y: y.slice(),
    weights: randomArray(9, 5 * 17, 0.1, 3),
    label: randomArray(2, 5 * 2, -1, 1),
    z: randomArray(3, 5 * 3, -1, 1),
  });
  const draw = (arrays: ReturnType<typeof given>) => {
    const { weights, label } = arrays;
    const options = { prior, backend, count: 3, weights, fixed: { label } };
    return sampleCodes(conditional, arrays.y, arrays, options);
  };
  const expected = await draw(given());
  const spoilers = [
    (values: Float32Array) => void values.fill(0.5),
    ({ buffer }: Float32Array) => void structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }),
  ];
  for (const spoil of spoilers) {
    const arrays = given();
    const call = draw(arrays);
    for (const values of Object.values(arrays)) spoil(values);
    assert.equal(await call, expected);
  }
});

test("no samples: nothing is drawn", async () => {
  const nothing = new Float32Array(0);
  const samples = await sampleCodes(decoder, nothing, { z: nothing }, { prior, backend });
  assert.equal([samples.codes.length, samples.weights.length, samples.effectiveSampleSize.length], [0, 0, 0]);
});

test("bad input is refused, by its name", async () => {
  const result = { z: new Float32Array(15) };
  const cases: readonly [SampleCodesOptions, RegExp][] = [
    [{}, /prior is undefined, expected fitGaussian\(codes\)/],
    [{ prior: "none" }, /prior is "none", expected fitGaussian/],
    [{ prior, count: 0 }, /count is 0, expected/],
    [{ prior, count: 1.5 }, /count is 1\.5/],
    [{ prior, seed: -1 }, /seed is -1/],
    [{ prior, weights: new Float32Array(3) }, /weights has 3 values, expected 17 .* or 85/],
    [{ prior: gaussian({ mean: [0, 0] }) }, /prior is for latents of 2 values, expected 3/],
    [{ prior, colour: 1 } as never, /colour/],
    [{ prior, onProgress: 1 as never }, /onProgress is 1/],
    [
      {
        prior,
        loss: customLoss({ value: (x, t) => (x - t) ** 2, gradient: (x, t) => 2 * (x - t) }),
      },
      /loss has no curvature/,
    ],
  ];
  for (const [options, message] of cases)
    await rejected(sampleCodes(decoder, y, result, options), "invalid_argument", message);
  const ofResult = (value: unknown, message: RegExp) =>
    rejected(sampleCodes(decoder, y, value as never, { prior }), "invalid_argument", message);
  await ofResult(undefined, /result is undefined, expected what encode returns, or \{ z \}/);
  await ofResult(new Float32Array(15), /result is/);
  await ofResult({ z: [0] }, /result\.z is an Array/);
  await ofResult({ z: new Float32Array(14) }, /result\.z has 14 values, expected 15/);
  const infinite = y.slice();
  infinite[3] = Number.POSITIVE_INFINITY;
  await rejected(
    sampleCodes(decoder, infinite, result, { prior }),
    "invalid_argument",
    /y is Infinity at sample 0/,
  );
});

test("more codes than memory has room for are refused before any work", async () => {
  let opened = 0;
  const counted: Backend = {
    ...backend,
    open(...parts) {
      opened++;
      return backend.open(...parts);
    },
  };
  const z = new Float32Array(15);
  for (const count of [2 ** 45, Number.MAX_SAFE_INTEGER]) {
    const call = sampleCodes(decoder, y, { z }, { prior, backend: counted, count });
    await rejected(
      call,
      "out_of_memory",
      /no memory for \d+ codes of each of 5 samples; give a smaller count/,
    );
  }
  assert.is(opened, 0);
});

test("equal weights are worth as many draws as there are, also by rounding; options are read once", async () => {
  // 17 is the first number at which the weights' squares add up to less than 1/17.
  const data = y.subarray(0, 17);
  let reads = 0;
  const options = {
    prior: gaussian({ weight: 1e20 }),
    backend,
    count: 17,
    get weights() {
      reads++;
      return new Float32Array(17).fill(1);
    },
  };
  const { weights, effectiveSampleSize } = await sampleCodes(
    decoder,
    data,
    { z: new Float32Array(3).fill(1) },
    options,
  );
  assert.is(new Set(weights).size, 1);
  assert.is(effectiveSampleSize[0], 17);
  assert.ok(reads <= 2, `${reads} reads`);
});

test("progress is reported, and an abort ends the call with its reason", async () => {
  const { z } = await encode(decoder, y, { prior, backend });
  const seen: number[] = [];
  await sampleCodes(
    decoder,
    y,
    { z },
    {
      prior,
      backend,
      count: 2000,
      onProgress: ({ done, total }) => seen.push(done / total),
    },
  );
  assert.is(seen.at(-1), 1);
  assert.ok(seen.some((share) => share > 0 && share < 1));
  assert.equal(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.ok(seen.length < 500, `${seen.length} reports of 2000 draws`);
  const reason = new Error("enough");
  const controller = new AbortController();
  const call = sampleCodes(decoder, y, { z }, { prior, backend, count: 100_000, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await call.then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  await rejected(sampleCodes(disposed(), y, { z }, { prior }), "disposed", /decoder/);
});

function disposed(): Decoder {
  const gone = createDecoder({ layers: [3, 8, 17], outputActivation: "sigmoid", loss: "bce" });
  gone.dispose();
  return gone;
}

test.run();
