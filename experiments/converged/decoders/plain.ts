import {
  elu,
  gelu,
  leakyRelu,
  pointwise,
  relu,
  sigmoid,
  silu,
  sine,
  softplus,
  tanh,
} from "../../../src/graph/index.ts";
import { type Case, randomCase } from "../case.ts";
import type { Start } from "../starts.ts";
import { denseWeights } from "../weights.ts";
import { mlp } from "./mlp.ts";

const far: readonly Start[] = ["0", "N", "10N"];
const leaky = () => leakyRelu({ slope: 0.2 });
/** Biases of the first layer, which alone decides where units are at z = 0, and of the others. */
const biases =
  (first: (draw: () => number) => number, others: number) => (draw: () => number, layer: number) =>
    layer === 0 ? first(draw) : others * draw();
const withSign = (size: number) => (draw: () => number) => (draw() > 0 ? size : -size);

/** Dense layers with PyTorch's initialisation. */
const plain: readonly Case[] = [
  randomCase("plain", "ELU, 2 latents", () => mlp([2, 64, 64, 100], elu), { starts: far }),
  randomCase("plain", "ReLU, 20 latents", () => mlp([20, 64, 128, 196], relu)),
  randomCase("plain", "tanh, 32 latents", () => mlp([32, 128, 128, 196], tanh)),
  randomCase("plain", "SiLU, 64 latents", () => mlp([64, 128, 128, 256], silu)),
  randomCase("plain", "GELU, 128 latents", () => mlp([128, 128, 128, 256], gelu)),
  randomCase("plain", "softplus, 16 latents", () => mlp([16, 64, 64, 100], softplus)),
  randomCase("plain", "SiLU, 256 latents", () => mlp([256, 256, 300], silu), { starts: ["0"] }),
  randomCase("plain", "sigmoids, cross entropy", () => mlp([10, 64, 64, 100], sigmoid, [sigmoid()]), {
    loss: "bce",
  }),
  randomCase("plain", "ELU, cross entropy", () => mlp([20, 64, 128, 196], elu, [sigmoid()]), { loss: "bce" }),
  randomCase("plain", "one linear layer", () => mlp([12, 60], elu), { starts: far }),
  randomCase("plain", "ELU, eight layers", () => mlp([10, ...new Array(8).fill(40), 80], elu)),
];

const largeWeights: readonly Case[] = [
  randomCase("large weights", "He, ReLU", () => mlp([20, 64, 128, 196], relu), {
    starts: far,
    redraw: denseWeights({ gain: Math.SQRT2, bias: 0.1 }),
  }),
  randomCase("large weights", "twice He, tanh", () => mlp([16, 64, 64, 100], tanh), {
    starts: far,
    redraw: denseWeights({ gain: 2 * Math.SQRT2, bias: 0.3 }),
  }),
  randomCase("large weights", "He, leaky ReLU", () => mlp([8, 64, 64, 100], leaky), {
    starts: far,
    redraw: denseWeights({ gain: Math.SQRT2, bias: 0.1 }),
  }),
  randomCase("large weights", "four times He, ELU", () => mlp([12, 64, 64, 100], elu), {
    starts: far,
    redraw: denseWeights({ gain: 4 * Math.SQRT2, bias: 0.1 }),
  }),
];

const zeroBiases: readonly Case[] = (
  [
    ["ReLU", relu],
    ["leaky ReLU", leaky],
    ["GELU", gelu],
    ["tanh", tanh],
  ] as const
).map(([name, activation]) =>
  randomCase("zero biases", name, () => mlp([20, 64, 64, 100], activation), {
    starts: far,
    redraw: denseWeights({ gain: Math.SQRT2, bias: 0 }),
  }),
);

