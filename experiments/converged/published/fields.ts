import {
  add,
  concat,
  dense,
  graph,
  mul,
  relu,
  sigmoid,
  sine,
  slice,
  tanh,
  type Value,
} from "../../../src/graph/index.ts";
import type { Decoder, GraphDefinition, Operation } from "../../../src/index.ts";
import { fanInOf, fill } from "../weights.ts";
import { linear, lrelu } from "./blocks.ts";

// Decoders over points: a latent and a place make a number.

const UNITS = 32;

/** Park et al. 2019: ReLUs, with latent and place again in the middle; a signed distance by tanh. */
export function deepSdf(): GraphDefinition {
  return graph(({ latent, points }) => {
    const input = concat()(latent(16), points("xyz", 3));
    let h = input;
    for (let layer = 0; layer < 6; layer++) {
      h = relu()(dense(UNITS)(layer === 3 ? concat()(h, input) : h));
    }
    return tanh()(dense(1)(h));
  });
}

/** Mescheder et al. 2019: residual blocks whose norms (with their statistics) have scales and shifts from the latent. */
export function occupancyNetwork(): GraphDefinition {
  return graph(({ latent, points }) => {
    const c = latent(16);
    const conditional = (x: Value) => add()(mul()(x, linear(dense(UNITS)(c), 1, 1)), dense(UNITS)(c));
    let h = dense(UNITS)(points("xyz", 3));
    for (let block = 0; block < 3; block++) {
      const inner = dense(UNITS)(relu()(conditional(h)));
      h = add()(h, dense(UNITS)(relu()(conditional(inner))));
    }
    return sigmoid()(dense(1)(relu()(conditional(h))));
  });
}

/** Sitzmann et al. 2020: sin(30 (Wx + b)), of latent and place. */
export function siren(): GraphDefinition {
  return graph(({ latent, points }) => {
    let h = concat()(latent(8), points("xyz", 3));
    for (let layer = 0; layer < 3; layer++) h = sine({ frequency: 30 })(dense(UNITS)(h));
    return dense(1)(h);
  });
}

/** SIREN's initialisation. */
export function sirenWeights(decoder: Decoder, draw: () => number): void {
  const layers = decoder.operations.filter((operation) => operation.kind === "dense");
  for (const [i, layer] of layers.entries()) {
    const inputs = fanInOf(layer);
    const deviation = i === 0 ? 1 / inputs / Math.sqrt(3) : Math.sqrt(2 / inputs) / 30;
    fill(layer.weight, () => deviation * draw());
  }
}

const FILM_LAYERS = 3;

/** Chan et al. 2021, π-GAN: a mapping network's frequencies and phases for each layer of sines. */
export function piGan(): GraphDefinition {
  return graph(({ latent, points }) => {
    let w = latent(16);
    for (let layer = 0; layer < 3; layer++) w = lrelu()(dense(UNITS)(w));
    const all = dense(2 * FILM_LAYERS * UNITS)(w);
    const part = (i: number) => slice({ axis: 0, start: i * UNITS, end: (i + 1) * UNITS })(all);
    let x: Value = points("xyz", 3);
    for (let layer = 0; layer < FILM_LAYERS; layer++) {
      const [frequency, phase] = [linear(part(2 * layer), 15, 30), part(2 * layer + 1)];
      x = sine()(add()(mul()(dense(UNITS)(x), frequency), phase));
    }
    return dense(1)(x);
  });
}

/** π-GAN's initialisation: He's for the mapping network, a quarter of it for its last layer, SIREN's with 25 for the others. */
export function piGanWeights(decoder: Decoder, draw: () => number): void {
  const deviation = ({ weight, bias }: Operation<"dense">): number => {
    const inputs = weight.length / bias.length;
    if (inputs === 3) return 1 / inputs / Math.sqrt(3);
    if (bias.length === 2 * FILM_LAYERS * UNITS) return 0.25 * Math.sqrt(2 / 1.04 / inputs);
    return mapping.has(weight) ? Math.sqrt(2 / 1.04 / inputs) : Math.sqrt(2 / inputs) / 25;
  };
  // The mapping network alone has leaky ReLUs.
  const made = new Map(decoder.operations.map((operation) => [operation.name, operation]));
  const mapping = new Set<Float32Array>();
  for (const { kind, inputs, ...operation } of decoder.operations) {
    const isLeaky =
      kind === "activation" && "activation" in operation && operation.activation.name === "leakyRelu";
    const before = isLeaky ? made.get(inputs[0]!) : undefined;
    if (before?.kind === "dense") mapping.add(before.weight);
  }
  for (const operation of decoder.operations) {
    if (operation.kind !== "dense") continue;
    const size = deviation(operation);
    fill(operation.weight, () => size * draw());
  }
}
