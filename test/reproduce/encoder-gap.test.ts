// run: slow
// Tests reproduce/encoder-gap-runs.ts, reproduce/encoder-gap-training.ts, reproduce/encoder-gap-measuring.ts,
// reproduce/hidden.ts and reproduce/classify.ts.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Classified, linearAccuracy } from "../../reproduce/classify.ts";
import {
  type GapWay,
  METHOD_WAYS,
  NOISE,
  ofLeastError,
  TURNS,
} from "../../reproduce/encoder-gap-measuring.ts";
import { GAP_DATA, isComputed, jobFor, seedsFor } from "../../reproduce/encoder-gap-runs.ts";
import {
  CODE_TRAVEL,
  GAP_COUNTS,
  GAP_METHODS,
  keyOf,
  MASK,
  RECIPES,
  trainBy,
} from "../../reproduce/encoder-gap-training.ts";
import {
  areaUnderCurve,
  pixelErrors,
  randomPixels,
  topHalf,
  turned,
  withNoise,
} from "../../reproduce/hidden.ts";
import { backend, imagesOf, readData } from "../../reproduce/paper-setting.ts";
import { createRandom } from "../../src/base/random.ts";
import {
  type Decoder,
  decode,
  encode,
  fitGaussian,
  fitGaussianMixture,
  lbfgs,
  loadDecoder,
  squaredError,
} from "../../src/index.ts";
import { encodeWith, mnist } from "../../src/train/index.ts";
import { createSampler } from "../../src/train/sampler.ts";
import { randomArray } from "../support/random.ts";

const images = randomArray(3, 5 * 36, 0, 1);

test("hidden pixels have weight 0 and the value 0, the others are as they were; a seed hides the same ones", () => {
  for (const hide of [randomPixels(0.4), topHalf]) {
    const { y, weights } = hide(images, 36, 7);
    assert.equal(hide(images, 36, 7), { y, weights });
    for (let i = 0; i < images.length; i++) {
      assert.ok(weights![i] === 0 || weights![i] === 1);
      assert.is(y[i], weights![i] === 0 ? 0 : images[i]);
    }
  }
  const { weights } = topHalf(images, 36, 0);
  assert.equal(
    [...weights!.slice(36, 72)],
    Array.from({ length: 36 }, (_, i) => (i < 18 ? 0 : 1)),
  );
  const many = randomPixels(0.9)(new Float32Array(20_000), 100, 1).weights!;
  const given = many.reduce((sum, weight) => sum + weight, 0);
  // Four standard deviations of a binomial.
  assert.ok(Math.abs(given - 2000) < 4 * Math.sqrt(20_000 * 0.09), `${given}`);
  assert.not.equal(randomPixels(0.4)(images, 36, 8).weights, randomPixels(0.4)(images, 36, 7).weights);
});

test("noise has the deviation that is asked for, and its own likelihood as a loss", async () => {
  const { y, weights, loss } = withNoise(new Float32Array(20_000).fill(0.5), 0.1, 2);
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  const variance = y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / y.length;
  assert.ok(Math.abs(mean - 0.5) < 0.003, `${mean}`);
  assert.ok(Math.abs(Math.sqrt(variance) - 0.1) < 0.003, `${Math.sqrt(variance)}`);
  assert.is(loss!.name, "squaredError");
  assert.ok(weights!.every((weight) => Math.abs(weight - 50) < 1e-5));
  // No pixel of it is hidden.
  const gone = new Float32Array(y.length);
  assert.ok(
    Math.abs(pixelErrors(y, gone, { y, weights: weights! }).squaredError - variance - mean ** 2) < 1e-3,
  );
});

test("to clip noisy images lowers their error by two fifths or more, as the page says", async () => {
  const { test: all } = await mnist();
  const images = all.slice(0, 1000).toFloat32();
  const noisy = withNoise(images, NOISE, 0).y;
  const errorOf = (x: Float32Array) => x.reduce((sum, value, i) => sum + (value - images[i]!) ** 2, 0);
  const share = errorOf(noisy.map((value) => Math.min(1, Math.max(0, value)))) / errorOf(noisy);
  assert.ok(share > 0.4 && share < 0.6, `${share}`);
});

