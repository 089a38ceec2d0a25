import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import { broadcastShape } from "../../../graph/settings.ts";
import type { NodeView } from "../node-view.ts";
import type { Fold } from "../operator.ts";
import type { Site } from "../site.ts";
import { type ElementType, type Numbers, strided, type Tensor } from "../tensor.ts";

// Constant folding of elementwise operators. Floats are rounded to float32 after each operator, as they would be at run
// time.

/** Makes the constant folding of an elementwise operator, whose inputs are all required and broadcast. */
const elementwise =
  (f: (tensors: readonly Tensor[], node: NodeView) => Tensor): Fold =>
  (node, inputs, claim) => {
    const tensors = inputs.map((tensor, i) => tensor ?? node.refuse(`its input ${i} is missing`));
    const shapes = tensors.map(({ shape }) => shape);
    claim(sizeOf(commonShape(node, shapes)));
    return f(tensors, node);
  };

/** Makes the constant folding of a function of one number. */
export const each = (f: (x: number) => number): Fold =>
  elementwise(([tensor]) => ({ ...tensor!, values: tensor!.values.map(f) }));

type Binary = (a: number, b: number, type: ElementType) => number;

/** Applies a function of two numbers elementwise to tensors, with broadcasting. */
function broadcast(a: Tensor, b: Tensor, f: Binary, type: ElementType = a.type): Tensor {
  const shape = broadcastShape([a.shape, b.shape])!;
  const [x, y] = [stretched(a, shape), stretched(b, shape)];
  const values = emptyLike(type, [a, b], sizeOf(shape));
  return { type, shape, values: values.map((_, i) => f(x[i]!, y[i]!, a.type)) };
}

/** Allocates an array for the result: float32 if `type` is float and no float operand is stored as float64; else float64. */
function emptyLike(type: ElementType, tensors: readonly Tensor[], count: number): Numbers {
  const isNarrow =
    type === "float" &&
    tensors.every(({ values, type: own }) => own !== "float" || values instanceof Float32Array);
  return isNarrow ? new Float32Array(count) : new Float64Array(count);
}

/**
 * Returns the shape that shapes broadcast to.
 *
 * @throws NodeRefusal if they do not fit
 */
export function commonShape(node: Site, shapes: readonly Tensor["shape"][]): Tensor["shape"] {
  return broadcastShape(shapes) ?? node.refuse("the shapes that it reads do not fit together");
}

/** Broadcasts a tensor to `shape`; returns its numbers, repeated as needed. */
export function stretched({ values, shape: own }: Tensor, shape: readonly number[]): Numbers {
  if (String(own) === String(shape)) return values;
  const strides = stridesOf(own);
  const missing = shape.length - own.length;
  const steps = shape.map((_, axis) => ((own[axis - missing] ?? 1) === 1 ? 0 : strides[axis - missing]!));
  return strided(values, shape, steps);
}

/**
 * Makes the constant folding of a function of two numbers.
 *
 * @param type element type of the result; default: that of the first operand
 */
export const binary = (f: Binary, type?: ElementType): Fold =>
  elementwise(([a, b]) => broadcast(a!, b!, f, type));

/** Makes the constant folding of a comparison of two numbers, to 0 or 1. */
export const truth = (holds: (a: number, b: number) => boolean): Fold =>
  binary((a, b) => (holds(a, b) ? 1 : 0), "boolean");

/** Divides two numbers; integers are rounded towards 0. */
export const divide: Binary = (a, b, type) => (type === "float" ? a / b : Math.trunc(a / b) + 0);

/**
 * Constant-folds Mod. The remainder has the sign of the divisor, as in Python, or with `fmod` that of the dividend, as in
 * C.
 */
export const modulo: Fold = elementwise(([a, b], node) => {
  const isLikeC = node.integer("fmod", 0) !== 0;
  return broadcast(a!, b!, (x, y) => (isLikeC ? x % y : x - y * Math.floor(x / y)));
});

/** Logistic function, 1 / (1 + exp(-x)). */
export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** Softplus, log(1 + exp(x)), without overflow. */
export const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/**
 * Error function erf(x), with an absolute error of about 1e-16: by its power series for |x| < 2.5, else by the continued
 * fraction of erfc.
 */
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

/** Rounds to the nearest integer, and halves to the even one. */
export function roundEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** Makes the constant folding of a function of two numbers that is applied to any number of inputs, from left to right. */
export const many = (f: (a: number, b: number) => number): Fold =>
  elementwise((tensors) => tensors.reduce((a, b) => broadcast(a, b, f)));
