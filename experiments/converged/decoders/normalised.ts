import {
  add,
  affine,
  conv,
  convTranspose,
  dense,
  elu,
  gelu,
  graph,
  groupNorm,
  type Layer,
  layerNorm,
  leakyRelu,
  matmul,
  mul,
  pointwise,
  relu,
  reshape,
  rmsNorm,
  sequential,
  sigmoid,
  silu,
  softmax,
  sum,
  tanh,
  upsample,
  type Value,
} from "../../../src/graph/index.ts";
import type { Decoder, GraphDefinition } from "../../../src/index.ts";
import { loadOnnx, toOnnx } from "../../../src/onnx/index.ts";
import { type Case, randomCase } from "../case.ts";
import type { Start } from "../starts.ts";
import { denseWeights, fill } from "../weights.ts";

const far: readonly Start[] = ["0", "N", "10N"];
const everywhere: readonly Start[] = ["0", "1e-3N", "N", "10N"];
const leaky = () => leakyRelu({ slope: 0.2 });
const he = denseWeights({ gain: 1.4, bias: 0.1 });
const heWithoutBias = denseWeights({ gain: 1.4, bias: 0 });

/** z / √(z·z + ε), as code that is written by hand has it. */
function direction(z: Value, epsilon: number): Value {
  const squares = sum({ axes: [0], keepAxes: true })(mul()(z, z));
  const shifted = pointwise({ name: "linear", scale: 1, shift: epsilon })(squares);
  return mul()(z, pointwise({ name: "power", exponent: -0.5 })(shifted));
}

/** z / max(‖z‖, 1e-12): PyTorch's `F.normalize`, by the operations that its ONNX export has. */
function normalize(z: Value): Value {
  const norm = pointwise("sqrt")(sum({ axes: [0], keepAxes: true })(mul()(z, z)));
  return mul()(z, pointwise("reciprocal")(pointwise({ name: "clip", min: 1e-12, max: 3e38 })(norm)));
}

const throughOnnx = async (decoder: Decoder): Promise<Decoder> => {
  const bytes = await toOnnx(decoder);
  decoder.dispose();
  return loadOnnx(bytes);
};

/** Convolutions with InstanceNorm, a GroupNorm of as many groups as channels. */
const instanceNormed = () =>
  sequential(16, [
    dense(4 * 4 * 16),
    reshape([4, 4, 16]),
    ...[groupNorm({ groups: 16 }), relu(), upsample({ scale: 2 })],
    conv({ channels: 8, kernel: 3, padding: 1 }),
    ...[groupNorm({ groups: 8 }), relu()],
    conv({ channels: 1, kernel: 3, padding: 1 }),
  ]);

/** The latent itself is normalised: at 0 the Jacobian is 1/√ε times what it is elsewhere. */
const latents: readonly Case[] = [
  ...["1e-8", "1e-5"].map((epsilon) =>
    randomCase(
      "normalised",
      `RMSNorm on z, ε ${epsilon}`,
      () =>
        sequential(16, [
          rmsNorm({ epsilon: Number(epsilon) }),
          ...[dense(64), leaky(), dense(64), leaky(), dense(100)],
        ]),
      { starts: everywhere, redraw: he },
    ),
  ),
  randomCase(
    "normalised",
    "RMSNorm on z, tanh, cross entropy",
    () => sequential(32, [rmsNorm({ epsilon: 1e-6 }), dense(64), tanh(), dense(100), sigmoid()]),
    { starts: far, loss: "bce", redraw: he },
  ),
  randomCase(
    "normalised",
    "LayerNorm on z",
    () => sequential(16, [layerNorm(), dense(64), silu(), dense(64), silu(), dense(100)]),
    { starts: everywhere, redraw: he },
  ),
  randomCase(
    "normalised",
    "z/‖z‖",
    () => graph(({ latent }) => dense(80)(tanh()(dense(40)(direction(latent(12), 1e-12))))),
    { starts: everywhere, redraw: denseWeights({ gain: 2, bias: 0.1 }) },
  ),
  randomCase(
    "normalised",
    "F.normalize(z) through ONNX",
    () => graph(({ latent }) => dense(80)(elu()(dense(40)(normalize(latent(12)))))),
    { starts: everywhere, redraw: denseWeights({ gain: 2, bias: 0.1 }), reread: throughOnnx },
  ),
  randomCase(
    "normalised",
    "mapping network through ONNX",
    () =>
      sequential(24, [
        rmsNorm({ epsilon: 1e-8 }),
        ...[1, 2, 3, 4].flatMap(() => [dense(48), leaky()]),
        dense(100),
      ]),
    { starts: far, redraw: he, reread: throughOnnx },
  ),
  randomCase(
    "normalised",
    "two unit vectors side by side",
    () =>
      graph(({ latent }) => {
        const rows = rmsNorm({ epsilon: 1e-6 })(reshape([2, 8])(latent(16)));
        return dense(80)(tanh()(dense(64)(reshape([16])(rows))));
      }),
    { starts: far, redraw: he },
  ),
];

/** z, blocks z + f(norm(z)), norm, dense. */
const preNormBlocks = (norm: () => Layer, activation: () => Layer) => (): GraphDefinition =>
  graph(({ latent }) => {
    let h = dense(64)(latent(16));
    for (let block = 0; block < 2; block++) {
      h = add()(h, dense(64)(activation()(dense(64)(norm()(h)))));
    }
    return dense(100)(norm()(h));
  });