test("images are turned about their middle: a quarter moves pixels, nothing leaves them as they are", () => {
  assert.equal(turned(images, 6, 0), images);
  const quarter = turned(images, 6, 90);
  for (let row = 0; row < 6; row++) {
    for (let column = 0; column < 6; column++) {
      const from = images[36 + column * 6 + (5 - row)]!;
      assert.ok(Math.abs(quarter[36 + row * 6 + column]! - from) < 1e-6);
    }
  }
  // A pixel in the middle of three by three stays where it is.
  const middle = Float32Array.from([0, 0, 0, 0, 1, 0, 0, 0, 0]);
  assert.ok(Math.abs(turned(middle, 3, 33)[4]! - 1) < 1e-6);
});

test("errors are of the hidden pixels alone, where there are any", () => {
  const truth = Float32Array.from([1, 0, 0.5, 1]);
  const x = Float32Array.from([0.5, 0.25, 0.5, 0]);
  const half = pixelErrors(truth, x, { y: truth, weights: Float32Array.from([0, 0, 1, 1]) });
  assert.is(half.squaredError, (0.25 + 0.0625) / 2);
  assert.ok(Math.abs(half.crossEntropy - (Math.log(2) - Math.log(0.75)) / 2) < 1e-12);
  assert.is(pixelErrors(truth, x, { y: truth }).squaredError, (0.25 + 0.0625 + 0 + 1) / 4);
});

test("the area under the ROC curve is the share of pairs in the right order, ties half", () => {
  const { below } = createRandom(4);
  const negatives = Array.from({ length: 40 }, () => below(10));
  const positives = Array.from({ length: 30 }, () => below(13));
  let right = 0;
  for (const a of negatives) for (const b of positives) right += a < b ? 1 : a === b ? 0.5 : 0;
  assert.ok(Math.abs(areaUnderCurve(negatives, positives) - right / 1200) < 1e-12);
  assert.is(areaUnderCurve([1, 2], [3, 4]), 1);
  assert.is(areaUnderCurve([3, 4], [1, 2]), 0);
});

/** Points around (3c, -c), c the class. */
function classes(seed: number, spread: number): Classified {
  const { below, uniform } = createRandom(seed);
  const labels = Uint8Array.from({ length: 300 }, () => below(3));
  const points = Float32Array.from({ length: 600 }, (_, i) => {
    const center = [3, -1][i % 2]! * labels[Math.floor(i / 2)]! ** 2;
    return center + spread * (uniform() - 0.5);
  });
  return { points, labels };
}

test("a linear classifier finds classes that lines part, whatever the scale, and guesses where nothing tells them", () => {
  const [train, other] = [classes(1, 0.5), classes(2, 0.5)];
  const ends = ({ points, labels }: Classified): Classified => {
    const rows = [...labels.keys()].filter((row) => labels[row] !== 1);
    return {
      points: Float32Array.from(rows.flatMap((row) => [1000 * points[2 * row]!, points[2 * row + 1]!])),
      labels: Uint8Array.from(rows, (row) => labels[row]!),
    };
  };
  assert.is(linearAccuracy(ends(train), ends(other), 2, 1e-3), 1);
  const blind = { ...other, points: new Float32Array(600) };
  const share = linearAccuracy({ ...train, points: new Float32Array(600) }, blind, 2, 1e-3);
  assert.ok(share < 0.5, `${share}`);
});

const bytesOf = ({ buffer }: Float32Array) => new Uint8Array(buffer);

test("kept codes travel as far in few passes as in many, of images as they are", async () => {
  const image = randomArray(5, 784, 0, 1);
  const following = { options: {}, seconds: () => 0 } as unknown as Parameters<typeof trainBy>[5];
  const trained = async (passes: number, pixels: number, travel?: number) => {
    const recipe = { passes, flowPasses: 1, pixels };
    const settings = { quick: true, seeds: 1 };
    return (await trainBy("kept codes", recipe, image, 0, settings, following, travel)).decoder;
  };
  const cases: readonly (readonly [passes: number, travel?: number])[] = [[4], [40], [4, 0.2]];
  for (const [passes, travel] of cases) {
    // Of one image: its first update, by Adam, moves each value of its code by the learning rate.
    const decoder = await trained(passes, 2, travel);
    for (const value of decoder.start!) {
      const share = Math.abs(value) / ((travel ?? CODE_TRAVEL) / passes);
      assert.ok(share > 0.9 && share < 1.001, `${passes} passes: ${value}`);
    }
  }
  const [shifted, plain] = [await trained(4, 3), await trained(4, 0)];
  // Not by assert.equal, which would take minutes to show where they differ.
  assert.is(Buffer.compare(bytesOf(shifted.parameters), bytesOf(plain.parameters)), 0);
});

