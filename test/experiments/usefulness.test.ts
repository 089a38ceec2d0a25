// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  filled,
  type Given,
  intact,
  noisy,
  randomMissing,
  squaredErrors,
  topHalfMissing,
} from "../../experiments/usefulness/given.ts";
import { DAMAGE_NAMES, type Figures, measure } from "../../experiments/usefulness/measure.ts";
import { flowMethod, linearMethod, pixelMethod } from "../../experiments/usefulness/methods.ts";
import { nearest, neighbourAccuracy } from "../../experiments/usefulness/nearest-neighbours.ts";
import { networkOf } from "../../experiments/usefulness/networks.ts";
import { type Results, toMarkdown } from "../../experiments/usefulness/page.ts";
import { drawMethods } from "../../experiments/usefulness/picture.ts";
import {
  fitLinearDecoder,
  linearCodes,
  linearImages,
} from "../../experiments/usefulness/principal-components.ts";
import { networkMethods } from "../../experiments/usefulness/usefulness.ts";
import { drawRows } from "../../reproduce/labelled-rows.ts";
import { createDecoder, decode, encode, gaussian, lbfgs, wasm } from "../../src/index.ts";
import { randomArray } from "../support/random.ts";

// What npm run experiment -- usefulness is made of, on tiny inputs.

const backend = wasm({ relaxed: false, threads: 1 });

test("the nearest points are those of sorting by distance, nearest first, the first of equals", () => {
  for (const [size, count, k] of [
    [1, 1, 1],
    [3, 17, 5],
    [5, 40, 17],
  ] as const) {
    // Rounded, so that some are as far away as others.
    const points = randomArray(size, count * size, -3, 3).map(Math.round);
    for (let query = 0; query < 5; query++) {
      const point = randomArray(100 + query, size, -3, 3).map(Math.round);
      const distance = (index: number) =>
        point.reduce((sum, value, i) => sum + (points[index * size + i]! - value) ** 2, 0);
      const sorted = Array.from({ length: count }, (_, index) => index).sort(
        (a, b) => distance(a) - distance(b) || a - b,
      );
      assert.equal(nearest(points, point, k), sorted.slice(0, k));
    }
  }
});

test("neighbours: the majority's class, of classes with as many votes the nearest one's", () => {
  const references = {
    points: Float32Array.of(0, 1, 2, 10, 11, 12),
    labels: Uint8Array.of(4, 7, 7, 4, 4, 7),
  };
  const accuracy = (point: number, label: number, k: number) =>
    neighbourAccuracy(references, { points: Float32Array.of(point), labels: Uint8Array.of(label) }, 1, k);
  assert.is(accuracy(0.1, 4, 1), 1);
  assert.is(accuracy(0.1, 7, 3), 1);
  assert.is(accuracy(0.1, 4, 2), 1, "one of each: the nearer");
  assert.is(accuracy(1.1, 7, 2), 1);
  assert.is(accuracy(100, 4, 1), 0);
  const own = { points: references.points, labels: references.labels };
  assert.is(neighbourAccuracy(references, own, 1, 1), 1, "each is its own nearest neighbour");
});

test("pixels missing at random: exactly so many of each digit, others in each, the same for a seed", () => {
  for (const [size, share] of [
    [1, 0.4],
    [16, 0.5],
    [17, 0.9],
    [784, 0.9],
  ] as const) {
    const digits = randomArray(size, 3 * size, 0, 1);
    const { y, deviation } = randomMissing(share)(digits, size, 5);
    assert.is(deviation, 0);
    const missing = [0, 1, 2].map((digit) => {
      const row = [...y.subarray(digit * size, (digit + 1) * size)];
      return row.flatMap((value, i) => (Number.isNaN(value) ? [i] : []));
    });
    for (const own of missing) assert.is(own.length, Math.round(share * size));
    assert.ok(y.every((value, i) => Number.isNaN(value) || value === digits[i]));
    // As text: NaN is not NaN.
    assert.is(String(randomMissing(share)(digits.slice(0, size), size, 5).y), String(y.slice(0, size)));
    if (size < 784) continue;
    assert.is.not(String(missing[0]), String(missing[1]));
    assert.is.not(String(randomMissing(share)(digits, size, 6).y), String(y));
  }
});

test("the top half, and noise of a standard deviation", () => {
  const digits = randomArray(1, 2 * 16, 0, 1);
  const { y } = topHalfMissing(digits, 16, 0);
  for (const [i, value] of y.entries()) {
    if (i % 16 < 8) assert.ok(Number.isNaN(value));
    else assert.is(value, digits[i]);
  }
  const count = 40_000;
  const noise = noisy(0.5)(new Float32Array(count), count, 3);
  assert.is(noise.deviation, 0.5);
  const mean = noise.y.reduce((sum, value) => sum + value, 0) / count;
  const variance = noise.y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  // Four standard errors.
  assert.ok(Math.abs(mean) < (4 * 0.5) / Math.sqrt(count), `mean ${mean}`);
  assert.ok(Math.abs(variance / 0.25 - 1) < 4 * Math.sqrt(2 / count), `variance ${variance}`);
});

