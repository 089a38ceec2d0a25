import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import type { NodeView } from "../node-view.ts";
import type { ElementType, Numbers, Tensor } from "../tensor.ts";

// Constants, number by number. Floats are rounded to float32 after each operator, as they are where it is run.

type Unary = (x: number) => number;

/** A function of each number. */
const each =
  (f: Unary) =>
  ([tensor]: readonly (Tensor | undefined)[]): Tensor => ({ ...tensor!, values: tensor!.values.map(f) });

type Binary = (a: number, b: number, type: ElementType) => number;

/** A function of two numbers of tensors that are stretched along their axes of length 1. */
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

/** Numbers of a type: floats are float32 unless something of float64 goes into them. */
function emptyLike(type: ElementType, tensors: readonly Tensor[], count: number): Numbers {
  const isNarrow =
    type === "float" &&
    tensors.every(({ values, type: own }) => own !== "float" || values instanceof Float32Array);
  return isNarrow ? new Float32Array(count) : new Float64Array(count);
}

export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return lengths.find((length) => length !== 1) ?? 1;
  });
}

/** Whether shapes can be stretched to each other. */
export function isBroadcastable(shapes: readonly (readonly number[])[]): boolean {
  const whole = broadcastShape(shapes);
  return shapes.every((shape) =>
    shape.every((length, i) => length === 1 || length === whole[i + whole.length - shape.length]),
  );
}

/** Strides of a tensor stretched to a shape: 0 along what it repeats. */
export function stretchedStrides(own: readonly number[], shape: readonly number[]): number[] {
  const strides = stridesOf(own);
  const missing = shape.length - own.length;
  return shape.map((_, axis) => (axis < missing || own[axis - missing] === 1 ? 0 : strides[axis - missing]!));
}

const binary =
  (f: Binary, type?: ElementType) =>
  ([a, b]: readonly (Tensor | undefined)[]): Tensor =>
    broadcast(a!, b!, f, type);

const truth = (holds: (a: number, b: number) => boolean) =>
  binary((a, b) => (holds(a, b) ? 1 : 0), "boolean");

/** Integers are divided towards 0. */
const divide: Binary = (a, b, type) => (type === "float" ? a / b : Math.trunc(a / b) + 0);

/** What is left over has the sign of the divisor, as in Python, or with `fmod` that of the dividend, as in C. */
const modulo: Elementwise = (inputs, node) => {
  const isLikeC = node.integer("fmod", 0) !== 0;
  return binary((a, b) => (isLikeC ? a % b : a - b * Math.floor(a / b)))(inputs);
};

/** The error function, to some 1e-16: its series, and beyond 2.5 the continued fraction of its complement. */
function erf(x: number): number {
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

/** To the even one of two that are as near. */
function roundEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

const many =
  (f: (a: number, b: number) => number) =>
  (tensors: readonly (Tensor | undefined)[]): Tensor =>
    tensors.map((tensor) => tensor!).reduce((a, b) => broadcast(a, b, f));

/** What an operator makes of constants, number by number. */
export type Elementwise = (inputs: readonly (Tensor | undefined)[], node: NodeView) => Tensor;

/** Operators of one number or of two. */
export const ELEMENTWISE = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary(divide),
  Pow: binary((a, b) => a ** b),
  Mod: modulo,
  Min: many(Math.min),
  Max: many(Math.max),
  Sum: many((a, b) => a + b),
  Equal: truth((a, b) => a === b),
  Greater: truth((a, b) => a > b),
  GreaterOrEqual: truth((a, b) => a >= b),
  Less: truth((a, b) => a < b),
  LessOrEqual: truth((a, b) => a <= b),
  And: truth((a, b) => a !== 0 && b !== 0),
  Or: truth((a, b) => a !== 0 || b !== 0),
  Xor: truth((a, b) => (a !== 0) !== (b !== 0)),
  Not: each((x) => (x === 0 ? 1 : 0)),
  Neg: each((x) => 0 - x),
  Abs: each(Math.abs),
  Sign: each(Math.sign),
  Exp: each(Math.exp),
  Log: each(Math.log),
  Sqrt: each(Math.sqrt),
  Reciprocal: each((x) => 1 / x),
  Sin: each(Math.sin),
  Cos: each(Math.cos),
  Tanh: each(Math.tanh),
  Sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
  Relu: each((x) => Math.max(x, 0)),
  Softplus: each((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Erf: each(erf),
  Floor: each(Math.floor),
  Ceil: each(Math.ceil),
  Round: each(roundEven),
} satisfies Readonly<Record<string, Elementwise>>;
