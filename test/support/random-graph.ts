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
  sub,
  sum,
  upsample,
  type Value,
  where,
} from "../../src/graph/index.ts";

// Graphs of any kinds of operation, drawn by a seed.

interface Shaped {
  readonly value: Value;
  readonly shape: readonly number[];
}

/** What makes a value of some that there are; undefined where the kind does not fit the one drawn. */
type Draw = (dice: Dice, x: Shaped, others: readonly Shaped[]) => Shaped | undefined;

/** Tiny values: differences are taken of each graph hundreds of times. */
const MOST_NUMBERS = 48;
/** Without kinks, whose differences would say nothing. */
const ACTIVATIONS = ["tanh", "sigmoid", "silu", "gelu", "softplus", "sine", "identity"] as const;
const FUNCTIONS = [
  ...(["erf", "mish"] as const),
  { name: "linear", scale: -0.7, shift: 0.2 },
  { name: "power", exponent: 2 },
] as const;
/** Large enough for norms of a few numbers to have moderate second derivatives. */
const EPSILON = 0.1;

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

class Dice {
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

const ofTwo =
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
      ...{ value, shape },
    });
  };

const DRAWS: readonly Draw[] = [
  (dice, x) => {
    const units = dice.from(1, 5);
    return apply(dense(units), [...x.shape.slice(0, -1), units], x);
  },
  (dice, x) => apply(activation(dice.of(ACTIVATIONS)), x.shape, x),
  (dice, x) => apply(pointwise(dice.of(FUNCTIONS)), x.shape, x),
  (dice, x) => {
    const shape = dice.of([[...x.shape].reverse(), [size(x.shape)], [...x.shape, 1].slice(-4), x.shape]);
    return size(shape) === size(x.shape) ? apply(reshape(shape), shape, x) : undefined;
  },
  (dice, x) => {
    if (!hasPixels(x)) return undefined;
    const channels = dice.from(1, 4);
    return apply(
      conv({ channels, kernel: 3, padding: 1 }),
      pixels(x.shape, (length) => length, channels),
      x,
    );
  },
  (dice, x) => {
    if (!hasPixels(x)) return undefined;
    const channels = dice.from(1, 3);
    const shape = pixels(x.shape, (length) => 2 * length, channels);
    return apply(convTranspose({ channels, kernel: 4, stride: 2, padding: 1 }), shape, x);
  },
  ofTwo(add),
  ofTwo(sub),
  ofTwo(mul),
  ofTwo(maximum),
  ofTwo(minimum),
  (dice, x, others) => {
    const [drawn, other] = [0, 1].map(() => partner(dice, thinned(dice, x.shape), others));
    // Not 0 at z = 0, where differences would be taken across the jump.
    const condition = apply(pointwise({ name: "linear", scale: 1, shift: -0.4 }), drawn!.shape, drawn!);
    return apply(where(), x.shape, condition, ...(dice.from(0, 1) === 0 ? [x, other!] : [other!, x]));
  },
  (dice, x, others) => {
    const axis = dice.from(0, x.shape.length - 1);
    const rest = ({ shape }: Shaped) => shape.map((length, i) => (i === axis ? 0 : length)).join();
    const fitting = others.filter((other) => rest(other) === rest(x));
    const [left, right] = [dice.of(fitting), dice.of([x, ...fitting])];
    const length = left!.shape[axis]! + x.shape[axis]! + right!.shape[axis]!;
    const shape = x.shape.map((each, i) => (i === axis ? length : each));
    return apply(concat({ axis }), shape, left!, x, right!);
  },
  (dice, x) => {
    if (x.shape.length > 3) return undefined;
    const shape = [dice.from(1, 3), ...x.shape.map((length) => (length === 1 ? dice.from(1, 3) : length))];
    return apply(expand(shape), shape, x);
  },
  (dice, x) => {
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
  (dice, x) => {
    const axis = dice.from(0, x.shape.length - 1);
    const length = x.shape[axis]!;
    const start = dice.from(0, length - 1);
    const step = dice.of([1, 2, -1, -2]);
    const count = Math.ceil((step > 0 ? length - start : start + 1) / Math.abs(step));
    const shape = x.shape.map((each, i) => (i === axis ? count : each));
    return apply(slice({ axis: axis - x.shape.length, start, step }), shape, x);
  },
  (dice, x) => {
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
  (dice, x) => {
    const mode = dice.of(["zeros", "reflect", "edge"] as const);
    if (!hasPixels(x) || (mode === "reflect" && x.shape.slice(0, -1).includes(1))) return undefined;
    return apply(
      pad({ padding: 1, mode }),
      pixels(x.shape, (length) => length + 2),
      x,
    );
  },
  (dice, x) => {
    if (!hasPixels(x)) return undefined;
    const mode = dice.of(["nearest", "bilinear"] as const);
    const alignCorners = mode === "bilinear" && dice.from(0, 1) === 0;
    return apply(
      upsample({ scale: 2, mode, alignCorners }),
      pixels(x.shape, (length) => 2 * length),
      x,
    );
  },
  (dice, x) => {
    if (!hasPixels(x)) return undefined;
    const mode = dice.of(["nearest", "linear", "cubic"] as const);
    const coordinates = dice.of(["half_pixel", "align_corners"] as const);
    const antialias = mode !== "nearest" && dice.from(0, 1) === 0;
    const shape = x.shape.map((length, i) => (i < x.shape.length - 1 ? dice.from(1, length + 2) : length));
    return apply(resize({ size: shape.slice(0, -1), mode, coordinates, antialias }), shape, x);
  },
  (dice, x) => {
    if (!hasPixels(x)) return undefined;
    const countPadding = dice.from(0, 1) === 0;
    const shape = pixels(x.shape, (length) => Math.floor((length + 2 - 3) / 2) + 1);
    return apply(averagePool({ kernel: 3, stride: 2, padding: 1, countPadding }), shape, x);
  },
  reduction(sum),
  reduction(mean),
  (dice, x) => apply(layerNorm({ axes: dice.from(1, x.shape.length), epsilon: EPSILON }), x.shape, x),
  (dice, x) => {
    const channels = x.shape.at(-1)!;
    const groups = dice.of([1, 2, 3, channels].filter((count) => channels % count === 0));
    return apply(groupNorm({ groups, epsilon: EPSILON }), x.shape, x);
  },
  (_, x) => apply(rmsNorm({ epsilon: EPSILON }), x.shape, x),
  (_, x) => apply(affine(), x.shape, x),
  (_, x) => apply(softmax(), x.shape, x),
  (dice, x, others) => {
    if (x.shape.length < 2) return undefined;
    const transposed = dice.from(0, 1) === 0;
    const [before, inner] = [x.shape.slice(0, -2), x.shape.at(-1)!];
    const columns = dice.of([1, 3, x.shape.at(-2)!]);
    const other = partner(dice, [...before, ...(transposed ? [columns, inner] : [inner, columns])], others);
    return apply(matmul({ transposed }), [...x.shape.slice(0, -1), columns], x, other);
  },
];

/** A graph of some twenty operations; the same for the same seed. */
export function randomGraph(seed: number): GraphDefinition {
  const dice = new Dice(seed);
  return graph(({ latent }) => {
    const latentSize = dice.from(1, 4);
    const z = { value: latent(latentSize), shape: [latentSize] };
    const seeded = dice.of([[3], [2, 3], [2, 1, 3], [3, 2, 2]]);
    const values: Shaped[] = [z, { value: reshape(seeded)(dense(size(seeded))(z.value)), shape: seeded }];
    const wanted = dice.from(8, 20);
    while (values.length < wanted) {
      // Mostly of the last few, or there would be no depth.
      const x = dice.from(0, 2) === 0 ? dice.of(values) : dice.of(values.slice(-2));
      const made = dice.of(DRAWS)(dice, x, values);
      if (made && size(made.shape) <= MOST_NUMBERS) values.push(made);
    }
    // All of them lead to the output, most of them a second time.
    const some = [z, ...values.slice(1).filter(() => dice.from(0, 2) > 0), values.at(-1)!];
    // Normalised, or the last function would be saturated.
    const flat = some.map(({ value, shape }) => rmsNorm({ epsilon: EPSILON })(reshape([size(shape)])(value)));
    const bent = activation("tanh")(dense(dice.from(1, 5))(concat()(...flat)));
    return dice.from(0, 1) === 0 ? bent : dense(3)(bent);
  });
}
