import { createRandom } from "../../src/base/random.ts";
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
  reshape,
  resize,
  rmsNorm,
  slice,
  softmax,
  softplus,
  sparse,
  sub,
  sum,
  tanh,
  upsample,
  type Value,
  where,
} from "../../src/graph/index.ts";
import type { PadMode } from "../../src/graph/kinds/pad.ts";
import { RESIZE_MODES, type ResizeMode } from "../../src/graph/kinds/resize.ts";
import type { UpsampleMode } from "../../src/graph/kinds/upsample.ts";
import type { OperationKind } from "../../src/graph/operations.ts";

// Cases of every kind of operation, for the tests of derivatives, of the GPU's graphs and of ONNX files.

const LATENT = 3;

/** A value of this shape that depends on others, and bends. */
export const from = (shape: readonly number[], input: Value): Value =>
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

export interface Shaped {
  readonly value: Value;
  readonly shape: readonly number[];
}

/** What makes a value of some that there are; undefined where the kind does not fit the one drawn. */
export type Draw = (dice: Dice, x: Shaped, others: readonly Shaped[]) => Shaped | undefined;

/** Tiny values: differences are taken of each graph hundreds of times. */
export const MOST_NUMBERS = 48;
/** Without kinks, whose differences would say nothing. */
const ACTIVATIONS = ["tanh", "sigmoid", "silu", "gelu", "softplus", "sine", "identity"] as const;
const FUNCTIONS = [
  ...(["erf", "mish"] as const),
  { name: "linear", scale: -0.7, shift: 0.2 },
  { name: "power", exponent: 2 },
] as const;
/** Large enough for norms of a few numbers to have moderate second derivatives. */
export const EPSILON = 0.1;

export const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