test("errors are of what was missing, or of all", () => {
  const digits = Float32Array.of(0, 1, 0.5, 0.5);
  const images = Float32Array.of(1, 1, 0.5, 0);
  const part: Given = { y: Float32Array.of(Number.NaN, 1, 0.5, Number.NaN), deviation: 0 };
  assert.equal([...squaredErrors(digits, part, images, 2)], [1, 0.25]);
  assert.equal([...squaredErrors(digits, intact(digits, 2, 0), images, 2)], [0.5, 0.125]);
  const cut = filled({ y: Float32Array.of(-1, Number.NaN, 2, Number.NaN), deviation: 1 }, [0.25, 0.75]);
  assert.equal([...cut], [0, 0.75, 1, 0.75]);
});

test("principal components of data with missing values", () => {
  for (const [size, components] of [
    [3, 1],
    [5, 3],
    [17, 5],
  ] as const) {
    // Data that lie in a plane: what is there tells what is missing.
    const basis = randomArray(size, components * size);
    const coordinates = randomArray(7, 100 * components);
    const y = Float32Array.from({ length: 100 * size }, (_, at) => {
      let sum = 0.5;
      for (let k = 0; k < components; k++) {
        sum += coordinates[Math.floor(at / size) * components + k]! * basis[k * size + (at % size)]!;
      }
      return sum;
    });
    const linear = fitLinearDecoder(y, size, components);
    assert.is(linear.basis.length, components);
    assert.ok(linear.residual < 1e-9, `${linear.residual}`);
    const some = y.subarray(0, 10 * size);
    const missing = size - components - 1;
    const { y: given } = randomMissing(missing / size)(some, size, 1);
    assert.is(given.filter(Number.isNaN).length, 10 * missing);
    const found = linearImages(linear, linearCodes(linear, given, new Float64Array(components).fill(1e-9)));
    for (const [i, value] of found.entries())
      assert.ok(Math.abs(value - some[i]!) < 1e-3, `${value}, ${some[i]}`);
  }
});

test("with a ridge, no other code has a lower objective", () => {
  const [size, components] = [17, 3];
  const y = randomArray(3, 60 * size);
  const linear = fitLinearDecoder(y, size, components);
  const variance = linear.variances.reduce((sum, value) => sum + value, 0);
  // A plane through the mean leaves over what it does not explain.
  let total = 0;
  for (const [i, value] of y.entries()) total += (value - linear.mean[i % size]!) ** 2 / 60;
  assert.ok(Math.abs(variance + linear.residual * (size - components) - total) < 1e-6);

  const { y: given } = randomMissing(0.5)(y.subarray(0, size), size, 2);
  const ridge = [0.5, 1, 2];
  const objective = (z: Float32Array) => {
    const image = linearImages(linear, z);
    return (
      given.reduce((sum, value, i) => sum + (Number.isNaN(value) ? 0 : (value - image[i]!) ** 2), 0) +
      z.reduce((sum, value, k) => sum + ridge[k]! * value ** 2, 0)
    );
  };
  const z = linearCodes(linear, given, ridge);
  for (let k = 0; k < components; k++) {
    for (const step of [-0.01, 0.01]) {
      const other = z.slice();
      other[k]! += step;
      assert.ok(objective(other) > objective(z));
    }
  }
  const zeros = linearCodes(linear, new Float32Array(size).fill(Number.NaN), ridge);
  assert.equal([...zeros], [0, 0, 0], "where nothing is there, the prior alone speaks");
  const none = () => linearCodes(linear, new Float32Array(size).fill(Number.NaN), [0, 0, 0]);
  assert.throws(none, /sample 0: too few values are there for 3 components/);
});

const SIDE = 4;
const SIZE = SIDE * SIDE;
const decoder = createDecoder({ layers: [2, 5, SIZE], outputShape: [SIDE, SIDE], loss: "bce", seed: 1 });
const stack = (outputs: number) =>
  createDecoder({ layers: [SIZE, 5, outputs], outputActivation: "identity", loss: "mse", seed: 2 });
const digits = randomArray(9, 12 * SIZE, 0, 1);
const labels = Uint8Array.from({ length: 12 }, (_, i) => i % 3);

test("a VAE's encoder has means and logarithms of variances, an autoencoder's codes", async () => {
  const outputs = await decode(stack(4), digits, { backend });
  const vae = await networkOf("VAE", decoder, stack(4), backend).encode(digits);
  for (let i = 0; i < 24; i++) {
    const at = Math.floor(i / 2) * 4 + (i % 2);
    assert.is(vae.means[i], outputs[at]);
    assert.ok(Math.abs(vae.deviations![i]! / Math.exp(outputs[at + 2]! / 2) - 1) < 1e-6);
  }
  const autoencoder = await networkOf("autoencoder", decoder, stack(2), backend).encode(digits);
  assert.equal(autoencoder.means, await decode(stack(2), digits, { backend }));
  assert.is(autoencoder.deviations, undefined);
  assert.throws(() => networkOf("other", decoder, stack(3), backend), /other: the encoder has 3 outputs/);
});