const hidden: readonly Case[] = [
  randomCase(
    "normalised",
    "LayerNorm, ReLU, zero biases",
    () => sequential(16, [1, 2].flatMap(() => [dense(64), layerNorm(), relu()]).concat(dense(100))),
    { starts: far, redraw: heWithoutBias },
  ),
  randomCase(
    "normalised",
    "LayerNorm, GELU, PyTorch's biases",
    () => sequential(16, [1, 2].flatMap(() => [dense(64), layerNorm(), gelu()]).concat(dense(100))),
    { starts: far },
  ),
  randomCase("normalised", "pre-RMSNorm residual blocks, zero biases", preNormBlocks(rmsNorm, silu), {
    starts: far,
    redraw: heWithoutBias,
  }),
  randomCase("normalised", "pre-LayerNorm residual blocks, zero biases", preNormBlocks(layerNorm, gelu), {
    starts: everywhere,
    redraw: heWithoutBias,
  }),
  randomCase("normalised", "pre-LayerNorm residual blocks", preNormBlocks(layerNorm, silu), { starts: far }),
  randomCase(
    "normalised",
    "folded BatchNorm of tiny variances",
    () => sequential(16, [1, 2].flatMap(() => [dense(64), affine(), relu()]).concat(dense(100))),
    {
      starts: far,
      // weight/√(variance + ε), variances of 1e-6 to 1.
      redraw: denseWeights({
        gain: 0.3,
        bias: 0.1,
        each: (operation, draw) => {
          if (operation.kind !== "affine") return;
          fill(operation.weight, (i) => 1 / Math.sqrt(10 ** (-6 * ((i % 8) / 7)) + 1e-5));
          fill(operation.bias, () => 0.3 * draw());
        },
      }),
    },
  ),
];

const images: readonly Case[] = [
  randomCase(
    "convolutions",
    "GroupNorm, SiLU, zero biases",
    () =>
      sequential(16, [
        dense(4 * 4 * 16),
        reshape([4, 4, 16]),
        ...[groupNorm({ groups: 4 }), silu()],
        convTranspose({ channels: 8, kernel: 4, stride: 2, padding: 1 }),
        ...[groupNorm({ groups: 2 }), silu()],
        conv({ channels: 1, kernel: 3, padding: 1 }),
      ]),
    { starts: everywhere, redraw: denseWeights({ gain: 1, bias: 0 }) },
  ),
  randomCase("convolutions", "InstanceNorm, ReLU", instanceNormed, { starts: far }),
  randomCase("convolutions", "InstanceNorm, ReLU, zero biases", instanceNormed, {
    starts: far,
    redraw: denseWeights({
      gain: 1,
      bias: 0,
      each: (operation) => {
        if (operation.kind === "conv") operation.bias.fill(0);
      },
    }),
  }),
  randomCase(
    "convolutions",
    "ELU, without a norm",
    () =>
      sequential(16, [
        ...[dense(4 * 4 * 16), elu(), reshape([4, 4, 16])],
        ...[convTranspose({ channels: 8, kernel: 4, stride: 2, padding: 1 }), elu()],
        convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 }),
      ]),
    { starts: far },
  ),
];

/** One head of attention over eight tokens made of the latent. */
const attention = (norm: () => Layer) => (): GraphDefinition =>
  graph(({ latent }) => {
    const [tokens, channels] = [8, 16];
    let h = dense(tokens * channels)(latent(16));
    h = reshape([tokens, channels])(h);
    for (let block = 0; block < 2; block++) {
      const normed = norm()(h);
      const [q, k, v] = [dense(channels)(normed), dense(channels)(normed), dense(channels)(normed)];
      const weights = softmax()(matmul({ transposed: true })(q, k));
      h = add()(h, dense(channels)(matmul()(weights, v)));
      h = add()(h, dense(channels)(gelu()(dense(2 * channels)(norm()(h)))));
    }
    return dense(12)(norm()(h));
  });

const transformers: readonly Case[] = [
  randomCase("transformers", "pre-norm, zero biases", attention(layerNorm), {
    starts: everywhere,
    redraw: denseWeights({ gain: 1.2, bias: 0 }),
  }),
  randomCase("transformers", "pre-norm", attention(layerNorm), { starts: far }),
  randomCase("transformers", "pre-RMSNorm, zero biases", attention(rmsNorm), {
    starts: far,
    redraw: denseWeights({ gain: 1.2, bias: 0 }),
  }),
];

const outputs: readonly Case[] = [
  randomCase(
    "output functions",
    "softmax",
    () => sequential(10, [dense(64), relu(), dense(64), relu(), dense(50), softmax()]),
    { starts: far, redraw: denseWeights({ gain: 1.6, bias: 0.1 }) },
  ),
  randomCase(
    "output functions",
    "product of experts: softmax of summed logits",
    () =>
      graph(({ latent }) => {
        const z = latent(12);
        const experts = [1, 2, 3].map(() => dense(40)(tanh()(dense(32)(z))));
        return softmax()(experts.reduce((a, b) => add()(a, b)));
      }),
    { starts: far, redraw: denseWeights({ gain: 1.4, bias: 0.1 }) },
  ),
  randomCase(
    "output functions",
    "gates: sigmoid times value",
    () =>
      graph(({ latent }) => {
        const h = silu()(dense(64)(latent(12)));
        return mul()(sigmoid()(dense(60)(h)), dense(60)(h));
      }),
    { starts: far, redraw: he },
  ),
];

export const NORMALISED_CASES: readonly Case[] = [
  ...latents,
  ...hidden,
  ...images,
  ...transformers,
  ...outputs,
];
