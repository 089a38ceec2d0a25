import { createRandom } from "../../../src/base/random.ts";
import {
  add,
  concat,
  constant,
  dense,
  elu,
  embedding,
  graph,
  leakyRelu,
  mul,
  relu,
  reshape,
  rmsNorm,
  sequential,
  silu,
  sine,
  slice,
  sub,
  tanh,
  type Value,
} from "../../../src/graph/index.ts";
import {
  type CustomLossFunctions,
  customLoss,
  gaussian,
  gaussianMixture,
  squaredError,
} from "../../../src/index.ts";
import { type Case, type RandomCase, randomCase, SAMPLES } from "../case.ts";
import { normals, type Start } from "../starts.ts";
import { denseWeights, fill } from "../weights.ts";
import { mlp } from "./mlp.ts";

const far: readonly Start[] = ["0", "N", "10N"];
const everywhere: readonly Start[] = ["0", "1e-3N", "N", "10N"];
const he = denseWeights({ gain: 1.4, bias: 0.1 });
const onRmsNorm = () =>
  sequential(16, [rmsNorm({ epsilon: 1e-8 }), dense(64), leakyRelu({ slope: 0.2 }), dense(100)]);

/** tanh layers behind latents that are multiplied by 10^-k … 10^k. */
const scaledLatents: readonly Case[] = [1, 2, 4].map((exponent) => {
  const factors = Float64Array.from({ length: 9 }, (_, i) => 10 ** (exponent * (i / 4 - 1)));
  return randomCase(
    "scaled latents",
    `1e-${exponent} to 1e${exponent}`,
    () =>
      graph(({ latent }) => {
        const z = mul()(latent(9), constant([9])());
        return dense(100)(tanh()(dense(64)(tanh()(dense(64)(z)))));
      }),
    {
      starts: ["0", "scaled"],
      noise: 0.05,
      units: factors.map((factor) => 1 / factor),
      redraw: denseWeights({
        gain: 1.2,
        bias: 0.2,
        each: (operation) => {
          if (operation.kind === "constant") operation.weight.set(factors);
        },
      }),
    },
  );
});

const parts = (z: Value, count: number, size: number) =>
  Array.from({ length: count }, (_, i) => slice({ axis: 0, start: i * size, end: (i + 1) * size })(z));

const severalLatents: readonly Case[] = [
  randomCase(
    "several latents",
    "three levels of 8",
    () =>
      graph(({ latent }) => {
        const [first, ...others] = parts(latent(24), 3, 8);
        let h = elu()(dense(64)(first!));
        for (const part of others) h = elu()(dense(64)(concat()(h, part)));
        return dense(100)(h);
      }),
    { starts: far, redraw: denseWeights({ gain: 1.3, bias: 0.1 }) },
  ),
  randomCase(
    "several latents",
    "content, and a style that is normalised",
    () =>
      graph(({ latent }) => {
        const [content, style] = parts(latent(16), 2, 8);
        const scale = dense(64)(rmsNorm({ epsilon: 1e-8 })(style!));
        return dense(100)(silu()(mul()(dense(64)(content!), scale)));
      }),
    { starts: everywhere, redraw: he },
  ),
  randomCase(
    "several latents",
    "four units, each through the same layer",
    () =>
      graph(({ latent }) => {
        const rows = elu()(dense(24)(reshape([4, 4])(latent(16))));
        return dense(100)(elu()(dense(64)(reshape([96])(rows))));
      }),
    { starts: far, redraw: he },
  ),
];

const saddles: readonly Case[] = [
  randomCase(
    "saddles",
    "bilinear, at 0",
    () =>
      graph(({ latent }) => {
        const z = latent(10);
        return dense(60)(mul()(dense(30)(z), dense(30)(z)));
      }),
    { starts: ["0", "1e-3N", "N"], redraw: denseWeights({ gain: 1, bias: 0 }) },
  ),
  randomCase(
    "saddles",
    "quadratic: z²",
    () =>
      graph(({ latent }) => {
        const z = latent(10);
        return dense(60)(concat()(mul()(z, z), z));
      }),
    { starts: ["0", "1e-3N", "N"], redraw: denseWeights({ gain: 1, bias: 0 }) },
  ),
];

