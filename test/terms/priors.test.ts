import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors, writeSafetensors } from "../../src/files/safetensors.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  encode,
  type GaussianOptions,
  gaussian,
  gaussianMixture,
  loadDecoder,
  type Prior,
} from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { PRIOR, readPrior } from "../../src/onnx/metadata.ts";
import { normalisePrior } from "../../src/terms/check-prior.ts";
import { describePrior } from "../../src/train/describe-run.ts";
import { train } from "../../src/train/index.ts";
import { allPriors, covariance } from "../support/prior-reference.ts";
import { randomArray } from "../support/random.ts";
import { refused, rejected } from "../support/refusal.ts";

// What priors are made of, what is refused, and where a decoder has one of its own.

const D = 3;
const decoderOf = (options: { prior?: Prior } = {}) =>
  createDecoder({ layers: [D, 8, 5], loss: "mse", seed: 1, ...options });
const y = randomArray(2, 10, 0, 1);

test("what is given as arrays of any sort becomes frozen numbers", () => {
  const prior = gaussian({ mean: Float32Array.of(1, 2), std: [1, 3] });
  assert.equal(prior.mean, [1, 2]);
  assert.equal(prior.std, [1, 3]);
  assert.is(prior.latentSize, 2);
  assert.is(gaussian().latentSize, undefined);
  assert.ok(Object.isFrozen(prior) && Object.isFrozen(prior.mean));
  const mixture = gaussianMixture({ weights: [1, 3], means: [[0], [1]], stds: [0.5, [2]] });
  assert.equal(mixture.weights, [0.25, 0.75]);
  assert.equal(mixture.stds, [0.5, 2]);
  assert.equal([gaussian({ std: 1e-30 }).std, gaussian({ std: 1e30 }).std], [1e-30, 1e30]);
  const [flat, rows] = [Float64Array.of(2, 1, 1, 2), [[2, 1], Float32Array.of(1, 2)]];
  assert.equal(gaussian({ covariance: flat }), gaussian({ covariance: rows }));
});

