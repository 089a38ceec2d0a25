import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import type { NodeView } from "../node-view.ts";
import type { Fold } from "../operator.ts";
import type { ElementType, Numbers, Tensor } from "../tensor.ts";

// Constants, number by number. Floats are rounded to float32 after each operator, as they are where it is run.

/** Folds a node whose inputs are all required, and broadcast. */
const elementwise =
  (f: (tensors: readonly Tensor[], node: NodeView) => Tensor): Fold =>
  (node, inputs, claim) => {
    const tensors = inputs.map((tensor, i) => tensor ?? node.refuse(`its input ${i} is missing`));
    const shapes = tensors.map(({ shape }) => shape);
    if (!isBroadcastable(shapes)) return node.refuse("the shapes that it reads do not fit together");
    claim(sizeOf(broadcastShape(shapes)));
    return f(tensors, node);
  };

/** Folds a function of each number. */
export const each = (f: (x: number) => number): Fold =>
  elementwise(([tensor]) => ({ ...tensor!, values: tensor!.values.map(f) }));

type Binary = (a: number, b: number, type: ElementType) => number;

/** Applies a function of two numbers to tensors that broadcast. */
function broadcast(a: Tensor, b: Tensor, f: Binary, type: ElementType = a.type): Tensor {
  const shape = broadcastShape([a.shape, b.shape]);
  const values = emptyLike(type, [a, b], sizeOf(shape));
  const [left, right] = [a, b].map((tensor) => stretchedStrides(tensor.shape, shape));
  const position = new Array<number>(shape.length).fill(0);
  let [x, y] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    values[i] = f(a.values[x]!, b.values[y]!, a.type);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      x += left![axis]!;
      y += right![axis]!;
      if (++position[axis]! < shape[axis]!) break;
      x -= left![axis]! * shape[axis]!;
      y -= right![axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return { type, shape, values };
}

/** Allocates numbers of a type: floats as float32 unless an operand is float64. */
function emptyLike(type: ElementType, tensors: readonly Tensor[], count: number): Numbers {
  const isNarrow =
    type === "float" &&
    tensors.every(({ values, type: own }) => own !== "float" || values instanceof Float32Array);
  return isNarrow ? new Float32Array(count) : new Float64Array(count);
}

/** Shape to which shapes broadcast. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return lengths.find((length) => length !== 1) ?? 1;
  });
}

/** True if shapes broadcast. */
export function isBroadcastable(shapes: readonly (readonly number[])[]): boolean {
  const whole = broadcastShape(shapes);
  return shapes.every((shape) =>
    shape.every((length, i) => length === 1 || length === whole[i + whole.length - shape.length]),
  );
}

/** Returns the strides of a tensor broadcast to a shape: 0 along repeated axes. */
export function stretchedStrides(own: readonly number[], shape: readonly number[]): number[] {
  const strides = stridesOf(own);
  const missing = shape.length - own.length;
  return shape.map((_, axis) => (axis < missing || own[axis - missing] === 1 ? 0 : strides[axis - missing]!));
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