/** max(a, b) = b + relu(a - b) of two dense layers. */
const maxout = (h: Value, units: number): Value => {
  const other = dense(units)(h);
  return add()(other, relu()(sub()(dense(units)(h), other)));
};

const kinks: readonly Case[] = [
  randomCase("kinks", "maxout", () => graph(({ latent }) => dense(100)(maxout(maxout(latent(12), 48), 48))), {
    starts: far,
    redraw: he,
  }),
];

/** Weights as after WeightNorm's training: rows of the lengths 10^-2 … 10. */
const rescaled: readonly Case[] = [
  randomCase(
    "rescaled weights",
    "WeightNorm, rows of lengths 0.01 to 10",
    () => mlp([12, 64, 64, 100], elu),
    {
      starts: far,
      redraw: (decoder, draw) => {
        for (const operation of decoder.operations) {
          if (operation.kind !== "dense") continue;
          const { weight, bias } = operation;
          const inputs = weight.length / bias.length;
          const lengths = Float64Array.from(bias, () => 10 ** (0.75 * draw() - 0.5));
          fill(weight, (i) => (lengths[Math.floor(i / inputs)]! * draw()) / Math.sqrt(inputs));
          fill(bias, () => 0.1 * draw());
        }
      },
    },
  ),
];

const labels = Int32Array.from({ length: SAMPLES }, (_, i) => i % 10);

const fixedInputs: readonly Case[] = [
  randomCase(
    "fixed inputs",
    "embedded class beside z",
    () =>
      graph(({ latent, fixed }) => {
        const label = fixed("label", { classes: 10 });
        const c = reshape([8])(embedding({ classes: 10, units: 8 })(label));
        return dense(100)(relu()(dense(64)(relu()(dense(64)(concat()(latent(12), c))))));
      }),
    { starts: far, options: { fixed: { label: labels } }, redraw: he },
  ),
  randomCase(
    "fixed inputs",
    "numbers that modulate",
    () =>
      graph(({ latent, fixed }) => {
        const h = tanh()(dense(64)(latent(12)));
        const c = fixed("condition", 6);
        return dense(100)(tanh()(dense(64)(add()(mul()(h, dense(64)(c)), dense(64)(c)))));
      }),
    { starts: far, options: { fixed: { condition: normals(6 * SAMPLES, 41) } }, redraw: he },
  ),
  randomCase(
    "fixed inputs",
    "RMSNorm on z beside a condition",
    () =>
      graph(({ latent, fixed }) => {
        const z = rmsNorm({ epsilon: 1e-8 })(latent(16));
        const h = leakyRelu({ slope: 0.2 })(dense(64)(concat()(z, fixed("condition", 6))));
        return dense(100)(h);
      }),
    { starts: everywhere, options: { fixed: { condition: normals(6 * SAMPLES, 41) } }, redraw: he },
  ),
];

const POINTS = 40;
const places = Float32Array.from(normals(2 * POINTS, 43, 0.5));
const onPoints = { options: { points: POINTS, fixed: { xy: places } } } satisfies RandomCase;

const points: readonly Case[] = [
  randomCase(
    "points",
    "dense layers at each point",
    () =>
      graph(({ latent, points: at }) => {
        const h = elu()(dense(48)(concat()(latent(12), at("xy", 2))));
        return dense(2)(elu()(dense(48)(h)));
      }),
    { starts: far, ...onPoints, redraw: he },
  ),
  randomCase(
    "points",
    "sines at each point",
    () =>
      graph(({ latent, points: at }) => {
        const h = sine({ frequency: 3 })(dense(48)(concat()(latent(12), at("xy", 2))));
        return dense(1)(sine()(dense(48)(h)));
      }),
    { starts: far, ...onPoints, redraw: denseWeights({ gain: 1, bias: 0.5 }) },
  ),
  randomCase(
    "points",
    "RMSNorm on z",
    () =>
      graph(({ latent, points: at }) => {
        const z = rmsNorm({ epsilon: 1e-8 })(latent(12));
        return dense(2)(elu()(dense(48)(concat()(z, at("xy", 2)))));
      }),
    { starts: far, ...onPoints, redraw: he },
  ),
];

