import {
  add,
  affine,
  conv,
  convTranspose,
  graph,
  groupNorm,
  matmul,
  mul,
  relu,
  reshape,
  sigmoid,
  silu,
  slice,
  softmax,
  upsample,
  type Value,
} from "../src/graph/index.ts";

// Large decoders of convolutions, written anew after three that are in use, with fewer pixels.

const conv3 = (channels: number) => conv({ channels, kernel: 3, padding: 1 });
const conv1 = (channels: number) => conv({ channels, kernel: 1 });
const double = (x: Value) => upsample({ scale: 2 })(x);

/** As the tiny autoencoder of Stable Diffusion: residual blocks of three convolutions with ReLU, 4×4×4 → 32×32×3. */
const tinyDecoder = graph(({ latent }) => {
  const channels = 64;
  const block = (x: Value) => {
    const h = relu()(conv3(channels)(relu()(conv3(channels)(x))));
    return relu()(add()(conv3(channels)(h), x));
  };
  let x = relu()(conv3(channels)(reshape([4, 4, 4])(latent(64))));
  for (let level = 0; level < 3; level++) x = conv3(channels)(double(block(block(block(x)))));
  return conv3(3)(block(x));
});

/** As FastGAN: gated linear units after fixed batch norms, and skips that scale channels, 256 → 64×64×3. */
const gatedDecoder = graph(({ latent }) => {
  const gated = (x: Value, channels: number) => {
    const half = (start: number) => slice({ axis: 2, start, end: start + channels })(x);
    return mul()(half(0), sigmoid()(half(channels)));
  };
  const up = (x: Value, channels: number) => gated(affine()(conv3(2 * channels)(double(x))), channels);
  /** Scales the channels of `high` by a glance at all of `low`, 4×4. */
  const excite = (low: Value, high: Value, channels: number) =>
    mul()(high, sigmoid()(conv1(channels)(silu()(conv({ channels, kernel: 4 })(low)))));
  const z = reshape([1, 1, 256])(latent(256));
  const x4 = gated(affine()(convTranspose({ channels: 512, kernel: 4 })(z)), 256);
  const x8 = up(x4, 128);
  const x16 = up(x8, 128);
  const x32 = excite(x4, up(x16, 64), 64);
  return conv3(3)(up(x32, 32));
});

/** As the decoder of latent diffusion: group norms, SiLU, residual blocks and attention, 8×8×4 → 32×32×3. */
const diffusionDecoder = graph(({ latent }) => {
  const normed = (x: Value) => silu()(groupNorm({ groups: 16 })(x));
  const block = (x: Value, from: number, channels: number) => {
    const h = conv3(channels)(normed(conv3(channels)(normed(x))));
    return add()(h, from === channels ? x : conv1(channels)(x));
  };
  const attend = (x: Value, channels: number, pixels: number) => {
    const h = groupNorm({ groups: 16 })(x);
    const tokens = () => reshape([pixels, channels])(conv1(channels)(h));
    const scores = softmax()(matmul({ transposed: true })(tokens(), tokens()));
    const side = Math.sqrt(pixels);
    return add()(x, conv1(channels)(reshape([side, side, channels])(matmul()(scores, tokens()))));
  };
  let x = conv3(128)(reshape([8, 8, 4])(latent(256)));
  x = block(attend(block(x, 128, 128), 128, 64), 128, 128);
  x = block(block(x, 128, 128), 128, 128);
  x = block(block(conv3(128)(double(x)), 128, 64), 64, 64);
  x = block(block(conv3(64)(double(x)), 64, 32), 32, 32);
  return conv3(3)(normed(x));
});

/** All of them, by name. */
export const ARCHITECTURES = { tinyDecoder, gatedDecoder, diffusionDecoder };
export type Architecture = keyof typeof ARCHITECTURES;