test("a flow lowers the loss of what is there plus the prior, in nats", async () => {
  const network = networkOf("VAE", decoder, stack(4), backend);
  const prior = gaussian({ weight: 3 });
  for (const given of [randomMissing(0.5)(digits, SIZE, 0), noisy(0.5)(digits, SIZE, 0)]) {
    const isNoisy = given.deviation > 0;
    const objective = async (z: Float32Array) => {
      const images = await decode(decoder, z, { backend });
      let sum = 0;
      for (const [i, y] of given.y.entries()) {
        if (Number.isNaN(y)) continue;
        const image = images[i]!;
        sum += isNoisy
          ? (y - image) ** 2 / (2 * given.deviation ** 2)
          : -y * Math.log(image) - (1 - y) * Math.log(1 - image);
      }
      return sum + z.reduce((total, value) => total + (3 * value ** 2) / 2, 0);
    };
    const { z, converged } = await flowMethod(network, { name: "", prior }, undefined, backend).codes(given);
    assert.is(converged, 1);
    const found = await objective(z);
    for (let k = 0; k < z.length; k++) {
      for (const step of [-0.05, 0.05]) {
        const other = z.slice();
        other[k]! += step;
        assert.ok((await objective(other)) > found, `code ${k}, ${step}`);
      }
    }
  }
});

test("a flow may begin at the encoder's code of what is there, filled", async () => {
  const network = networkOf("VAE", decoder, stack(4), backend);
  const given = randomMissing(0.5)(digits, SIZE, 0);
  const fill = new Float32Array(SIZE).fill(0.5);
  const z0 = (await network.encode(filled(given, fill))).means;
  const weights = given.y.map((value) => (Number.isNaN(value) ? 0 : 1));
  const { z } = await encode(decoder, given.y, { z0, weights, solver: lbfgs(), backend });
  const method = flowMethod(network, { name: "", prior: undefined }, fill, backend);
  assert.equal((await method.codes(given)).z, z);
});

test("all methods are measured, and a page and a picture made of them", async () => {
  const references = { points: digits, labels };
  const task = { size: SIZE, neighbours: 3, seed: 0, references, queries: references };
  const linear = fitLinearDecoder(digits, SIZE, 2);
  const pixels = await measure(pixelMethod(linear.mean), task);
  assert.is(pixels.errors.intact.mean, 0);
  const one = await measure(pixelMethod(linear.mean), { ...task, neighbours: 1 });
  assert.is(one.accuracy, 1, "digits are their own nearest neighbours");

  const network = networkOf("the tiny decoder", decoder, stack(4), backend);
  const sizes = { fitted: 2, vamp: 3 };
  const methods = [
    linearMethod(linear, true),
    ...(await networkMethods(network, digits, linear.mean, sizes, 0, backend)),
  ];
  assert.is(new Set(methods.map(({ name }) => name)).size, methods.length);
  const figures: Figures[] = [];
  for (const method of methods) figures.push(await measure(method, task));
  for (const { method, accuracy, errors, norm, converged, gradients } of figures) {
    const isFlow = method.startsWith("flow");
    assert.ok(accuracy >= 0 && accuracy <= 1 && norm.mean >= 0, method);
    assert.is(converged !== undefined && gradients! > 0, isFlow, method);
    for (const name of DAMAGE_NAMES) assert.ok(errors[name].mean >= 0 && errors[name].mean < 1, method);
  }
  const of = (name: string) => figures.find(({ method }) => method === name)!;
  assert.ok(of("flow, prior 3 · ½‖z‖²").norm.mean < of("flow, no prior").norm.mean);

  const results: Results = {
    machine: { processor: "P", cores: 1, memoryGiB: 1, system: "S", node: "N", load: 0, date: "D" },
    seed: 0,
    references: 12,
    queries: 12,
    neighbours: 3,
    fittedOn: 12,
    plain: [pixels],
    networks: [{ name: network.name, sha256: [], figures }],
  };
  const page = toMarkdown(results, "a.png");
  for (const { method } of figures) assert.ok(page.includes(`| ${method} |`), method);
  assert.not.match(page, /NaN|undefined/);
  const png = await drawMethods(methods.slice(0, 2), digits, SIDE, 0);
  assert.equal(
    [...png.subarray(1, 4)],
    [..."PNG"].map((letter) => letter.charCodeAt(0)),
  );
  const row = { label: "a < b & c", tiles: [digits.subarray(0, SIZE), digits.subarray(SIZE, 2 * SIZE)] };
  const svg = drawRows([row, { ...row, label: "below" }], { outputShape: [SIDE, SIDE] }, 100, [
    "left",
    "right",
  ]);
  assert.equal(
    [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, label]) => label),
    ["left", "right", "a &lt; b &amp; c", "below"],
  );
});

test.run();
