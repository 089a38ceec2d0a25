import { parametersOf } from "../../src/graph/graph.ts";
import {
  activation,
  add,
  concat,
  constant,
  conv,
  convTranspose,
  dense,
  expand,
  type GraphDefinition,
  gelu,
  groupNorm,
  layerNorm,
  matmul,
  mul,
  reshape,
  rmsNorm,
  sigmoid,
  silu,
  sine,
  softmax,
  softplus,
  sub,
  tanh,
  upsample,
  type Value,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import { from, OPERATION_KINDS, of } from "./operation-kinds.ts";
import { randomArray } from "./random.ts";

// Every kind of operation with each of its settings, and values that go more than one way.

export { of } from "./operation-kinds.ts";

/** Every kind, by what is special. */
export const OPERATION_CASES: Readonly<Record<string, GraphDefinition>> = Object.assign(
  {},
  ...Object.values(OPERATION_KINDS).map(({ cases }) => cases),
);

/** Values that several operations read, and what else a graph may look like. */
export const STRUCTURES: Readonly<Record<string, GraphDefinition>> = {
  "a value read by two": of((z) => {
    const h = from([5], z);
    return add()(dense(3)(h), softplus()(dense(3)(h)));
  }),
  "a value read by three": of((z) => {
    const h = from([3, 3], z);
    return add()(mul()(softmax()(h), layerNorm()(h)), dense(3)(h));
  }),
  "an activation in place and another operation": of((z) => {
    const h = dense(5)(z);
    return mul()(tanh()(h), h);
  }),
  "an operation and an activation in place": of((z) => {
    const h = dense(5)(z);
    return mul()(h, tanh()(h));
  }),
  "three activations in place": of((z) => {
    const h = dense(5)(z);
    return mul()(tanh()(h), mul()(softplus()(h), sine()(h)));
  }),
  "an activation of an activation, both read": of((z) => {
    const h = tanh()(dense(5)(z));
    return mul()(softplus()(h), h);
  }),
  "an identity between": of((z) => {
    const h = dense(5)(z);
    return mul()(activation("identity")(tanh()(h)), activation("identity")(h));
  }),
  "the latent read twice": of((z) => add()(dense(5)(z), mul()(dense(5)(z), tanh()(dense(5)(z))))),
  "the latent read by an activation in place and another": of((z) => mul()(tanh()(z), softplus()(z))),
  "the latent times itself": of((z) => mul()(z, z)),
  "an activation of the latent": of((z) => dense(5)(tanh()(z))),
  "the latent's activation is the output": of((z) => tanh()(z)),
  "the latent in another shape": of((z) => mul()(reshape([3, 1])(z), reshape([1, 3])(z))),
  "a square": of((z) => {
    const h = from([5], z);
    return mul()(h, h);
  }),
  "a cube": of((z) => {
    const h = from([3], z);
    return mul()(h, mul()(h, h));
  }),
  "a value added to itself, and taken from itself": of((z) => {
    const h = from([3], z);
    return mul()(add()(h, h), sub()(dense(3)(h), h));
  }),
  "a value beside itself": of((z) => {
    const h = from([3, 2], z);
    return tanh()(dense(3)(concat()(h, h, h)));
  }),
  "a matrix times itself, transposed": of((z) => {
    const h = from([3, 5], z);
    return matmul({ transposed: true })(h, h);
  }),
  "a matrix times itself": of((z) => {
    const h = from([3, 3], z);
    return tanh()(matmul()(h, h));
  }),
  "an outer product of a value with itself in two shapes": of((z) => {
    const h = from([5], z);
    return mul()(reshape([5, 1])(h), reshape([1, 5])(h));
  }),
  "residual blocks": of((z) => {
    let h = dense(5)(z);
    for (let i = 0; i < 3; i++) h = add()(h, dense(5)(tanh()(rmsNorm()(h))));
    return h;
  }),
  "residual blocks, activation first": of((z) => {
    let h: Value = dense(5)(z);
    for (let i = 0; i < 3; i++) h = add()(dense(5)(tanh()(h)), h);
    return tanh()(h);
  }),
  "a skip over several operations": of((z) => {
    const first = tanh()(dense(5)(z));
    const second = softplus()(dense(17)(first));
    const third = tanh()(dense(3)(second));
    return mul()(dense(5)(third), first);
  }),
  "dense connections": of((z) => {
    const a = tanh()(dense(2)(z));
    const b = tanh()(dense(3)(concat()(z, a)));
    const c = tanh()(dense(2)(concat()(z, a, b)));
    return dense(3)(concat()(z, a, b, c));
  }),
  "a constant read twice": of((z) => {
    const c = constant([3, 5])();
    return add()(mul()(c, from([5], z)), tanh()(c));
  }),
  "a constant times itself": of((z) => {
    const c = constant([5])();
    return mul()(mul()(c, c), from([5], z));
  }),
  "the output is a reshape": of((z) => reshape([5, 1])(mul()(tanh()(dense(5)(z)), dense(5)(z)))),
  "the output is a reshape of a value that was read before": of((z) => {
    const h = tanh()(dense(6)(z));
    return reshape([2, 3])(reshape([6])(add()(h, reshape([6])(h))));
  }),
  "an activation behind a reshape at the end": of((z) => {
    const h = dense(6)(z);
    return sigmoid()(reshape([3, 2])(add()(softplus()(h), h)));
  }),
  attention: of((z) => {
    const x = from([3, 5], z);
    const [query, key, value] = [dense(2)(x), dense(2)(x), dense(5)(x)];
    return layerNorm()(add()(x, matmul()(softmax()(matmul({ transposed: true })(query, key)), value)));
  }),
  "a modulated convolution": of((z) => {
    const x = expand([3, 3, 5])(constant([1, 1, 5])());
    const style = reshape([1, 1, 5])(dense(5)(z));
    return tanh()(
      conv({ channels: 3, kernel: 3, padding: 1 })(mul()(groupNorm({ groups: 1 })(mul()(x, style)), style)),
    );
  }),
  "a generator with a skip": of((z) => {
    const h = from([2, 2, 5], z);
    const up = convTranspose({ channels: 3, kernel: 4, stride: 2, padding: 1 })(h);
    const other = conv({ channels: 3, kernel: 1 })(upsample({ scale: 2, mode: "bilinear" })(h));
    return sigmoid()(add()(silu()(groupNorm({ groups: 3 })(up)), other));
  }),
  "a long chain whose slots change hands": of((z) => {
    const [a, b] = [from([7], z), from([2], z)];
    const c = mul()(gelu()(dense(3)(a)), softplus()(dense(3)(b)));
    const d = concat()(c, a);
    const e = mul()(dense(5)(d), dense(5)(b));
    return add()(dense(17)(e), mul()(dense(17)(c), dense(17)(d)));
  }),
};

/** With an output activation that cross entropy has in itself. */
export const CROSS_ENTROPIES: Readonly<Record<string, GraphDefinition>> = {
  "an output activation": of((z) => sigmoid()(mul()(from([5], z), dense(5)(z)))),
  "an output activation of what is read twice": of((z) => {
    const h = dense(5)(z);
    return sigmoid()(reshape([5, 1])(add()(h, tanh()(h))));
  }),
  "an output activation of the latent": of((z) => sigmoid()(z)),
};

/** With parameters that say more than those of a new decoder, whose norms are the identity. */
export function decoderOf(definition: GraphDefinition, seed = 1): Decoder {
  const decoder = createDecoder(definition, { seed });
  for (const { initial, offset, size } of parametersOf(decoder)) {
    const own = decoder.parameters.subarray(offset, offset + size);
    const shifts = randomArray(seed + offset, size, -0.6, 0.6);
    if ("value" in initial) own.set(own.map((value, i) => value + shifts[i]!));
    else own.set(own.map((value) => 1.5 * value));
  }
  return decoder;
}