const REFUSED: readonly [make: () => unknown, message: RegExp][] = [
  [() => gaussian({ std: 0 }), /gaussian: std is 0, expected/],
  [() => gaussian({ std: [1, -1] }), /gaussian: std\[1\] is -1/],
  [() => gaussian({ std: 9e-31 }), /gaussian: std is 9e-31, expected a finite number >= 1e-30 and <= 1e\+30/],
  [() => gaussian({ std: [1, 2e30] }), /gaussian: std\[1\] is 2e\+30, expected/],
  [() => gaussianMixture({ means: [[1]], stds: 9e-31 }), /stds is 9e-31, expected a finite number >= 1e-30/],
  [() => gaussian({ mean: [1, Number.NaN] }), /gaussian: mean\[1\] is NaN/],
  [() => gaussian({ mean: [1, 2], std: [1, 2, 3] }), /gaussian: std has 3 values, expected 2/],
  [() => gaussian({ weight: 0 }), /gaussian: weight is 0/],
  [() => gaussian({ std: 1, covariance: [1] }), /std and covariance are both given, expected one of them/],
  [() => gaussian({ covariance: [1, 2, 3] }), /covariance has 3 values, expected d × d/],
  [() => gaussian({ mean: [0, 0], covariance: covariance(1, 3) }), /covariance is 3 × 3, expected 2 × 2/],
  [
    () =>
      gaussian({
        covariance: [
          [1, 0],
          [0.5, 1],
        ],
      }),
    /not symmetric: 0.5 at row 1, column 0, and 0/,
  ],
  [
    () =>
      gaussian({
        covariance: [
          [1, 1],
          [1, 1],
        ],
      }),
    /not positive definite/,
  ],
  [
    () =>
      gaussian({
        covariance: [
          [1, 2],
          [2, 1],
        ],
      }),
    /not positive definite/,
  ],
  [() => gaussian({ sigma: 1 } as GaussianOptions), /unknown option "sigma"/],
  [
    () => gaussian({ covariance: [1e-100] }),
    /covariance has the variance 1e-100 at 0, expected at least 1e-60/,
  ],
  [() => gaussian({ covariance: [[1e300]] }), /covariance\[0\]\[0\] is 1e\+300, expected/],
  [
    () => gaussian({ mean: 1e39 }),
    /gaussian: mean is 1e\+39, expected a finite number >= -3e\+38 and <= 3e\+38/,
  ],
  [() => gaussian({ mean: [0, -1e39] }), /gaussian: mean\[1\] is -1e\+39, expected/],
  [() => gaussianMixture({ means: [[1e39], [1]], stds: 1 }), /means\[0\]\[0\] is 1e\+39, expected/],
  [() => gaussianMixture({ means: [[1], [1e39]], stds: 1 }), /means\[1\]\[0\] is 1e\+39, expected/],
  [() => gaussian({ mean: [] }), /gaussian: mean is empty, expected an array of numbers/],
  [() => gaussian({ covariance: [] }), /covariance is empty, expected a matrix/],
  [() => gaussianMixture({ means: [], stds: 1 }), /means is empty, expected an array of rows/],
  [
    () => gaussianMixture({ means: [[0], [1]], stds: 1, weights: [5e-324, 1e308] }),
    /weights\[0\] is 5e-324 beside/,
  ],
  [() => gaussianMixture({ means: [[0, 1], [1]], stds: 1 }), /means\[1\] has 1 values, expected 2/],
  [() => gaussianMixture({ means: [[0, 1]] }), /stds is undefined, expected stds or covariances/],
  [
    () => gaussianMixture({ means: [[0]], stds: 1, covariances: [[1]] }),
    /stds and covariances are both given, expected one of them/,
  ],
  [() => gaussianMixture({ means: [[0], [1]], stds: [1] }), /stds has 1 entries, expected 2/],
  [() => gaussianMixture({ means: [[0], [1]], weights: [1, 0], stds: 1 }), /weights\[1\] is 0/],
  [() => gaussianMixture(undefined as never), /means is undefined/],
];

for (const [make, message] of REFUSED) {
  test(`refused: ${message}`, () => {
    refused(make, "invalid_argument", message);
  });
}

test("a call refuses what is no prior of its decoder", async () => {
  const decoder = decoderOf();
  const given = (prior: unknown) => ({ prior }) as { prior: Prior };
  for (const [prior, message] of [
    [gaussian, /prior is a function, .* \(are the brackets of the call missing\?\)/],
    [{ name: "gaussian", mean: 0, std: -1 }, /encode: prior: gaussian: std is -1/],
    [{ name: "uniform" }, /prior is an object, expected "none", gaussian\(\)/],
    ["gaussian", /prior is "gaussian", expected/],
    [null, /prior is null/],
    [gaussian({ mean: [1, 2] }), /prior is for latents of 2 values, expected 3/],
  ] as const) {
    await rejected(encode(decoder, y, given(prior)), "invalid_argument", message);
  }
  const other = JSON.parse(JSON.stringify(gaussian({ std: 2 })));
  assert.equal(
    await zOf(encode(decoder, y, given(other))),
    await zOf(encode(decoder, y, given(gaussian({ std: 2 })))),
  );
});

test("shares whose sum is more than float64 holds are shares all the same", () => {
  const shares = (weights: number[]) =>
    gaussianMixture({ weights, means: weights.map(() => [0]), stds: 1 }).weights;
  assert.equal(shares([1e308, 1e308]), [0.5, 0.5]);
  assert.equal(shares([Number.MAX_VALUE]), [1]);
});

