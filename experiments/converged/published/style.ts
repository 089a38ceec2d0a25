import {
  add,
  constant,
  conv,
  dense,
  graph,
  groupNorm,
  mul,
  pointwise,
  reshape,
  rmsNorm,
  sequential,
  upsample,
  type Value,
} from "../../../src/graph/index.ts";
import type { Decoder, GraphDefinition, Operation } from "../../../src/index.ts";
import { faninWeights, fill } from "../weights.ts";
import { linear, lrelu } from "./blocks.ts";

// Progressive GAN, StyleGAN and StyleGAN2 at 16 × 16 pixels with few channels. Noise, whose strength is 0 before training, is left out.

const LATENTS = 32;
const CHANNELS = 8;

/** x / √(mean x² + 1e-8) over the channels. */
const pixelNorm = () => rmsNorm({ epsilon: 1e-8 });
const conv3 = (channels: number) => conv({ channels, kernel: 3, padding: 1 });

/** Karras et al. 2018: PixelNorm of the latent and behind each convolution. */
export function progressiveGan(): GraphDefinition {
  const block = (channels: number) => [conv3(channels), lrelu(), pixelNorm()];
  return sequential(LATENTS, [
    pixelNorm(),
    ...[dense(4 * 4 * CHANNELS), reshape([4, 4, CHANNELS]), lrelu(), pixelNorm()],
    ...block(CHANNELS),
    ...[upsample({ scale: 2 }), ...block(CHANNELS), ...block(CHANNELS)],
    ...[upsample({ scale: 2 }), ...block(CHANNELS), ...block(CHANNELS)],
    conv({ channels: 3, kernel: 1 }),
  ]);
}

/** z normalised, and eight dense layers: w. */
function mappingNetwork(z: Value): Value {
  let w = pixelNorm()(z);
  for (let layer = 0; layer < 8; layer++) w = lrelu()(dense(LATENTS)(w));
  return w;
}

/** Karras et al. 2019: instance normalisation with scales and shifts from w (AdaIN) behind each convolution. */
export function styleGan(): GraphDefinition {
  return graph(({ latent }) => {
    const w = mappingNetwork(latent(LATENTS));
    const adaIn = (x: Value) => {
      const normed = groupNorm({ groups: CHANNELS })(x);
      return add()(mul()(normed, linear(style(w), 1, 1)), style(w));
    };
    const layer = (x: Value) => adaIn(lrelu()(conv3(CHANNELS)(x)));
    let x = layer(adaIn(constant([4, 4, CHANNELS])()));
    for (let resolution = 8; resolution <= 16; resolution *= 2) x = layer(layer(upsample({ scale: 2 })(x)));
    return conv({ channels: 3, kernel: 1 })(x);
  });
}

/** Karras et al. 2020: convolutions modulated and demodulated by w, and a sum over resolutions of what each has as RGB. */
export function styleGan2(): GraphDefinition {
  return graph(({ latent }) => {
    const w = mappingNetwork(latent(LATENTS));
    const styledConv = (x: Value) => {
      const scale = linear(style(w), 1, 1);
      const squares = dense(CHANNELS)(reshape([CHANNELS])(mul()(scale, scale)));
      const demodulation = pointwise({ name: "power", exponent: -0.5 })(squares);
      return linear(lrelu()(mul()(conv3(CHANNELS)(mul()(x, scale)), demodulation)), Math.SQRT2);
    };
    const toRgb = (x: Value) => conv({ channels: 3, kernel: 1 })(mul()(x, linear(style(w), 1, 1)));
    let x = styledConv(constant([4, 4, CHANNELS])());
    let rgb = toRgb(x);
    for (let resolution = 8; resolution <= 16; resolution *= 2) {
      x = styledConv(styledConv(upsample({ scale: 2 })(x)));
      rgb = add()(upsample({ scale: 2, mode: "bilinear" })(rgb), toRgb(x));
    }
    return rgb;
  });
}

/** An affine map of w, one number for each channel. */
function style(w: Value): Value {
  return reshape([1, 1, CHANNELS])(dense(CHANNELS)(w));
}

/** The equalised learning rate's weights, N(0, 1/fan-in), learnt inputs N(0, 1), and demodulations by the convolutions' own weights. */
export function styleWeights(decoder: Decoder, draw: () => number): void {
  faninWeights(1)(decoder, draw);
  const made = new Map(decoder.operations.map((operation) => [operation.name, operation]));
  for (const operation of decoder.operations) {
    if (operation.kind === "constant") fill(operation.weight, draw);
    if (operation.kind === "mul") demodulate(operation, made);
  }
}

/** Where a convolution is multiplied by (dense)^-½: sets the dense layer's weights to the sums of the kernels' squares. */
function demodulate(product: Operation<"mul">, made: ReadonlyMap<string, Operation>): void {
  const [left, right] = product.inputs.map((name) => made.get(name));
  const squares = right?.kind === "pointwise" ? made.get(right.inputs[0]!) : undefined;
  if (left?.kind !== "conv" || squares?.kind !== "dense") return;
  const taps = left.weight.length / squares.weight.length;
  fill(squares.weight, (i) => {
    return left.weight.subarray(i * taps, (i + 1) * taps).reduce((sum, value) => sum + value ** 2, 0);
  });
  squares.bias.fill(1e-8);
}