test("the choice of the least error is taken, of equal ones the first", async () => {
  const choices = ["a", "b", "c", "d"];
  for (const [errors, expected] of [
    [[3, 1, 2, 4], "b"],
    [[0.5, 1, 2, 4], "a"],
    [[3, 2, 1, 0.1], "d"],
    [[3, 1, 1, 4], "b"],
  ] as const) {
    assert.is(await ofLeastError(choices, async (choice) => errors[choices.indexOf(choice)]!), expected);
  }
});

test("networks are kept under all that they were trained by, and have as many seeds as the page says", () => {
  const recipe = RECIPES[480];
  const ofKey = (method: (typeof GAP_METHODS)[number]) => JSON.parse(keyOf(method, recipe, 480));
  assert.equal(ofKey("kept codes"), ["kept codes", recipe, 480, CODE_TRAVEL]);
  assert.equal(ofKey("masked autoencoder"), [
    "masked autoencoder",
    recipe,
    480,
    JSON.parse(JSON.stringify(MASK)),
  ]);
  const settings = { quick: false, seeds: 3 };
  for (const method of GAP_METHODS) {
    const [few, more, all] = GAP_COUNTS.map((count) => seedsFor(method, count, settings).length);
    const several = /autoencoder/.test(method) ? 3 : 1;
    assert.equal([few, more, all], [several, several, 1], method);
    for (const data of GAP_DATA) {
      const areThere = GAP_COUNTS.map((count) => isComputed(data, count, method));
      // Flows of Fashion-MNIST are left out, to save time.
      const isLeftOut = method === "flow" && data === "Fashion-MNIST";
      assert.equal(areThere, [true, !isLeftOut, !isLeftOut], `${data}, ${method}`);
    }
  }
});

/**
 * The prior that a quick job of 480 digits chooses for images half of whose pixels are hidden: by validation images, among those
 * fitted to codes of its training images.
 */
async function priorAnew(decoder: Decoder) {
  const settings = { quick: true, seeds: 1 };
  const { train, validation } = await readData("MNIST", settings);
  const batchSize = Math.min(imagesOf(480, settings), train.count);
  const rows = createSampler({ count: train.count, batchSize, seed: 0 }).next();
  const { z: codes } = await encode(decoder, train.rows(rows), { backend });
  const images = validation.slice(0, 200).toFloat32();
  const { y, weights } = randomPixels(0.5)(images, 784, 1);
  const latentSize = decoder.latentSize;
  const gaussians = [0.1, 0.3, 1, 3, 10].map((weight) => ({
    name: `Gaussian, weight ${weight}`,
    prior: fitGaussian(codes, { latentSize, covariance: "full", shrinkage: 0.01, weight }),
  }));
  const mixture = fitGaussianMixture(codes, { latentSize, components: 10, seed: 0 }).prior;
  const tried = [];
  for (const { name, prior } of [...gaussians, { name: "mixture of 10", prior: mixture }]) {
    const { z } = await encode(decoder, y, { weights, prior, backend });
    const drawn = await decode(decoder, z, { backend });
    const error = images.reduce(
      (sum, value, i) => (weights![i] === 0 ? sum + (drawn[i]! - value) ** 2 : sum),
      0,
    );
    tried.push({ name, prior, error });
  }
  return tried.sort((a, b) => a.error - b.error)[0]!;
}

/** How each score orders two test images, of which the second is turned, with networks of a job: 1 if it is higher for that one. */
async function turnsAnew(networks: string) {
  const decoder = await loadDecoder(join(networks, "decoder.safetensors"));
  const encoder = await loadDecoder(join(networks, "encoder.safetensors"));
  const { test: images } = await mnist();
  const excessOf = async (y: Float32Array, z: Float32Array) => {
    const drawn = await decode(decoder, z, { backend });
    const nats = (x: number, target: number) =>
      (target > 0 ? -target * Math.log(x / target) : 0) +
      (target < 1 ? -(1 - target) * Math.log((1 - x) / (1 - target)) : 0);
    return y.reduce((sum, target, i) => sum + nats(drawn[i]!, target), 0);
  };
  const scores = async (y: Float32Array) => {
    const inverted = await excessOf(y, (await encode(decoder, y, { backend })).z);
    const own = await excessOf(y, await encodeWith(encoder, y, { backend }));
    return { inverted, encoder: own, gap: own - inverted };
  };
  const usual = await scores(images.slice(0, 1).toFloat32());
  const turns: Record<string, Record<keyof typeof usual, number>> = {};
  for (const degrees of TURNS) {
    const strange = await scores(turned(images.slice(1, 2).toFloat32(), 28, degrees));
    const above = (score: keyof typeof usual) => Number(strange[score] > usual[score]);
    turns[degrees] = { inverted: above("inverted"), encoder: above("encoder"), gap: above("gap") };
  }
  return turns;
}

