import {
  add,
  affine,
  concat,
  conv,
  convTranspose,
  dense,
  depthToSpace,
  embedding,
  graph,
  groupNorm,
  leakyRelu,
  matmul,
  mean,
  mul,
  relu,
  reshape,
  sequential,
  sigmoid,
  silu,
  slice,
  softmax,
  tanh,
  upsample,
  type Value,
} from "../../../src/graph/index.ts";
import type { GraphDefinition } from "../../../src/index.ts";
import { excite, glu, linear, residual } from "./blocks.ts";

// Decoders of images, with few channels and pixels. `affine` is a BatchNorm with its statistics.

const conv1 = (channels: number) => conv({ channels, kernel: 1 });
const conv3 = (channels: number) => conv({ channels, kernel: 3, padding: 1 });
const doubled = (channels: number) => convTranspose({ channels, kernel: 4, stride: 2, padding: 1 });

/** Radford et al. 2016. */
export function dcgan(): GraphDefinition {
  return sequential(32, [
    ...[dense(4 * 4 * 16), reshape([4, 4, 16]), affine(), relu()],
    ...[doubled(8), affine(), relu()],
    ...[doubled(1), tanh()],
  ]);
}

/** Burgess et al. 2018, the decoder of β-VAE for 64 × 64 pixels, here 32 × 32. */
export function betaVae(): GraphDefinition {
  return sequential(10, [
    ...[dense(64), relu(), dense(4 * 4 * 16), relu(), reshape([4, 4, 16])],
    ...[doubled(16), relu(), doubled(8), relu(), doubled(1), sigmoid()],
  ]);
}

/** Brock et al. 2019: a chunk of z and the class's embedding scale and shift each block's norms; attention in the middle. */
export function bigGan(): GraphDefinition {
  const [chunk, channels] = [8, 8];
  return graph(({ latent, fixed }) => {
    const z = latent(3 * chunk);
    const label = reshape([8])(embedding({ classes: 10, units: 8 })(fixed("label", { classes: 10 })));
    const part = (i: number) => slice({ axis: 0, start: i * chunk, end: (i + 1) * chunk })(z);
    const batchNorm = (x: Value, condition: Value) => {
      const each = () => reshape([1, 1, channels])(dense(channels)(condition));
      return add()(mul()(affine()(x), linear(each(), 1, 1)), each());
    };
    const block = (x: Value, i: number) => {
      const condition = concat()(label, part(i));
      let h = upsample({ scale: 2 })(relu()(batchNorm(x, condition)));
      h = conv3(channels)(relu()(batchNorm(conv3(channels)(h), condition)));
      return add()(h, conv1(channels)(upsample({ scale: 2 })(x)));
    };
    let x = reshape([4, 4, channels])(dense(4 * 4 * channels)(part(0)));
    x = nonLocal(block(x, 1), 64, channels);
    x = block(x, 2);
    return tanh()(conv3(3)(relu()(affine()(x))));
  });
}

/** SAGAN's attention over pixels, x + γ · …; γ, 0 before training, is 0.5. */
function nonLocal(x: Value, pixels: number, channels: number): Value {
  const narrow = channels / 2;
  const tokens = (size: number) => reshape([pixels, size])(conv1(size)(x));
  const weights = softmax()(matmul({ transposed: true })(tokens(narrow), tokens(narrow)));
  const side = Math.sqrt(pixels);
  const mixed = reshape([side, side, narrow])(matmul()(weights, tokens(narrow)));
  return add()(x, linear(conv1(channels)(mixed), 0.5));
}

/** Liu et al. 2021: gated linear units, and excitation of a resolution by a much lower one. */
export function fastGan(): GraphDefinition {
  const channels = 8;
  const upBlock = (x: Value) => {
    const h = affine()(conv3(2 * channels)(upsample({ scale: 2 })(x)));
    return glu(h, 2 * channels, 2);
  };
  return graph(({ latent }) => {
    const first = affine()(reshape([4, 4, 2 * channels])(dense(4 * 4 * 2 * channels)(latent(32))));
    const at4 = glu(first, 2 * channels, 2);
    const at8 = upBlock(at4);
    const at16 = upBlock(at8);
    const gate = sigmoid()(conv1(channels)(silu()(conv({ channels, kernel: 4 })(at4))));
    return tanh()(conv3(3)(mul()(at16, gate)));
  });
}