test("a prior that JSON has kept is the same one, to the last bit", () => {
  for (const count of [1, 3, 5, 17]) {
    for (let seed = 0; seed < 20; seed++) {
      const weights = randomArray(seed, count, 0.1, 1);
      const prior = gaussianMixture({ weights, means: [...weights].map((value) => [value]), stds: 1 });
      const kept = JSON.parse(JSON.stringify(prior));
      assert.equal(normalisePrior(kept), prior, `${count} components, seed ${seed}`);
    }
  }
});

const lengthAlone = { length: 2 ** 31 };
const NO_PRIORS: readonly [value: object, message: RegExp][] = [
  // Arrays of such lengths would fill the memory.
  [
    { name: "gaussianMixture", weights: lengthAlone, means: [], stds: [] },
    /weights is an object, expected an array/,
  ],
  [
    { name: "gaussianMixture", weights: [1], means: lengthAlone, stds: [1] },
    /means is an object, expected an array/,
  ],
  [
    { name: "gaussianMixture", weights: [1], means: [1], stds: lengthAlone },
    /stds is an object, expected an array/,
  ],
  [
    { name: "gaussianMixture", weights: [1], means: [1], covariances: lengthAlone },
    /covariances is an object/,
  ],
  [{ name: "gaussian", mean: lengthAlone }, /mean is an object, expected a finite number/],
  [{ name: "gaussian", covariance: lengthAlone }, /covariance is an object, expected a matrix/],
  [{ name: "gaussianMixture", means: [1], stds: [1] }, /weights is undefined, expected an array/],
  [{ name: "gaussianMixture", weights: [1], means: [1] }, /stds is undefined, expected stds or covariances/],
  [
    { name: "gaussianMixture", weights: [1], means: [1], stds: [1], covariances: [1] },
    /stds and covariances are both given, expected one of them/,
  ],
  [{ name: "gaussian", std: 1, covariance: [1] }, /std and covariance are both given, expected one of them/],
  [{ name: "gaussian", sigma: 2 }, /unknown option "sigma"; the options are mean, std, covariance, weight/],
];

