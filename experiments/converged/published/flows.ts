import {
  affine,
  concat,
  conv,
  dense,
  depthToSpace,
  graph,
  mul,
  pointwise,
  relu,
  reshape,
  sigmoid,
  slice,
  sub,
  tanh,
  type Value,
} from "../../../src/graph/index.ts";
import type { Decoder, GraphDefinition } from "../../../src/index.ts";
import { faninWeights, fill } from "../weights.ts";
import { linear } from "./blocks.ts";

// Normalising flows from the latent to the data: as many numbers as latents.

function halves(x: Value, length: number, axis: number): readonly [Value, Value] {
  const half = length / 2;
  return [slice({ axis, start: 0, end: half })(x), slice({ axis, start: half, end: length })(x)];
}

/** Dinh et al. 2017: affine couplings, inverted; the halves change places behind each. */
export function realNvp(): GraphDefinition {
  const size = 16;
  const net = (x: Value) => dense(size / 2)(relu()(dense(32)(relu()(dense(32)(x)))));
  return graph(({ latent }) => {
    let x = latent(size);
    for (let coupling = 0; coupling < 6; coupling++) {
      const [kept, changed] = halves(x, size, 0);
      const shrunk = pointwise("exp")(linear(tanh()(net(kept)), -1));
      x = concat()(mul()(sub()(changed, net(kept)), shrunk), kept);
    }
    return x;
  });
}

/** Kingma & Dhariwal 2018: two levels of inverted steps (coupling, 1 × 1 convolution, actnorm), and an unsqueeze behind each. */
export function glow(): GraphDefinition {
  const net = (x: Value, channels: number) => {
    const h = relu()(conv({ channels: 16, kernel: 3, padding: 1 })(x));
    return conv({ channels, kernel: 3, padding: 1 })(relu()(conv({ channels: 16, kernel: 1 })(h)));
  };
  const step = (y: Value, channels: number) => {
    const [changed, kept] = halves(y, channels, 2);
    const [shift, logit] = halves(net(kept, channels), channels, 2);
    const scale = pointwise("reciprocal")(sigmoid()(linear(logit, 1, 2)));
    const x = concat()(sub()(mul()(changed, scale), shift), kept);
    return affine()(conv({ channels, kernel: 1 })(x));
  };
  return graph(({ latent }) => {
    let x = reshape([2, 2, 16])(latent(64));
    for (const channels of [16, 4]) {
      for (let i = 0; i < 3; i++) x = step(x, channels);
      x = depthToSpace({ block: 2 })(x);
    }
    return x;
  });
}

/** 1 × 1 convolutions of as many channels as they read are reflections, which Glow's random rotations are made of. */
export function flowWeights(decoder: Decoder, draw: () => number): void {
  faninWeights(1)(decoder, draw);
  for (const operation of decoder.operations) {
    if (operation.kind !== "conv") continue;
    const { weight, bias } = operation;
    const size = bias.length;
    if (weight.length !== size * size) continue;
    const normal = Float64Array.from({ length: size }, draw);
    const square = normal.reduce((sum, value) => sum + value ** 2, 0);
    fill(weight, (i) => {
      const [row, column] = [Math.floor(i / size), i % size];
      return (row === column ? 1 : 0) - (2 * normal[row]! * normal[column]!) / square;
    });
  }
}