/** At z = 0 nearly nothing depends on z; the data comes from farther out. */
const saturated: readonly Case[] = [
  randomCase("saturated at 0", "tanh at ±4", () => mlp([12, 64, 64, 100], tanh), {
    starts: far,
    spread: 3,
    redraw: denseWeights({ gain: 1.4, bias: biases(withSign(4), 0.2) }),
  }),
  randomCase("saturated at 0", "tanh at ±7", () => mlp([12, 64, 64, 100], tanh), {
    spread: 5,
    redraw: denseWeights({ gain: 1.4, bias: biases(withSign(7), 0.2) }),
  }),
  randomCase("saturated at 0", "most ReLUs dead", () => mlp([12, 64, 64, 100], relu), {
    starts: far,
    spread: 3,
    redraw: denseWeights({ gain: 1.4, bias: biases((draw) => -2 + 0.8 * draw(), 0.1) }),
  }),
  randomCase("saturated at 0", "half of the ReLUs dead everywhere", () => mlp([12, 64, 64, 100], relu), {
    starts: far,
    spread: 2,
    redraw: denseWeights({ gain: 1.4, bias: biases(withSign(20), 0.1) }),
  }),
  randomCase("saturated at 0", "flat softplus", () => mlp([12, 64, 64, 100], softplus), {
    spread: 4,
    redraw: denseWeights({ gain: 1.4, bias: biases((draw) => -6 + draw(), 0.1) }),
  }),
  randomCase("saturated at 0", "logits, cross entropy", () => mlp([12, 64, 64, 100], elu, [sigmoid()]), {
    loss: "bce",
    spread: 3,
    redraw: denseWeights({ gain: 1.4, bias: (draw, layer) => (layer === 2 ? 6 : 0.1) * draw() }),
  }),
  randomCase("saturated at 0", "sigmoid, squared error", () => mlp([12, 64, 64, 100], elu, [sigmoid()]), {
    spread: 2,
    redraw: denseWeights({ gain: 2.5, bias: (draw, layer) => (layer === 2 ? 5 : 0.1) * draw() }),
  }),
];

const hardTanh = () => pointwise({ name: "clip", min: -1, max: 1 });

const periodic: readonly Case[] = [
  randomCase("periodic", "sin(x)", () => mlp([16, 64, 64, 100], sine), {
    redraw: denseWeights({ gain: 2, bias: 1 }),
  }),
  randomCase("periodic", "sin(6x)", () => mlp([8, 64, 64, 100], () => sine({ frequency: 6 })), {
    redraw: denseWeights({ gain: 0.6, bias: 0.3 }),
  }),
  randomCase("periodic", "SIREN: sin(30x)", () => mlp([4, 64, 64, 80], () => sine({ frequency: 30 })), {
    starts: ["0", "1e-3N", "N"],
    spread: 0.02,
  }),
];

const kinks: readonly Case[] = [
  randomCase("kinks", "hard tanh", () => mlp([12, 64, 64, 100], hardTanh), {
    starts: far,
    redraw: denseWeights({ gain: 1.4, bias: 0.3 }),
  }),
  randomCase("kinks", "hard tanh, nearly all clipped", () => mlp([12, 64, 64, 100], hardTanh), {
    starts: far,
    spread: 2,
    redraw: denseWeights({ gain: 1.4, bias: biases(withSign(1.5), 0.3) }),
  }),
  randomCase("kinks", "leaky ReLU, slope 0.01", () => mlp([12, 64, 64, 100], leakyRelu), {
    starts: far,
    redraw: denseWeights({ gain: 1.4, bias: 0.3 }),
  }),
  randomCase("kinks", "hard swish", () => mlp([12, 64, 64, 100], () => pointwise("hardSwish")), {
    starts: far,
    redraw: denseWeights({ gain: 1.4, bias: 0.3 }),
  }),
  randomCase("kinks", "absolute values", () => mlp([12, 64, 64, 100], () => pointwise("abs")), {
    redraw: denseWeights({ gain: 1.2, bias: 0.3 }),
  }),
];

const outputs: readonly Case[] = [
  randomCase("output functions", "exp", () => mlp([10, 64, 60], elu, [pointwise("exp")]), {
    redraw: denseWeights({ gain: 1, bias: 0.1 }),
  }),
  randomCase("output functions", "tanh, large logits", () => mlp([10, 64, 60], elu, [tanh()]), {
    starts: far,
    redraw: denseWeights({ gain: 2.5, bias: 0.5 }),
  }),
  randomCase("output functions", "ReLU", () => mlp([10, 64, 60], elu, [relu()]), {
    starts: far,
    redraw: denseWeights({ gain: 1.4, bias: 0.2 }),
  }),
];

export const DENSE_CASES: readonly Case[] = [
  ...plain,
  ...largeWeights,
  ...zeroBiases,
  ...saturated,
  ...kinks,
  ...periodic,
  ...outputs,
];
