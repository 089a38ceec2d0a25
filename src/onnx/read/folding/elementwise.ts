import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import { broadcastShape } from "../../../graph/settings.ts";
import type { NodeView } from "../node-view.ts";
import type { Fold } from "../operator.ts";
import type { Site } from "../site.ts";
import { type ElementType, type Numbers, strided, type Tensor } from "../tensor.ts";

// Constants, number by number. Floats are rounded to float32 after each operator, as they are where it is run.

/** Folds a node whose inputs are all required, and broadcast. */
const elementwise =
  (f: (tensors: readonly Tensor[], node: NodeView) => Tensor): Fold =>
  (node, inputs, claim) => {
    const tensors = inputs.map((tensor, i) => tensor ?? node.refuse(`its input ${i} is missing`));
    const shapes = tensors.map(({ shape }) => shape);
    claim(sizeOf(commonShape(node, shapes)));
    return f(tensors, node);
  };

/** Folds a function of each number. */
export const each = (f: (x: number) => number): Fold =>
  elementwise(([tensor]) => ({ ...tensor!, values: tensor!.values.map(f) }));

type Binary = (a: number, b: number, type: ElementType) => number;

/** Applies a function of two numbers to tensors that broadcast. */
function broadcast(a: Tensor, b: Tensor, f: Binary, type: ElementType = a.type): Tensor {
  const shape = broadcastShape([a.shape, b.shape])!;
  const [x, y] = [stretched(a, shape), stretched(b, shape)];
  const values = emptyLike(type, [a, b], sizeOf(shape));
  return { type, shape, values: values.map((_, i) => f(x[i]!, y[i]!, a.type)) };
}

/** Allocates numbers of a type: floats as float32 unless an operand is float64. */
function emptyLike(type: ElementType, tensors: readonly Tensor[], count: number): Numbers {
  const isNarrow =
    type === "float" &&
    tensors.every(({ values, type: own }) => own !== "float" || values instanceof Float32Array);
  return isNarrow ? new Float32Array(count) : new Float64Array(count);
}

/** Returns the shape to which shapes broadcast; refuses those that do not fit together. */
export function commonShape(node: Site, shapes: readonly Tensor["shape"][]): Tensor["shape"] {
  return broadcastShape(shapes) ?? node.refuse("the shapes that it reads do not fit together");
}

/** Returns a tensor's numbers, repeated along the axes of length 1 that a shape stretches. */
export function stretched({ values, shape: own }: Tensor, shape: readonly number[]): Numbers {
  if (String(own) === String(shape)) return values;
  const strides = stridesOf(own);
  const missing = shape.length - own.length;
  const steps = shape.map((_, axis) => ((own[axis - missing] ?? 1) === 1 ? 0 : strides[axis - missing]!));
  return strided(values, shape, steps);
}

/** Folds a function of two numbers. */
export const binary = (f: Binary, type?: ElementType): Fold =>
  elementwise(([a, b]) => broadcast(a!, b!, f, type));

/** Folds a comparison of two numbers. */
export const truth = (holds: (a: number, b: number) => boolean): Fold =>
  binary((a, b) => (holds(a, b) ? 1 : 0), "boolean");

/** Divides; integers towards 0. */
export const divide: Binary = (a, b, type) => (type === "float" ? a / b : Math.trunc(a / b) + 0);

/** Folds Mod: the remainder has the sign of the divisor, as in Python, or with `fmod` that of the dividend, as in C. */
export const modulo: Fold = elementwise(([a, b], node) => {
  const isLikeC = node.integer("fmod", 0) !== 0;
  return broadcast(a!, b!, (x, y) => (isLikeC ? x % y : x - y * Math.floor(x / y)));
});

/** Logistic function. */
export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** log(1 + exp(x)). */
export const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Error function, absolute error some 1e-16: by its series, and beyond 2.5 by the continued fraction of erfc. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (size + fraction));
}

/** Rounds to the nearest integer; halves to the even one. */
export function roundEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** Folds a function of two numbers over any number of inputs, from the first to the last. */
export const many = (f: (a: number, b: number) => number): Fold =>
  elementwise((tensors) => tensors.reduce((a, b) => broadcast(a, b, f)));