/** √(1 + e²) - 1: quadratic near 0, linear far out. */
const pseudoHuber: CustomLossFunctions = {
  value: (output, target) => Math.sqrt(1 + (output - target) ** 2) - 1,
  gradient: (output, target) => (output - target) / Math.sqrt(1 + (output - target) ** 2),
};
const curved: CustomLossFunctions = {
  ...pseudoHuber,
  curvature: (output, target) => (1 + (output - target) ** 2) ** -1.5,
};

const customLosses: readonly Case[] = [
  randomCase("custom losses", "without curvature", () => mlp([20, 64, 128, 100], elu), {
    starts: far,
    options: { loss: customLoss(pseudoHuber) },
    redraw: he,
  }),
  randomCase("custom losses", "with curvature", () => mlp([20, 64, 128, 100], elu), {
    starts: far,
    options: { loss: customLoss(curved) },
    redraw: he,
  }),
  randomCase("custom losses", "without curvature, RMSNorm on z", onRmsNorm, {
    starts: far,
    options: { loss: customLoss(pseudoHuber) },
    redraw: he,
  }),
  randomCase("custom losses", "with curvature, RMSNorm on z", onRmsNorm, {
    starts: far,
    options: { loss: customLoss(curved) },
    redraw: he,
  }),
];

const mixture = gaussianMixture({
  weights: [0.5, 0.5],
  means: [-1, 1].map((mean) => new Float32Array(20).fill(mean)),
  stds: Math.SQRT1_2,
});

const priors: readonly Case[] = [
  randomCase("priors", "Gaussian", () => mlp([20, 64, 128, 196], elu), {
    starts: far,
    options: { prior: gaussian() },
    redraw: he,
  }),
  randomCase("priors", "Gaussian, RMSNorm on z", onRmsNorm, {
    starts: far,
    options: { prior: gaussian() },
    redraw: he,
  }),
  randomCase("priors", "mixture", () => mlp([20, 64, 128, 196], elu), {
    starts: far,
    options: { prior: mixture },
    redraw: he,
  }),
];

const mask = (count: number, share: number, seed: number) => {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => (random.uniform() < share ? 1 : 0));
};

const weightsAndSums: readonly Case[] = [
  randomCase("weights and sums", "90 % missing", () => mlp([20, 64, 128, 196], tanh), {
    options: { weights: mask(SAMPLES * 196, 0.1, 9) },
    redraw: he,
  }),
  randomCase("weights and sums", "half missing, RMSNorm on z", onRmsNorm, {
    starts: far,
    options: { weights: mask(SAMPLES * 100, 0.5, 10) },
    redraw: he,
  }),
  randomCase("weights and sums", "sum, RMSNorm on z", onRmsNorm, {
    starts: far,
    options: { loss: squaredError({ reduction: "sum" }) },
    redraw: he,
  }),
  randomCase("weights and sums", "weights of 1e-4 to 1e4", () => mlp([12, 64, 100], elu), {
    options: { weights: Float32Array.from({ length: 100 }, (_, i) => 10 ** (i / 12.5 - 4)) },
    redraw: he,
  }),
];

export const LATENT_CASES: readonly Case[] = [
  ...kinks,
  ...rescaled,
  ...scaledLatents,
  ...severalLatents,
  ...saddles,
  ...fixedInputs,
  ...points,
  ...customLosses,
  ...priors,
  ...weightsAndSums,
];