for (const [value, message] of NO_PRIORS) {
  test(`a file's prior that is refused: ${message}`, async () => {
    refused(() => normalisePrior(value), "invalid_argument", message);
    const { bytes } = fileWithPrior(JSON.stringify(value));
    await rejected(loadDecoder(bytes), "invalid_file", /^loadDecoder: the file's prior: gaussian/);
  });
}

test("what a file has in place of a prior is said once, and without the options of a call", async () => {
  const { bytes } = fileWithPrior('"none"');
  const expected =
    /^loadDecoder: the file's prior is "none", expected gaussian\(\) or gaussianMixture\(\); the option prior overrides the file's$/;
  await rejected(loadDecoder(bytes), "invalid_file", expected);
  assert.equal((await loadDecoder(bytes, { prior: gaussian() })).prior, gaussian());
});

test("a file whose prior nobody would read is not written", async () => {
  // Numbers of some 20 characters, so that the texts have 1.2 and 3 million.
  const wide = (d: number) => {
    return createDecoder({ layers: [d, 1], loss: "mse", prior: gaussian({ covariance: covariance(3, d) }) });
  };
  const decoder = wide(250);
  refused(
    () => decoder.toSafetensors(),
    "invalid_argument",
    /header would have \d+ bytes, more than the 1048576 that are read; of these "prior" has \d+; .* toOnnx\(\)/,
  );
  assert.equal((await loadOnnx(await toOnnx(decoder))).prior, decoder.prior);
  await rejected(
    toOnnx(wide(400)),
    "invalid_argument",
    /toOnnx: the decoder's prior would take \d+ characters/,
  );
});

test("the prior in an ONNX file is bounded before it is read, and refused with the reason", () => {
  const readText = (text: string) => readPrior(new Map([[PRIOR, text]]));
  refused(() => readText(`"${"x".repeat(2 ** 21)}"`), "invalid_file", /has 2097154 characters, more than/);
  refused(() => readText("{"), "invalid_file", /latentflow.prior is "\{", expected JSON/);
  refused(
    () => readText('{"name":"gaussian","std":-1}'),
    "invalid_file",
    /the file's latentflow.prior: gaussian: std is -1/,
  );
});

/** A decoder's file whose prior is this text. */
function fileWithPrior(text: string) {
  const { tensors, metadata } = readSafetensors(decoderOf().toSafetensors());
  const values = [...tensors].map(([name, { shape, bytes }]) => {
    return { name, shape, values: new Float32Array(bytes.slice().buffer) };
  });
  return { bytes: writeSafetensors(values, new Map([...metadata, ["prior", text]])) };
}

test("without one the objective is the loss", async () => {
  const result = await encode(decoderOf(), y);
  assert.is(result.prior, undefined);
  assert.equal(result.objective, result.loss);
});

test("a decoder's own is used, unless the call says otherwise", async () => {
  const prior = gaussian({ std: 0.3 });
  const [own, bare] = [decoderOf({ prior }), decoderOf()];
  assert.equal(await zOf(encode(own, y)), await zOf(encode(bare, y, { prior })));
  assert.equal(await zOf(encode(own, y, { prior: "none" })), await zOf(encode(bare, y)));
  const trained = await train(own, y);
  assert.equal(trained.decoder.prior, prior);
  assert.is((await train(own, y, { prior: "none" })).decoder.prior, undefined);
});

test("files keep it, and their latents have to fit", async () => {
  for (const { prior, name } of allPriors(D)) {
    const decoder = decoderOf({ prior });
    for (const copy of [await loadDecoder(decoder.toSafetensors()), await loadOnnx(await toOnnx(decoder))]) {
      assert.equal(copy.prior, prior, name);
      assert.equal(await zOf(encode(copy, y)), await zOf(encode(decoder, y)), name);
    }
  }
  const other = await loadDecoder(decoderOf().toSafetensors(), { prior: gaussian() });
  assert.equal(other.prior, gaussian());
  const small = gaussian({ mean: [1, 2] });
  await rejected(
    loadDecoder(decoderOf().toSafetensors(), { prior: small }),
    "invalid_argument",
    /latents of 2 values, expected 3/,
  );
  refused(
    () => decoderOf({ prior: small }),
    "invalid_argument",
    /createDecoder: prior is for latents of 2 values/,
  );
});

test("a prior that holds weakly changes little, one that holds fast leaves the code at its mean", async () => {
  const decoder = createDecoder({ layers: [D, 8, 5], outputActivation: "sigmoid", seed: 1 });
  const loss = binaryCrossEntropy();
  const free = await encode(decoder, y, { loss });
  const weak = await encode(decoder, y, { loss, prior: gaussian({ std: 1e4 }) });
  const fast = await encode(decoder, y, { loss, prior: gaussian({ mean: 2, std: 1e-6 }) });
  for (const [i, value] of fast.z.entries()) assert.ok(Math.abs(value - 2) < 1e-5, `${i}: ${value}`);
  for (const [i, value] of weak.loss.entries()) assert.ok(Math.abs(value / free.loss[i]! - 1) < 1e-3);
  assert.ok(fast.status.every((status) => status === "converged"));
});

async function zOf(result: ReturnType<typeof encode>): Promise<Float32Array> {
  return (await result).z;
}

test("runs tell priors apart that differ in a weight alone", () => {
  const mixture = (weights: readonly number[], weight = 1) =>
    describePrior(gaussianMixture({ weights, weight, means: [[0], [1]], stds: [[1], [1]] }));
  const [first, other] = [mixture([0.25, 0.75]), mixture([0.75, 0.25])];
  assert.equal(mixture([1, 3]), first);
  assert.is.not(other.numbers, first.numbers);
  assert.equal({ ...mixture([0.25, 0.75], 2), weight: 1 }, first);
  assert.is(mixture([0.25, 0.75], 2).weight, 2);
  assert.is.not(describePrior(gaussian({ weight: 2 })).weight, describePrior(gaussian()).weight);
});

test.run();