/** Rombach et al. 2022, the decoder of Stable Diffusion's autoencoder: post_quant_conv, conv_in, mid, up, norm_out, conv_out. */
export function stableDiffusion(): GraphDefinition {
  const norm = () => groupNorm({ groups: 4, epsilon: 1e-6 });
  const resnetBlock = (x: Value, from: number, to: number) => {
    let h = conv3(to)(silu()(norm()(x)));
    h = conv3(to)(silu()(norm()(h)));
    return add()(from === to ? x : conv1(to)(x), h);
  };
  const attnBlock = (x: Value, side: number, channels: number) => {
    const normed = norm()(x);
    const tokens = () => reshape([side * side, channels])(conv1(channels)(normed));
    const weights = softmax()(linear(matmul({ transposed: true })(tokens(), tokens()), channels ** -0.5));
    return add()(x, conv1(channels)(reshape([side, side, channels])(matmul()(weights, tokens()))));
  };
  return graph(({ latent }) => {
    let h = conv3(16)(conv1(4)(reshape([4, 4, 4])(latent(64))));
    h = resnetBlock(attnBlock(resnetBlock(h, 16, 16), 4, 16), 16, 16);
    h = resnetBlock(resnetBlock(h, 16, 16), 16, 16);
    h = conv3(16)(upsample({ scale: 2 })(h));
    h = resnetBlock(resnetBlock(h, 16, 8), 8, 8);
    return conv3(3)(silu()(norm()(h)));
  });
}

/** The Tiny AutoEncoder for Stable Diffusion: latents clamped by tanh, residual blocks of ReLUs. */
export function tinyAutoencoder(): GraphDefinition {
  const channels = 12;
  const block = (x: Value) => {
    const h = conv3(channels)(relu()(conv3(channels)(relu()(conv3(channels)(x)))));
    return relu()(add()(x, h));
  };
  return graph(({ latent }) => {
    const clamped = linear(tanh()(linear(reshape([4, 4, 4])(latent(64)), 1 / 3)), 3);
    let h = block(relu()(conv3(channels)(clamped)));
    h = block(conv3(channels)(upsample({ scale: 2 })(h)));
    return conv3(3)(h);
  });
}

/** Oord et al. 2017, the decoder of VQ-VAE, from continuous latents. */
export function vqVae(): GraphDefinition {
  return graph(({ latent }) => {
    let h = conv3(16)(reshape([4, 4, 2])(latent(32)));
    for (let block = 0; block < 2; block++) h = residual(h, (x) => conv1(16)(relu()(conv3(8)(relu()(x)))));
    return doubled(3)(relu()(doubled(8)(relu()(h))));
  });
}

/** Vahdat & Kautz 2020: NVAE's residual cells, x + 0.1 · (BN, 1×1, BN, swish, depthwise 5×5, BN, swish, 1×1, BN, SE). */
export function nvae(): GraphDefinition {
  const [channels, wide] = [8, 24];
  const cell = (x: Value) => {
    let h = affine()(conv1(wide)(affine()(x)));
    h = conv({ channels: wide, kernel: 5, padding: 2, groups: wide })(silu()(h));
    h = affine()(conv1(channels)(silu()(affine()(h))));
    const pooled = reshape([channels])(mean({ axes: [0, 1], keepAxes: true })(h));
    return linear(excite(h, pooled, 4, channels), 0.1);
  };
  return graph(({ latent }) => {
    let h = conv3(channels)(reshape([4, 4, 2])(latent(32)));
    for (let i = 0; i < 2; i++) h = residual(h, cell);
    h = upsample({ scale: 2 })(h);
    for (let i = 0; i < 2; i++) h = residual(h, cell);
    return conv3(1)(silu()(h));
  });
}

/** Ledig et al. 2017: SRResNet's residual blocks and pixel shuffle, from a small picture that is the latent. */
export function srResNet(): GraphDefinition {
  const prelu = () => leakyRelu({ slope: 0.25 });
  return graph(({ latent }) => {
    const first = prelu()(conv3(12)(reshape([4, 4, 3])(latent(48))));
    let h = first;
    for (let i = 0; i < 2; i++) h = residual(h, (x) => affine()(conv3(12)(prelu()(affine()(conv3(12)(x))))));
    h = add()(first, affine()(conv3(12)(h)));
    return conv3(3)(prelu()(depthToSpace({ block: 2 })(conv3(48)(h))));
  });
}