export class Dice {
  readonly #random;
  constructor(seed: number) {
    this.#random = createRandom(seed);
  }
  /** An integer from low to high. */
  from(low: number, high: number): number {
    return low + Math.floor(this.#random.uniform() * (high - low + 1));
  }
  of<T>(list: readonly T[]): T {
    return list[this.from(0, list.length - 1)]!;
  }
}

const apply = (layer: Layer, shape: readonly number[], ...inputs: readonly Shaped[]): Shaped => ({
  value: layer(...inputs.map(({ value }) => value)),
  shape,
});

/** Entries of a sparse matrix at random places, some of them at the same. */
const entriesOf = (dice: Dice, outputs: number, inputs: number, count: number) => {
  const entries = Array.from({ length: count }, () => ({
    row: dice.from(0, outputs - 1),
    column: dice.from(0, inputs - 1),
    value: dice.from(-8, 8) / 8,
  }));
  return {
    outputs,
    rows: entries.map(({ row }) => row),
    columns: entries.map(({ column }) => column),
    values: entries.map(({ value }) => value),
  };
};

const hasPixels = ({ shape }: Shaped) => shape.length === 2 || shape.length === 3;

/** A function of the pixels' axes. */
const pixels = (shape: readonly number[], of: (length: number) => number, channels = shape.at(-1)!) => [
  ...shape.slice(0, -1).map(of),
  channels,
];

/** Another value of this shape, or one that is made of the first value there is. */
function partner(dice: Dice, shape: readonly number[], others: readonly Shaped[]): Shaped {
  const fitting = others.filter((other) => other.shape.join() === shape.join());
  if (fitting.length > 0 && dice.from(0, 3) > 0) return dice.of(fitting);
  if (dice.from(0, 4) === 0) return { value: constant(shape)(), shape };
  return {
    value: reshape(shape)(dense(size(shape))(reshape([size(others[0]!.shape)])(others[0]!.value))),
    shape,
  };
}

/** Some axes of length 1, or fewer axes. */
const thinned = (dice: Dice, shape: readonly number[]) => {
  const thin = shape.map((length) => (dice.from(0, 2) === 0 ? 1 : length));
  return dice.from(0, 3) === 0 && thin.length > 1 ? thin.slice(1) : thin;
};

const drawOfTwo =
  (make: () => Layer): Draw =>
  (dice, x, others) => {
    const other = partner(dice, thinned(dice, x.shape), others);
    return dice.from(0, 1) === 0 ? apply(make(), x.shape, x, other) : apply(make(), x.shape, other, x);
  };

const reduction =
  (make: (settings: Parameters<typeof sum>[0]) => Layer): Draw =>
  (dice, { value, shape }) => {
    const axis = dice.from(0, shape.length - 1);
    const keepAxes = dice.from(0, 1) === 0;
    const kept = shape.map((length, i) => (i === axis ? 1 : length));
    const left = shape.filter((_, i) => i !== axis);
    const reduced = keepAxes ? kept : left.length > 0 ? left : [1];
    return apply(make({ axes: [axis - (dice.from(0, 1) === 0 ? shape.length : 0)], keepAxes }), reduced, {
      value,
      shape,
    });
  };

type Cases = Readonly<Record<string, GraphDefinition>>;

/** Cases of each way to pad. */
const PAD_CASES: { readonly [Mode in PadMode]: Cases } = {
  zeros: {
    "pad, zeros": after([3, 5, 3], pad({ padding: 1 })),
    "pad, zeros, each side": after([1, 3, 5], pad({ padding: [0, 1, 2, 3] })),
    "pad, zeros, one axis": after([3, 1], pad({ padding: 2 })),
  },
  reflect: {
    "pad, reflect": after([3, 5, 1], pad({ padding: [2, 1], mode: "reflect" })),
    "pad, reflect, one side": after([3, 2, 3], pad({ padding: [0, 1, 2, 0], mode: "reflect" })),
  },
  edge: {
    "pad, edge": after([1, 3, 2], pad({ padding: [2, 3], mode: "edge" })),
    "pad, edge, one axis": after([5, 3], pad({ padding: [1, 4], mode: "edge" })),
  },
};

/** Cases of each mode of `upsample`. */
const UPSAMPLE_CASES: { readonly [Mode in UpsampleMode]: Cases } = {
  nearest: {
    "upsample, nearest": after([3, 1, 5], upsample({ scale: 2 })),
    "upsample, nearest, each axis": after([1, 3, 3], upsample({ scale: [3, 1] })),
  },
  bilinear: {
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
  },
};

/** Cases of each mode of `resize`. */
const RESIZE_CASES: { readonly [Mode in ResizeMode]: Cases } = {
  nearest: {
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
  },
  linear: {
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
  },
  cubic: {
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
  },
};

/** Tests of a kind of operation. */
interface KindCases {
  /** Makes a value for random graphs; none of a kind that they have in another way. */
  readonly draw?: Draw;
  /** Graphs with each of its settings, by what is special; none of a kind that other tests have. */
  readonly cases?: Cases;
}

/** Every kind of operation. */
export const OPERATION_KINDS: Readonly<Record<OperationKind, KindCases>> = {
  dense: {
    draw: (dice, x) => {
      const units = dice.from(1, 5);
      return apply(dense(units), [...x.shape.slice(0, -1), units], x);
    },
    cases: {
      "dense along the last axis of two": after([5, 3], dense(17)),
      "dense along the last axis of three, to one": after([2, 3, 5], dense(1)),
      "dense along an axis of one": after([5, 1], dense(3)),
    },
  },
  activation: {
    draw: (dice, x) => apply(activation(dice.of(ACTIVATIONS)), x.shape, x),
    cases: {
      activations: of((z) =>
        concat()(
          ...(
            ["silu", "gelu", "softplus", "sigmoid", "identity", { name: "sine", frequency: 2 }] as const
          ).map((name) => tanh()(activation(name)(dense(3)(z)))),
        ),
      ),
    },
  },
  pointwise: {
    draw: (dice, x) => apply(pointwise(dice.of(FUNCTIONS)), x.shape, x),
  },
  reshape: {
    draw: (dice, x) => {
      const shape = dice.of([[...x.shape].reverse(), [size(x.shape)], [...x.shape, 1].slice(-4), x.shape]);
      return size(shape) === size(x.shape) ? apply(reshape(shape), shape, x) : undefined;
    },
  },
  conv: {
    draw: (dice, x) => {
      if (!hasPixels(x)) return undefined;
      const channels = dice.from(1, 4);
      return apply(
        conv({ channels, kernel: 3, padding: 1 }),
        pixels(x.shape, (length) => length, channels),
        x,
      );
    },
  },
  convTranspose: {
    draw: (dice, x) => {
      if (!hasPixels(x)) return undefined;
      const channels = dice.from(1, 3);
      const shape = pixels(x.shape, (length) => 2 * length, channels);
      return apply(convTranspose({ channels, kernel: 4, stride: 2, padding: 1 }), shape, x);
    },
  },
  add: {
    draw: drawOfTwo(add),
    cases: {
      "add, equal shapes": ofTwo(add(), [17], [17]),
      "add, the right one stretched": ofTwo(add(), [3, 5, 3], [5, 1]),
      "add, the left one stretched": ofTwo(add(), [3], [5, 3]),
      "add, both stretched": ofTwo(add(), [5, 1], [1, 3]),
      "add, of one number": ofTwo(add(), [1], [17]),
    },
  },
  sub: {
    draw: drawOfTwo(sub),
    cases: {
      "sub, equal shapes": ofTwo(sub(), [5], [5]),
      "sub, the right one stretched": ofTwo(sub(), [2, 3, 5], [3, 1]),
      "sub, the left one stretched": ofTwo(sub(), [1, 5], [3, 1]),
    },
  },
  mul: {
    draw: drawOfTwo(mul),
    cases: {
      "mul, equal shapes": ofTwo(mul(), [17], [17]),
      "mul, the right one stretched": ofTwo(mul(), [3, 5], [5]),
      "mul, the left one stretched": ofTwo(mul(), [5, 1, 3], [1, 3, 3]),
      "mul, both stretched": ofTwo(mul(), [5, 1], [3]),
      "mul, of one number": ofTwo(mul(), [3, 3], [1]),
    },
  },
  maximum: {
    draw: drawOfTwo(maximum),
    cases: {
      "maximum, equal shapes": ofTwo(maximum(), [17], [17]),
      "maximum, the right one stretched": ofTwo(maximum(), [3, 5], [5]),
      "maximum, both stretched": ofTwo(maximum(), [5, 1], [1, 3]),
    },
  },
  minimum: {
    draw: drawOfTwo(minimum),
    cases: {
      "minimum, equal shapes": ofTwo(minimum(), [17], [17]),
      "minimum, the left one stretched": ofTwo(minimum(), [1, 5], [3, 1]),
    },
  },
  where: {
    draw: (dice, x, others) => {
      const [drawn, other] = [0, 1].map(() => partner(dice, thinned(dice, x.shape), others));
      // Not 0 at z = 0, where differences would be taken across the jump.
      const condition = apply(pointwise({ name: "linear", scale: 1, shift: -0.4 }), drawn!.shape, drawn!);
      return apply(where(), x.shape, condition, ...(dice.from(0, 1) === 0 ? [x, other!] : [other!, x]));
    },
    cases: {
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
    },
  },
  concat: {
    draw: (dice, x, others) => {
      const axis = dice.from(0, x.shape.length - 1);
      const rest = ({ shape }: Shaped) => shape.map((length, i) => (i === axis ? 0 : length)).join();
      const fitting = others.filter((other) => rest(other) === rest(x));
      const [left, right] = [dice.of(fitting), dice.of([x, ...fitting])];
      const length = left!.shape[axis]! + x.shape[axis]! + right!.shape[axis]!;
      const shape = x.shape.map((each, i) => (i === axis ? length : each));
      return apply(concat({ axis }), shape, left!, x, right!);
    },
    cases: {
      "concat, the last axis": ofTwo(concat(), [3, 5], [3, 1]),
      "concat, the first axis": ofTwo(concat({ axis: 0 }), [1, 5], [3, 5]),
      "concat, an axis between, from the end": ofTwo(concat({ axis: -2 }), [3, 2, 5], [3, 5, 5]),
      "concat, one that is stretched": ofTwo(concat(), [5, 3], [17]),
      "concat, the first is stretched, along an axis between": ofTwo(concat({ axis: 1 }), [3, 2], [5, 1, 2]),
      "concat, one that is stretched, between its own axes": ofTwo(
        concat({ axis: 2 }),
        [2, 3, 2],
        [3, 2, 1, 2],
      ),
      "concat of one": after([3, 5], concat({ axis: 0 })),
      "concat of three": of((z) =>
        tanh()(concat({ axis: 0 })(from([3, 2], z), from([1, 2], z), from([5, 2], z))),
      ),
    },
  },
  expand: {
    draw: (dice, x) => {
      if (x.shape.length > 3) return undefined;
      const shape = [dice.from(1, 3), ...x.shape.map((length) => (length === 1 ? dice.from(1, 3) : length))];
      return apply(expand(shape), shape, x);
    },
    cases: {
      "expand, an axis": after([5, 1, 3], expand([5, 17, 3])),
      "expand, more axes before": after([1, 3], expand([3, 5, 3])),
      "expand, the last axis": after([5, 1], expand([5, 3])),
      "expand, nothing": after([5, 3], expand([5, 3])),
    },
  },
  permute: {
    draw: (dice, x) => {
      const axes = x.shape.map((_, i) => i);
      for (let i = axes.length - 1; i > 0; i--) {
        const k = dice.from(0, i);
        [axes[i], axes[k]] = [axes[k]!, axes[i]!];
      }
      return apply(
        permute(axes),
        axes.map((axis) => x.shape[axis]!),
        x,
      );
    },
    cases: {
      "permute, two axes": after([3, 5], permute([1, 0])),
      "permute, a cycle": after([3, 5, 2], permute([2, 0, 1])),
      "permute, all in reverse": after([3, 2, 5], permute([2, 1, 0])),
      "permute, that leaves the last": after([3, 2, 5], permute([1, 0, 2])),
    },
  },
  slice: {
    draw: (dice, x) => {
      const axis = dice.from(0, x.shape.length - 1);
      const length = x.shape[axis]!;
      const start = dice.from(0, length - 1);
      const step = dice.of([1, 2, -1, -2]);
      const count = Math.ceil((step > 0 ? length - start : start + 1) / Math.abs(step));
      const shape = x.shape.map((each, i) => (i === axis ? count : each));
      return apply(slice({ axis: axis - x.shape.length, start, step }), shape, x);
    },
    cases: {
      "slice, from a start": after([5, 3], slice({ axis: 0, start: 2 })),
      "slice, to an end": after([3, 17], slice({ axis: 1, start: 1, end: 14 })),
      "slice, steps": after([17, 3], slice({ axis: 0, start: 1, step: 5 })),
      "slice, from the end": after([3, 17], slice({ axis: -1, start: -4, end: -1 })),
      "slice, backwards": after([2, 5, 3], slice({ axis: 1, start: 4, step: -1 })),
      "slice, backwards by two, to an end": after([17], slice({ axis: 0, start: 15, end: 2, step: -2 })),
      "slice, one position": after([5, 3], slice({ axis: 1, start: 1, end: 2 })),
    },
  },
  depthToSpace: {
    draw: (dice, x) => {
      if (x.shape.length !== 3) return undefined;
      const channels = dice.from(1, 2);
      const made = apply(dense(4 * channels), [], x);
      const layer = depthToSpace({ block: 2, order: dice.of(["CRD", "DCR"]) });
      return apply(
        layer,
        pixels(x.shape, (length) => 2 * length, channels),
        made,
      );
    },
    cases: {
      "depthToSpace, channel by channel": after([3, 1, 12], depthToSpace({ block: 2 })),
      "depthToSpace, pixel by pixel": after([2, 3, 12], depthToSpace({ block: 2, order: "DCR" })),
      "depthToSpace by 3, to one channel": after([2, 1, 9], depthToSpace({ block: 3 })),
      "depthToSpace by 1": after([2, 3, 5], depthToSpace({ block: 1 })),
    },
  },
  pad: {
    draw: (dice, x) => {
      const mode = dice.of(Object.keys(PAD_CASES) as PadMode[]);
      if (!hasPixels(x) || (mode === "reflect" && x.shape.slice(0, -1).includes(1))) return undefined;
      return apply(
        pad({ padding: 1, mode }),
        pixels(x.shape, (length) => length + 2),
        x,
      );
    },
    cases: { ...PAD_CASES.zeros, ...PAD_CASES.reflect, ...PAD_CASES.edge },
  },
  upsample: {
    draw: (dice, x) => {
      if (!hasPixels(x)) return undefined;
      const mode = dice.of(Object.keys(UPSAMPLE_CASES) as UpsampleMode[]);
      const alignCorners = mode === "bilinear" && dice.from(0, 1) === 0;
      return apply(
        upsample({ scale: 2, mode, alignCorners }),
        pixels(x.shape, (length) => 2 * length),
        x,
      );
    },
    cases: { ...UPSAMPLE_CASES.nearest, ...UPSAMPLE_CASES.bilinear },
  },
  resize: {
    draw: (dice, x) => {
      if (!hasPixels(x)) return undefined;
      const mode = dice.of(RESIZE_MODES);
      const coordinates = dice.of(["half_pixel", "align_corners"] as const);
      const antialias = mode !== "nearest" && dice.from(0, 1) === 0;
      const shape = x.shape.map((length, i) => (i < x.shape.length - 1 ? dice.from(1, length + 2) : length));
      return apply(resize({ size: shape.slice(0, -1), mode, coordinates, antialias }), shape, x);
    },
    cases: { ...RESIZE_CASES.nearest, ...RESIZE_CASES.linear, ...RESIZE_CASES.cubic },
  },
  averagePool: {
    draw: (dice, x) => {
      if (!hasPixels(x)) return undefined;
      const countPadding = dice.from(0, 1) === 0;
      const shape = pixels(x.shape, (length) => Math.floor((length + 2 - 3) / 2) + 1);
      return apply(averagePool({ kernel: 3, stride: 2, padding: 1, countPadding }), shape, x);
    },
    cases: {
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
    },
  },
  sum: {
    draw: reduction(sum),
    cases: {
      "sum, the last axis": after([5, 3], sum({ axes: [1] })),
      "sum, the first axis": after([17, 5], sum({ axes: [0] })),
      "sum, two axes, kept": after([3, 5, 2], sum({ axes: [-1, 0], keepAxes: true })),
      "sum, of all": after([3, 5], sum({ axes: [0, 1] })),
    },
  },
  mean: {
    draw: reduction(mean),
    cases: {
      "mean, an axis between": after([3, 5, 5], mean({ axes: [1] })),
      "mean, two axes": after([5, 3, 17], mean({ axes: [1, 0] })),
      "mean, kept, from the end": after([3, 17], mean({ axes: [-1], keepAxes: true })),
    },
  },
  layerNorm: {
    draw: (dice, x) => apply(layerNorm({ axes: dice.from(1, x.shape.length), epsilon: EPSILON }), x.shape, x),
    cases: {
      layerNorm: after([5, 17], layerNorm()),
      "layerNorm, many sets": after([33, 3], layerNorm({ epsilon: 0.1 })),
      "layerNorm, two axes": after([3, 5, 3], layerNorm({ axes: 2, epsilon: 0.1 })),
      "layerNorm, all axes": after([3, 1, 5], layerNorm({ axes: 3 })),
      "layerNorm, of one axis": after([5], layerNorm({ epsilon: 0.5 })),
      "layerNorm, of one number": ofOne(layerNorm({ epsilon: 1 })),
    },
  },
  groupNorm: {
    draw: (dice, x) => {
      const channels = x.shape.at(-1)!;
      const groups = dice.of([1, 2, 3, channels].filter((count) => channels % count === 0));
      return apply(groupNorm({ groups, epsilon: EPSILON }), x.shape, x);
    },
    cases: {
      groupNorm: after([3, 2, 6], groupNorm({ groups: 2 })),
      "groupNorm, one group": after([5, 3], groupNorm({ groups: 1, epsilon: 0.01 })),
      "groupNorm, a group for each channel": after([3, 3, 5], groupNorm({ groups: 5 })),
      "groupNorm, groups of five": after([2, 15], groupNorm({ groups: 3 })),
      "groupNorm, of one axis": after([17], groupNorm({ groups: 1 })),
    },
  },
  rmsNorm: {
    draw: (_, x) => apply(rmsNorm({ epsilon: EPSILON }), x.shape, x),
    cases: {
      rmsNorm: after([3, 5], rmsNorm()),
      "rmsNorm, with its epsilon": after([2, 1, 17], rmsNorm({ epsilon: 0.3 })),
      "rmsNorm, of one number": after([5, 1], rmsNorm({ epsilon: 0.5 })),
    },
  },
  affine: {
    draw: (_, x) => apply(affine(), x.shape, x),
    cases: {
      affine: after([3, 5], affine()),
      "affine, one channel": after([2, 3, 1], affine()),
      "affine, many channels": after([17], affine()),
    },
  },
  softmax: {
    draw: (_, x) => apply(softmax(), x.shape, x),
    cases: {
      softmax: after([5, 3], softmax()),
      "softmax, of one number": ofOne(softmax()),
      "softmax, tails": after([17], softmax()),
      "softmax at the end": of((z) => softmax()(from([2, 3, 5], z))),
    },
  },
  matmul: {
    draw: (dice, x, others) => {
      if (x.shape.length < 2) return undefined;
      const transposed = dice.from(0, 1) === 0;
      const [before, inner] = [x.shape.slice(0, -2), x.shape.at(-1)!];
      const columns = dice.of([1, 3, x.shape.at(-2)!]);
      const other = partner(dice, [...before, ...(transposed ? [columns, inner] : [inner, columns])], others);
      return apply(matmul({ transposed }), [...x.shape.slice(0, -1), columns], x, other);
    },
    cases: {
      matmul: ofTwo(matmul(), [3, 5], [5, 2]),
      "matmul, several": ofTwo(matmul(), [2, 3, 1], [2, 1, 5]),
      "matmul, transposed": ofTwo(matmul({ transposed: true }), [3, 5], [17, 5]),
      "matmul, several, transposed": ofTwo(matmul({ transposed: true }), [2, 3, 1, 3], [2, 3, 5, 3]),
      "matmul, a row by a column": ofTwo(matmul(), [1, 17], [17, 1]),
    },
  },
  sparse: {
    draw: (dice, x) => {
      const [inputs, outputs] = [size(x.shape), dice.of([1, 3, 5])];
      const flat = apply(reshape([inputs]), [inputs], x);
      return apply(sparse(entriesOf(dice, outputs, inputs, dice.from(1, 9))), [outputs], flat);
    },
    cases: {
      sparse: after([5], sparse(entriesOf(new Dice(1), 3, 5, 9))),
      "sparse, one entry": after([17], sparse({ outputs: 1, rows: [0], columns: [16], values: [-0.5] })),
      "sparse, with empty rows": after([5], sparse(entriesOf(new Dice(2), 17, 5, 6))),
      "sparse, entries that add up": after(
        [1],
        sparse({ outputs: 2, rows: [1, 1, 1], columns: [0, 0, 0], values: [1, 0.5, -0.25] }),
      ),
    },
  },
  constant: {
    cases: {
      constant: of((z) => softplus()(mul()(constant([3, 5])(), from([3, 5], z)))),
      "constant, through other operations": of((z) =>
        softplus()(add()(conv({ channels: 3, kernel: 2 })(constant([3, 3, 2])()), from([1, 3], z))),
      ),
    },
  },
  embedding: {},
};