/**
 * Errors of the first test images with networks of a job, by the public functions: with hidden pixels, which the inversion leaves
 * out and the encoder sees as black; and with noise, for which the inversion minimises the weighted squared error.
 */
async function errorsAnew(networks: string) {
  const [decoder, encoder] = [
    await loadDecoder(join(networks, "decoder.safetensors")),
    await loadDecoder(join(networks, "encoder.safetensors")),
  ];
  const { test: images } = await mnist();
  const truth = images.slice(0, 2).toFloat32();
  const errorOf = async (z: Float32Array, isScored: (i: number) => boolean) => {
    const drawn = await decode(decoder, z, { backend });
    const errors = [...truth].flatMap((value, i) => (isScored(i) ? [(drawn[i]! - value) ** 2] : []));
    return errors.reduce((sum, error) => sum + error, 0) / errors.length;
  };
  const hidden = randomPixels(0.5)(truth, 784, 0);
  const isHidden = (i: number) => hidden.weights![i] === 0;
  const chosen = await priorAnew(decoder);
  const byPrior = await encode(decoder, hidden.y, { weights: hidden.weights, prior: chosen.prior, backend });
  const noisy = withNoise(truth, 0.3, 0);
  const weighted = { weights: new Float32Array(784).fill(0.5 / 0.3 ** 2), loss: squaredError(), backend };
  const start = await encodeWith(encoder, hidden.y, { backend });
  const steps = { solver: lbfgs({ maxSteps: 5 }), z0: start, weights: hidden.weights, backend };
  return {
    prior: chosen.name,
    "50 %": {
      "inverted with a prior": await errorOf(byPrior.z, isHidden),
      encoder: await errorOf(start, isHidden),
      refined: await errorOf((await encode(decoder, hidden.y, steps)).z, isHidden),
      inverted: await errorOf(
        (await encode(decoder, hidden.y, { weights: hidden.weights, backend })).z,
        isHidden,
      ),
    },
    noise: {
      encoder: await errorOf(await encodeWith(encoder, noisy.y, { backend }), () => true),
      inverted: await errorOf((await encode(decoder, noisy.y, weighted)).z, () => true),
    },
  };
}

test("each method's job measures its ways; another measurement takes the networks that are there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-encoder-gap-"));
  try {
    const quick = { quick: true, seeds: 1 };
    // Flows are measured as kept codes are.
    for (const method of GAP_METHODS.filter((name) => name !== "flow")) {
      const job = jobFor("MNIST", 480, method, 0, quick);
      const run = () => job.run({ folder: join(folder, method), progress() {}, soFar() {} });
      mkdirSync(join(folder, method));
      const found = await run();
      const ways = METHOD_WAYS[method];
      assert.equal(Object.keys(found.hidden["90 %"]), ways);
      assert.equal(Object.keys(found.noisy), ways);
      assert.equal(
        Object.keys(found.intact),
        ways.filter((way) => way !== "inverted with a prior"),
      );
      assert.equal(Object.keys(found.turns).length, ways.includes("inverted") ? TURNS.length : 0);
      assert.ok(found.baselines.noise.squaredError > 0.05, "noise of deviation 0.3 has a variance of 0.09");

      if (method === "autoencoder") {
        assert.equal(found.turns, await turnsAnew(`${join(folder, method)}_networks`));
        const { prior, ...anew } = await errorsAnew(`${join(folder, method)}_networks`);
        assert.is(found.priors["50 %"], prior);
        for (const [name, errors] of Object.entries(anew)) {
          for (const [way, error] of Object.entries(errors)) {
            const its = (name === "noise" ? found.noisy : found.hidden["50 %"])[way as GapWay]!.squaredError;
            assert.ok(Math.abs(its - error) < 1e-6 * error, `${name}, ${way}: ${its}, expected ${error}`);
          }
        }
      }
      if (method !== "masked autoencoder") continue;
      rmSync(join(folder, method), { recursive: true });
      mkdirSync(join(folder, method));
      const again = await run();
      assert.equal(again.hidden, found.hidden);
      assert.is(again.trainedInSeconds, found.trainedInSeconds);
      assert.not.ok(existsSync(join(folder, method, "training.checkpoint")), "nothing is trained");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
