import { parametersOf } from "../../src/graph/graph.ts";
import {
  activation,
  add,
  affine,
  averagePool,
  concat,
  constant,
  conv,
  convTranspose,
  dense,
  depthToSpace,
  expand,
  type GraphDefinition,
  gelu,
  graph,
  groupNorm,
  type Layer,
  layerNorm,
  matmul,
  maximum,
  mean,
  minimum,
  mul,
  pad,
  permute,
  reshape,
  resize,
  rmsNorm,
  sigmoid,
  silu,
  sine,
  slice,
  softmax,
  softplus,
  sub,
  sum,
  tanh,
  upsample,
  type Value,
  where,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import { randomArray } from "./random.ts";

// Every kind of operation with each of its settings, and values that go more than one way.

const LATENT = 3;

/** A value of this shape that depends on others, and bends. */
const from = (shape: readonly number[], input: Value): Value =>
  reshape(shape)(tanh()(dense(shape.reduce((product, length) => product * length, 1))(input)));

export const of = (build: (z: Value) => Value, size = LATENT): GraphDefinition =>
  graph(({ latent }) => build(latent(size)));

/** Layers behind a value of this shape, before a function that bends. */
const after = (shape: readonly number[], ...layers: Layer[]): GraphDefinition =>
  of((z) => softplus()(layers.reduce((value, layer) => layer(value), from(shape, z))));

/** Of two values of these shapes. */
const ofTwo = (layer: Layer, a: readonly number[], b: readonly number[]): GraphDefinition =>
  of((z) => softplus()(layer(from(a, z), from(b, z))));

/** Of three values of these shapes. */
const ofThree = (
  layer: Layer,
  a: readonly number[],
  b: readonly number[],
  c: readonly number[],
): GraphDefinition => of((z) => softplus()(layer(from(a, z), from(b, z), from(c, z))));

/** Beside another value, since of one number alone it does not depend on z. */
const ofOne = (layer: Layer): GraphDefinition =>
  of((z) => softplus()(mul()(layer(from([3, 1], z)), from([3, 1], z))));

/** Every kind, by what is special. */
export const OPERATION_CASES: Readonly<Record<string, GraphDefinition>> = {
  "dense along the last axis of two": after([5, 3], dense(17)),
  "dense along the last axis of three, to one": after([2, 3, 5], dense(1)),
  "dense along an axis of one": after([5, 1], dense(3)),

  "add, equal shapes": ofTwo(add(), [17], [17]),
  "add, the right one stretched": ofTwo(add(), [3, 5, 3], [5, 1]),
  "add, the left one stretched": ofTwo(add(), [3], [5, 3]),
  "add, both stretched": ofTwo(add(), [5, 1], [1, 3]),
  "add, of one number": ofTwo(add(), [1], [17]),
  "sub, equal shapes": ofTwo(sub(), [5], [5]),
  "sub, the right one stretched": ofTwo(sub(), [2, 3, 5], [3, 1]),
  "sub, the left one stretched": ofTwo(sub(), [1, 5], [3, 1]),
  "mul, equal shapes": ofTwo(mul(), [17], [17]),
  "maximum, equal shapes": ofTwo(maximum(), [17], [17]),
  "maximum, the right one stretched": ofTwo(maximum(), [3, 5], [5]),
  "maximum, both stretched": ofTwo(maximum(), [5, 1], [1, 3]),
  "minimum, equal shapes": ofTwo(minimum(), [17], [17]),
  "minimum, the left one stretched": ofTwo(minimum(), [1, 5], [3, 1]),
  "where, equal shapes": ofThree(where(), [17], [17], [17]),
  "where, of one number": ofThree(where(), [1], [1], [1]),
  "where, one condition for all": ofThree(where(), [1], [3, 5], [3, 5]),
  "where, a condition for each row": ofThree(where(), [5, 1], [5, 3], [3]),
  "where, both sides stretched": ofThree(where(), [3, 5], [1], [3, 1]),
  "where, all stretched": ofThree(where(), [5, 1, 1], [3, 1], [17]),
  "where, a value above 0, by itself and by another": of((z) => {
    const h = from([5], z);
    return softplus()(where()(h, mul()(h, h), dense(5)(z)));
  }),
  "mul, the right one stretched": ofTwo(mul(), [3, 5], [5]),
  "mul, the left one stretched": ofTwo(mul(), [5, 1, 3], [1, 3, 3]),
  "mul, both stretched": ofTwo(mul(), [5, 1], [3]),
  "mul, of one number": ofTwo(mul(), [3, 3], [1]),

  "concat, the last axis": ofTwo(concat(), [3, 5], [3, 1]),
  "concat, the first axis": ofTwo(concat({ axis: 0 }), [1, 5], [3, 5]),
  "concat, an axis between, from the end": ofTwo(concat({ axis: -2 }), [3, 2, 5], [3, 5, 5]),
  "concat, one that is stretched": ofTwo(concat(), [5, 3], [17]),
  "concat, the first is stretched, along an axis between": ofTwo(concat({ axis: 1 }), [3, 2], [5, 1, 2]),
  "concat, one that is stretched, between its own axes": ofTwo(concat({ axis: 2 }), [2, 3, 2], [3, 2, 1, 2]),
  "concat of one": after([3, 5], concat({ axis: 0 })),
  "concat of three": of((z) =>
    tanh()(concat({ axis: 0 })(from([3, 2], z), from([1, 2], z), from([5, 2], z))),
  ),
  "expand, an axis": after([5, 1, 3], expand([5, 17, 3])),
  "expand, more axes before": after([1, 3], expand([3, 5, 3])),
  "expand, the last axis": after([5, 1], expand([5, 3])),
  "expand, nothing": after([5, 3], expand([5, 3])),
  "permute, two axes": after([3, 5], permute([1, 0])),
  "permute, a cycle": after([3, 5, 2], permute([2, 0, 1])),
  "permute, all in reverse": after([3, 2, 5], permute([2, 1, 0])),
  "permute, that leaves the last": after([3, 2, 5], permute([1, 0, 2])),
  "slice, from a start": after([5, 3], slice({ axis: 0, start: 2 })),
  "slice, to an end": after([3, 17], slice({ axis: 1, start: 1, end: 14 })),
  "slice, steps": after([17, 3], slice({ axis: 0, start: 1, step: 5 })),
  "slice, from the end": after([3, 17], slice({ axis: -1, start: -4, end: -1 })),
  "slice, backwards": after([2, 5, 3], slice({ axis: 1, start: 4, step: -1 })),
  "slice, backwards by two, to an end": after([17], slice({ axis: 0, start: 15, end: 2, step: -2 })),
  "slice, one position": after([5, 3], slice({ axis: 1, start: 1, end: 2 })),
  "depthToSpace, channel by channel": after([3, 1, 12], depthToSpace({ block: 2 })),
  "depthToSpace, pixel by pixel": after([2, 3, 12], depthToSpace({ block: 2, order: "DCR" })),
  "depthToSpace by 3, to one channel": after([2, 1, 9], depthToSpace({ block: 3 })),
  "depthToSpace by 1": after([2, 3, 5], depthToSpace({ block: 1 })),

  "pad, zeros": after([3, 5, 3], pad({ padding: 1 })),
  "pad, zeros, each side": after([1, 3, 5], pad({ padding: [0, 1, 2, 3] })),
  "pad, reflect": after([3, 5, 1], pad({ padding: [2, 1], mode: "reflect" })),
  "pad, reflect, one side": after([3, 2, 3], pad({ padding: [0, 1, 2, 0], mode: "reflect" })),
  "pad, edge": after([1, 3, 2], pad({ padding: [2, 3], mode: "edge" })),
  "pad, edge, one axis": after([5, 3], pad({ padding: [1, 4], mode: "edge" })),
  "pad, zeros, one axis": after([3, 1], pad({ padding: 2 })),
  "upsample, nearest": after([3, 1, 5], upsample({ scale: 2 })),
  "upsample, nearest, each axis": after([1, 3, 3], upsample({ scale: [3, 1] })),
  "upsample, bilinear": after([3, 2, 3], upsample({ scale: 2, mode: "bilinear" })),
  "upsample, bilinear, each axis": after([3, 5, 1], upsample({ scale: [1, 3], mode: "bilinear" })),
  "upsample, bilinear, corners": after(
    [3, 2, 5],
    upsample({ scale: [2, 3], mode: "bilinear", alignCorners: true }),
  ),
  "upsample, bilinear, one pixel": after(
    [1, 1, 3],
    upsample({ scale: [1, 3], mode: "bilinear", alignCorners: true }),
  ),
  "upsample, bilinear, one axis": after([5, 3], upsample({ scale: 3, mode: "bilinear" })),
  "resize, nearest, up and down": after([3, 5, 3], resize({ size: [7, 3] })),
  "resize, nearest, one axis": after(
    [5, 3],
    resize({ size: 17, coordinates: "asymmetric", rounding: "floor" }),
  ),
  "resize, nearest, of old opsets": after(
    [5, 3, 1],
    resize({ size: [3, 7], coordinates: "tf_half_pixel_for_nn", rounding: "floor" }),
  ),
  "resize, nearest, ceil": after(
    [3, 2, 2],
    resize({ size: [5, 1], coordinates: "align_corners", rounding: "ceil" }),
  ),
  "resize, nearest, prefer ceil": after(
    [3, 5, 2],
    resize({ size: [4, 7], coordinates: "asymmetric", rounding: "round_prefer_ceil" }),
  ),
  "resize, linear": after([3, 5, 3], resize({ size: [7, 3], mode: "linear" })),
  "resize, linear, corners": after(
    [5, 3, 1],
    resize({ size: [3, 1], mode: "linear", coordinates: "align_corners" }),
  ),
  "resize, linear, antialias": after([17, 3, 2], resize({ size: [5, 4], mode: "linear", antialias: true })),
  "resize, linear, a scale": after(
    [5, 3],
    resize({ size: 17, scale: 3.5, mode: "linear", coordinates: "half_pixel_symmetric" }),
  ),
  "resize, cubic": after([3, 5, 3], resize({ size: [5, 3], mode: "cubic" })),
  "resize, cubic, one pixel": after(
    [1, 3, 1],
    resize({ size: [3, 1], mode: "cubic", coordinates: "pytorch_half_pixel" }),
  ),
  "resize, cubic, each axis": after(
    [3, 4, 2],
    resize({
      size: [3, 5],
      scale: [1, 1.3],
      mode: "cubic",
      cubicCoefficient: -0.5,
      coordinates: "asymmetric",
    }),
  ),
  "resize, cubic, without the outside": after(
    [5, 3, 1],
    resize({ size: [3, 17], mode: "cubic", excludeOutside: true }),
  ),
  "resize, cubic, antialias, without the outside": after(
    [17, 3],
    resize({ size: 5, mode: "cubic", antialias: true, excludeOutside: true }),
  ),
  "resize, nothing": after([3, 5, 2], resize({ size: [3, 5], mode: "cubic" })),
  averagePool: after([5, 3, 3], averagePool({ kernel: 2 })),
  "averagePool, stride": after([5, 7, 1], averagePool({ kernel: [3, 2], stride: [1, 3] })),
  "averagePool, padding": after([5, 3, 2], averagePool({ kernel: 3, stride: 2, padding: 1 })),
  "averagePool, padding left out": after(
    [5, 4, 2],
    averagePool({ kernel: 3, stride: 2, padding: [1, 0, 2, 1], countPadding: false }),
  ),
  "averagePool, one axis": after(
    [17, 3],
    averagePool({ kernel: 5, stride: 3, padding: 2, countPadding: false }),
  ),
  "sum, the last axis": after([5, 3], sum({ axes: [1] })),
  "sum, the first axis": after([17, 5], sum({ axes: [0] })),
  "sum, two axes, kept": after([3, 5, 2], sum({ axes: [-1, 0], keepAxes: true })),
  "sum, of all": after([3, 5], sum({ axes: [0, 1] })),
  "mean, an axis between": after([3, 5, 5], mean({ axes: [1] })),
  "mean, two axes": after([5, 3, 17], mean({ axes: [1, 0] })),
  "mean, kept, from the end": after([3, 17], mean({ axes: [-1], keepAxes: true })),

  layerNorm: after([5, 17], layerNorm()),
  "layerNorm, many sets": after([33, 3], layerNorm({ epsilon: 0.1 })),
  "layerNorm, two axes": after([3, 5, 3], layerNorm({ axes: 2, epsilon: 0.1 })),
  "layerNorm, all axes": after([3, 1, 5], layerNorm({ axes: 3 })),
  "layerNorm, of one axis": after([5], layerNorm({ epsilon: 0.5 })),
  "layerNorm, of one number": ofOne(layerNorm({ epsilon: 1 })),
  groupNorm: after([3, 2, 6], groupNorm({ groups: 2 })),
  "groupNorm, one group": after([5, 3], groupNorm({ groups: 1, epsilon: 0.01 })),
  "groupNorm, a group for each channel": after([3, 3, 5], groupNorm({ groups: 5 })),
  "groupNorm, groups of five": after([2, 15], groupNorm({ groups: 3 })),
  "groupNorm, of one axis": after([17], groupNorm({ groups: 1 })),
  rmsNorm: after([3, 5], rmsNorm()),
  "rmsNorm, with its epsilon": after([2, 1, 17], rmsNorm({ epsilon: 0.3 })),
  "rmsNorm, of one number": after([5, 1], rmsNorm({ epsilon: 0.5 })),
  affine: after([3, 5], affine()),
  "affine, one channel": after([2, 3, 1], affine()),
  "affine, many channels": after([17], affine()),
  softmax: after([5, 3], softmax()),
  "softmax, of one number": ofOne(softmax()),
  "softmax, tails": after([17], softmax()),
  "softmax at the end": of((z) => softmax()(from([2, 3, 5], z))),
  matmul: ofTwo(matmul(), [3, 5], [5, 2]),
  "matmul, several": ofTwo(matmul(), [2, 3, 1], [2, 1, 5]),
  "matmul, transposed": ofTwo(matmul({ transposed: true }), [3, 5], [17, 5]),
  "matmul, several, transposed": ofTwo(matmul({ transposed: true }), [2, 3, 1, 3], [2, 3, 5, 3]),
  "matmul, a row by a column": ofTwo(matmul(), [1, 17], [17, 1]),
  constant: of((z) => softplus()(mul()(constant([3, 5])(), from([3, 5], z)))),
  "constant, through other operations": of((z) =>
    softplus()(add()(conv({ channels: 3, kernel: 2 })(constant([3, 3, 2])()), from([1, 3], z))),
  ),
  activations: of((z) =>
    concat()(
      ...(["silu", "gelu", "softplus", "sigmoid", "identity", { name: "sine", frequency: 2 }] as const).map(
        (name) => tanh()(activation(name)(dense(3)(z))),
      ),
    ),
  ),
};

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
