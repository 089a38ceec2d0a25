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
  elu,
  embedding,
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
  pointwise,
  relu,
  reshape,
  resize,
  rmsNorm,
  sequential,
  sigmoid,
  sine,
  slice,
  softmax,
  sub,
  sum,
  tanh,
  upsample,
  where,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import { randomArray } from "./random.ts";
import { activationsWith } from "./reference.ts";

/** A latent of 3 numbers, and a value of this shape. */
const to = (shape: readonly number[]): Layer[] => [
  dense(shape.reduce((product, length) => product * length, 1)),
  tanh(),
  reshape(shape),
];

const after = (shape: readonly number[], ...layers: Layer[]) => sequential(3, [...to(shape), ...layers]);

/** The same value channels first inside: behind a convolution. */
const behindConv = (shape: readonly number[], ...layers: Layer[]) =>
  after(shape, conv({ channels: shape.at(-1)!, kernel: 1 }), ...layers);

/** Every kind of operation, and every attribute of each, in odd sizes. */
export const ONNX_CASES: Readonly<Record<string, GraphDefinition>> = {
  "dense, one axis": sequential(3, [dense(5), tanh(), dense(4)]),
  "dense, pixels": after([2, 3, 5], dense(4)),
  "dense, behind a convolution": behindConv([2, 3, 5], dense(4)),
  ...Object.fromEntries(
    activationsWith([0.2, 5]).map((of) => [
      `activation ${JSON.stringify(of)}`,
      sequential(3, [dense(7), activation(of)]),
    ]),
  ),
  "an activation behind a convolution": behindConv([2, 3, 5], gelu()),
  "nothing but identity": sequential(3, [activation("identity")]),
  "a reshape that changes nothing": sequential(3, [reshape([3])]),
  reshape: after([2, 3, 4], reshape([6, 4]), reshape([4, 2, 3])),
  "a reshape behind a convolution": behindConv([2, 3, 5], reshape([5, 3, 2])),
  conv: after([4, 5, 3], conv({ channels: 5, kernel: 3 })),
  "conv, all for each axis": after(
    [7, 9, 4],
    conv({
      channels: 6,
      kernel: [2, 3],
      stride: [2, 1],
      padding: [1, 0, 2, 3],
      dilation: [1, 2],
      groups: 2,
    }),
  ),
  "conv, one axis": after([9, 3], conv({ channels: 5, kernel: 4, stride: 2, padding: [1, 2], dilation: 2 })),
  "conv, depthwise": after([3, 5, 4], conv({ channels: 4, kernel: 3, padding: 1, groups: 4 })),
  convTranspose: after([3, 2, 5], convTranspose({ channels: 3, kernel: 4, stride: 2, padding: 1 })),
  "convTranspose, all for each axis": after(
    [3, 4, 6],
    convTranspose({
      channels: 4,
      kernel: [3, 2],
      stride: [2, 3],
      padding: [1, 0, 2, 1],
      outputPadding: [1, 2],
      dilation: [2, 1],
      groups: 2,
    }),
  ),
  "convTranspose, one axis": after(
    [4, 3],
    convTranspose({ channels: 2, kernel: 3, stride: 2, padding: 1, outputPadding: 1 }),
  ),
  "convTranspose, output padding by dilation": after(
    [3, 3, 2],
    convTranspose({ channels: 3, kernel: 2, dilation: 3, outputPadding: 2 }),
  ),
  "convTranspose, output padding by dilation, cut": after(
    [3, 4, 2],
    convTranspose({
      channels: 3,
      kernel: 3,
      stride: [1, 2],
      dilation: 4,
      padding: [1, 1, 3, 1],
      outputPadding: [3, 3],
    }),
  ),
  "sub, fewer axes behind a convolution": graph(({ latent }) => {
    const z = latent(3);
    const pixels = conv({ channels: 5, kernel: 2 })(reshape([3, 4, 5])(dense(60)(z)));
    return sub()(dense(5)(z), pixels);
  }),
  "mul, both stretched": graph(({ latent }) => {
    const z = latent(3);
    return mul()(reshape([4, 1, 2])(dense(8)(z)), reshape([1, 5, 1])(dense(5)(z)));
  }),
  "maximum, fewer axes behind a convolution": graph(({ latent }) => {
    const z = latent(3);
    const pixels = conv({ channels: 5, kernel: 2 })(reshape([3, 4, 5])(dense(60)(z)));
    return maximum()(dense(5)(z), pixels);
  }),
  "minimum, both stretched": graph(({ latent }) => {
    const z = latent(3);
    return minimum()(reshape([4, 1, 2])(dense(8)(z)), reshape([1, 5, 1])(dense(5)(z)));
  }),
  "where, fewer axes behind a convolution": graph(({ latent }) => {
    const z = latent(3);
    const pixels = conv({ channels: 5, kernel: 2 })(reshape([3, 4, 5])(dense(60)(z)));
    return where()(dense(5)(z), pixels, reshape([3, 1])(dense(3)(z)));
  }),
  "where, all stretched": graph(({ latent }) => {
    const z = latent(3);
    return where()(
      reshape([4, 1, 2])(dense(8)(z)),
      pointwise("isPositive")(reshape([1, 5, 1])(dense(5)(z))),
      pointwise("isNotNegative")(reshape([2])(dense(2)(z))),
    );
  }),
  "a skip over convolutions": graph(({ latent }) => {
    const pixels = reshape([3, 4, 5])(dense(60)(latent(3)));
    const inner = elu()(conv({ channels: 5, kernel: 3, padding: 1 })(pixels));
    return elu()(add()(pixels, conv({ channels: 5, kernel: 3, padding: 1 })(inner)));
  }),
  "concat, the last axis": graph(({ latent }) => {
    const z = latent(3);
    return concat()(dense(4)(z), z, dense(2)(z));
  }),
  "concat, of one": sequential(3, [dense(4), concat()]),
  "concat, another axis": graph(({ latent }) => {
    const z = latent(3);
    return concat({ axis: 0 })(reshape([2, 3])(dense(6)(z)), reshape([4, 3])(dense(12)(z)));
  }),
  "concat, a latent beside pixels behind a convolution": graph(({ latent }) => {
    const z = latent(3);
    const pixels = conv({ channels: 4, kernel: 1 })(reshape([2, 3, 5])(dense(30)(z)));
    return conv({ channels: 2, kernel: 2 })(concat()(pixels, z));
  }),
  "concat, with a constant": graph(({ latent }) => {
    const pixels = reshape([2, 3, 5])(dense(30)(latent(3)));
    return concat()(constant([2, 3, 1])(), pixels);
  }),
  expand: graph(({ latent }) => expand([4, 5, 2])(reshape([5, 1])(dense(5)(latent(3))))),
  "expand, behind a convolution": behindConv([4, 1, 5], expand([4, 3, 5])),
  "expand, axes of length 1": sequential(3, [dense(4), expand([1, 1, 4])]),
  permute: after([2, 3, 5], permute([2, 0, 1])),
  "permute, then a convolution": behindConv(
    [2, 3, 5],
    permute([2, 0, 1]),
    conv({ channels: 4, kernel: 2 }),
    permute([1, 2, 0]),
  ),
  "slice, backwards to an end": after([7, 2], slice({ axis: 0, start: 5, end: 1, step: -2 })),
  "slice, backwards": after([5, 3, 4], slice({ axis: -1, start: -1, step: -2 })),
  "slice, from the end, behind a convolution": behindConv(
    [4, 5, 3],
    slice({ axis: 1, start: -4, end: -1, step: 2 }),
    slice({ axis: 2, start: 1 }),
  ),
  "pad, reflect": after([4, 5, 3], pad({ padding: [1, 2, 3, 4], mode: "reflect" })),
  "pad, edge, behind a convolution": behindConv([4, 5, 3], pad({ padding: [1, 2, 0, 4], mode: "edge" })),
  "pad, one axis": after([4, 3], pad({ padding: [2, 1], mode: "reflect" })),
  "upsample nearest, one axis": after([3, 5], upsample({ scale: 3 })),
  "upsample bilinear, one axis, corners": after(
    [4, 3],
    upsample({ scale: 3, mode: "bilinear", alignCorners: true }),
  ),
  "upsample bilinear, one pixel": after([1, 1, 3], upsample({ scale: 3, mode: "bilinear" })),
  "resize nearest": after([3, 5, 2], resize({ size: [4, 3], coordinates: "asymmetric", rounding: "floor" })),
  "resize nearest, other rounding": after([3, 5, 2], resize({ size: [7, 3], rounding: "round_prefer_ceil" })),
  "resize nearest, of old opsets": after(
    [3, 5, 2],
    resize({ size: [4, 3], coordinates: "tf_half_pixel_for_nn" }),
  ),
  "resize linear, by scales": after([3, 5, 2], resize({ size: [4, 9], scale: [1.5, 1.9], mode: "linear" })),
  "resize linear, by sizes": after([10, 7, 2], resize({ size: [3, 6], mode: "linear" })),
  "resize linear, one axis, corners": after(
    [7, 3],
    resize({ size: 5, mode: "linear", coordinates: "align_corners" }),
  ),
  "resize linear, corners of a length that is not whole": after(
    [5, 4, 2],
    resize({ size: [3, 6], scale: [0.7, 1.5], mode: "linear", coordinates: "align_corners" }),
  ),
  "resize linear, of a scale that rounds up": after(
    [4, 4, 2],
    resize({ size: [7, 7], scale: 1.65, mode: "linear" }),
  ),
  "resize linear, as many pixels": after([4, 4, 2], resize({ size: 4, scale: 1.2, mode: "linear" })),
  "resize linear, symmetric": after(
    [4, 5, 2],
    resize({ size: [6, 8], scale: 1.7, mode: "linear", coordinates: "half_pixel_symmetric" }),
  ),
  "resize linear, antialias": after([9, 5, 2], resize({ size: [4, 3], mode: "linear", antialias: true })),
  "resize cubic": after([3, 5, 2], resize({ size: [7, 4], mode: "cubic", cubicCoefficient: -0.5 })),
  "resize cubic, up": after([3, 5, 2], resize({ size: [7, 9], mode: "cubic" })),
  "resize cubic, up, without the outside": after(
    [3, 4, 2],
    resize({ size: 8, mode: "cubic", excludeOutside: true }),
  ),
  "resize cubic, without the outside": after(
    [3, 5, 2],
    resize({ size: [7, 4], mode: "cubic", excludeOutside: true }),
  ),
  "resize cubic, one axis": after([5, 2], resize({ size: 7, mode: "cubic" })),
  "resize cubic, antialias": after(
    [9, 5, 2],
    resize({ size: [4, 3], mode: "cubic", antialias: true, excludeOutside: true }),
  ),
  "averagePool, all for each axis": after(
    [7, 6, 3],
    averagePool({ kernel: [3, 4], stride: [2, 1], padding: [1, 2, 0, 3] }),
  ),
  "averagePool, one axis": after([7, 3], averagePool({ kernel: 3, stride: 2, padding: [1, 0] })),
  "sum, of a vector": sequential(3, [dense(5), sum({ axes: [0] })]),
  "mean, of pixels behind a convolution": behindConv([2, 3, 5], mean({ axes: [0, 1] }), dense(3)),
  "mean, an axis behind a convolution": behindConv([2, 3, 5], mean({ axes: [0] })),
  "mean, of channels behind a convolution": behindConv([2, 3, 5], mean({ axes: [2] })),
  "mean, axes stay, behind a convolution": behindConv([2, 3, 5], mean({ axes: [0, 1], keepAxes: true })),
  "layerNorm, several axes": after([2, 3, 5], layerNorm({ axes: 2, epsilon: 0.1 })),
  "layerNorm, all axes behind a convolution": behindConv([2, 3, 5], layerNorm({ axes: 3 })),
  "layerNorm, a vector": sequential(3, [dense(5), layerNorm()]),
  "groupNorm, one group": after([2, 3, 5], groupNorm({ groups: 1 })),
  "groupNorm, a group for each": behindConv([2, 3, 5], groupNorm({ groups: 5 }), elu()),
  "groupNorm, one axis": after([4, 6], groupNorm({ groups: 2 })),
  "groupNorm, a vector": sequential(3, [dense(6), groupNorm({ groups: 2 })]),
  "groupNorm, a vector, a group for each": sequential(3, [dense(6), groupNorm({ groups: 6 })]),
  "groupNorm, more axes": after([2, 3, 2, 4], groupNorm({ groups: 2 })),
  "rmsNorm, a vector": sequential(3, [dense(5), rmsNorm({ epsilon: 0.1 })]),
  "rmsNorm, behind a convolution": behindConv([2, 3, 5], rmsNorm()),
  "affine, a vector": sequential(3, [dense(5), affine()]),
  "affine, behind a convolution": behindConv([2, 3, 5], affine()),
  "softmax, behind a convolution": behindConv([2, 3, 5], softmax()),
  matmul: graph(({ latent }) => {
    const z = latent(3);
    return matmul()(reshape([2, 3, 4])(dense(24)(z)), reshape([2, 4, 5])(dense(40)(z)));
  }),
  "matmul, transposed": graph(({ latent }) => {
    const z = latent(3);
    return matmul({ transposed: true })(reshape([3, 4])(dense(12)(z)), reshape([5, 4])(dense(20)(z)));
  }),
  "matmul, with a constant": graph(({ latent }) =>
    matmul()(constant([5, 3])(), reshape([3, 2])(dense(6)(latent(3)))),
  ),
  constant: graph(({ latent }) => {
    const learnt = conv({ channels: 4, kernel: 2 })(constant([3, 4, 2])());
    return elu()(mul()(learnt, dense(4)(latent(3))));
  }),
  "attention over pixels": graph(({ latent }) => {
    const pixels = conv({ channels: 4, kernel: 1 })(reshape([2, 3, 4])(dense(24)(latent(3))));
    const rows = reshape([6, 4])(groupNorm({ groups: 2 })(pixels));
    const scores = softmax()(matmul({ transposed: true })(dense(4)(rows), dense(4)(rows)));
    return add()(pixels, reshape([2, 3, 4])(matmul()(scores, dense(4)(rows))));
  }),
  "a number beside the latent": graph(({ latent, fixed }) => {
    const h = concat()(latent(3), fixed("angle", 2));
    return dense(4)(h);
  }),
  "a picture beside the latent": graph(({ latent, fixed }) => {
    const pixels = reshape([3, 4, 2])(dense(24)(latent(3)));
    return conv({ channels: 2, kernel: 2 })(concat()(pixels, fixed("mask", [3, 4, 1])));
  }),
  "a class": graph(({ latent, fixed }) => {
    const label = embedding({ classes: 5, units: 4 })(fixed("label", { classes: 5 }));
    return dense(6)(elu()(mul()(dense(4)(latent(3)), label)));
  }),
  "several classes": {
    format: 1,
    layout: "channelsLast",
    latentSize: 4,
    fixed: [{ name: "words", shape: [3, 1], classes: 7 }],
    operations: [
      { kind: "embedding", name: "rows", inputs: ["words"], classes: 7, units: 4 },
      { kind: "mul", name: "product", inputs: ["rows", "z"] },
    ],
  },
  points: graph(({ latent, points }) => {
    const [z, x] = [latent(3), points("xyz", 2)];
    const h = sine({ frequency: 3 })(dense(6)(concat()(z, x)));
    return dense(1)(concat()(h, x));
  }),
  "points, constants and a class beside each other": graph(({ latent, fixed, points }) => {
    const [z, x] = [latent(3), points("xyz", 2)];
    const label = embedding({ classes: 5, units: 4 })(fixed("label", { classes: 5 }));
    const everywhere = expand(["points", 2])(constant([2])());
    const learnt = concat()(constant([3])(), constant([2])());
    return dense(2)(elu()(concat()(label, everywhere, learnt, x, z)));
  }),
  "points, with all that there is": graph(({ latent, points }) => {
    const [z, x] = [latent(3), points("x", 2)];
    const wide = expand(["points", 3])(z);
    const h = mul()(layerNorm()(dense(6)(concat()(wide, x))), dense(6)(z));
    const moved = reshape(["points", 6])(permute([1, 0])(permute([1, 0])(reshape(["points", 6])(h))));
    const scores = softmax()(matmul({ transposed: true })(moved, moved));
    const twice = concat({ axis: 0 })(matmul()(scores, groupNorm({ groups: 2 })(moved)), moved);
    const beside = concat()(twice, z);
    const local = conv({ channels: 3, kernel: 3, padding: 1 })(slice({ axis: 0, start: 1, step: 2 })(beside));
    return add()(
      mean({ axes: [0] })(upsample({ scale: 2, mode: "nearest" })(local)),
      sum({ axes: [0, 1] })(h),
    );
  }),
  DCGAN: sequential(5, [
    ...[dense(2 * 2 * 8), reshape([2, 2, 8]), elu()],
    ...[convTranspose({ channels: 6, kernel: 4, stride: 2, padding: 1 }), affine(), elu()],
    ...[convTranspose({ channels: 4, kernel: 4, stride: 2, padding: 1 }), groupNorm({ groups: 2 }), relu()],
    ...[upsample({ scale: 2 }), conv({ channels: 3, kernel: 3, padding: 1 }), sigmoid()],
  ]),
};

/** A decoder whose parameters are all at random, those of norms as well. */
export function randomDecoder(definition: GraphDefinition): Decoder {
  const decoder = createDecoder(definition, { seed: 3 });
  const noise = randomArray(4, decoder.parameterCount, -0.5, 0.5);
  decoder.parameters.forEach((value, i) => {
    decoder.parameters[i] = value + noise[i]!;
  });
  return decoder;
}
