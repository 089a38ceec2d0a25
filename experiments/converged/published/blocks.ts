import {
  add,
  dense,
  gelu,
  leakyRelu,
  matmul,
  mul,
  permute,
  pointwise,
  reshape,
  sigmoid,
  silu,
  slice,
  softmax,
  type Value,
} from "../../../src/graph/index.ts";

// Modules that several published decoders have.

/** factor · x + shift, with numbers that are not learnt. */
export function linear(x: Value, scale: number, shift = 0): Value {
  return pointwise({ name: "linear", scale, shift })(x);
}

/** The leaky ReLU of StyleGAN and its kin. */
export const lrelu = () => leakyRelu({ slope: 0.2 });

/** a · sigmoid(b), a and b the halves of the channels. */
export function glu(x: Value, channels: number, axis: number): Value {
  const half = channels / 2;
  const [a, b] = [slice({ axis, start: 0, end: half })(x), slice({ axis, start: half, end: channels })(x)];
  return mul()(a, sigmoid()(b));
}

/** Attention of several heads of tokens to each other, with a last layer: [tokens, channels] both. */
export function selfAttention(x: Value, tokens: number, channels: number, heads: number): Value {
  const size = channels / heads;
  const split = () => permute([1, 0, 2])(reshape([tokens, heads, size])(dense(channels)(x)));
  const [q, k, v] = [linear(split(), 1 / Math.sqrt(size)), split(), split()];
  const mixed = matmul()(softmax()(matmul({ transposed: true })(q, k)), v);
  return dense(channels)(reshape([tokens, channels])(permute([1, 0, 2])(mixed)));
}

/** Two dense layers with a GELU between them. */
export function feedForward(x: Value, hidden: number, channels: number): Value {
  return dense(channels)(gelu()(dense(hidden)(x)));
}

/** x · sigmoid(…) of a dense bottleneck, for each channel: squeeze and excitation of [height, width, channels]. */
export function excite(x: Value, pooled: Value, hidden: number, channels: number): Value {
  return mul()(x, reshape([1, 1, channels])(sigmoid()(dense(channels)(silu()(dense(hidden)(pooled))))));
}

/** Sum of a value and what a block makes of it. */
export function residual(x: Value, block: (x: Value) => Value): Value {
  return add()(x, block(x));
}
