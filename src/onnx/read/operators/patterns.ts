import type { NodeView } from "../node-view.ts";
import { isConstant, type Operand, type Value } from "../value.ts";
import { combine, div, pointwise } from "./arithmetic.ts";
import { normalise } from "./norms.ts";
import { reducedAxes } from "./reductions.ts";

// Recognises groups of nodes that one operation can compute faster, such as GELU or layer norm. The single nodes are
// written as well; unused ones are removed later.

/** Operators that the recognition of patterns such as GELU skips, since they return their input's numbers. */
const RENAMING = ["Identity", "Cast", "Dropout"];

/** Returns the name of the value that an input originates from, before operators that return their input unchanged. */
function nameOf(node: NodeView, input: number): string {
  let name = node.node.inputs[input] ?? "";
  for (;;) {
    const made = node.scope.makers.get(name);
    if (!made || !RENAMING.includes(made.operator)) return name;
    name = made.node.inputs[0] ?? "";
  }
}

/** Returns the node that computes an input; undefined if there is none, or if it does not apply the given operator. */
function maker(node: NodeView, input: number, operator?: string): NodeView | undefined {
  const made = node.scope.makers.get(nameOf(node, input));
  return made && (operator === undefined || made.operator === operator) ? made : undefined;
}

const rankOf = (operand: Operand) =>
  isConstant(operand) ? operand.at[0]!.shape.length : operand.axes.length;

/** Returns a constant input that is a single number, and adds no axes to the result; else undefined. */
function numberOf(node: NodeView, input: number): number | undefined {
  const operand = node.inputs[input];
  if (!operand || !isConstant(operand) || operand.at.length > 1) return undefined;
  const [tensor] = operand.at;
  const others = node.inputs.flatMap((other, i) => (other && i !== input ? [rankOf(other)] : []));
  if (tensor!.shape.length > Math.max(0, ...others)) return undefined;
  return tensor!.values.length === 1 ? tensor!.values[0] : undefined;
}

/** True if two numbers are equal up to the rounding of a few float32 products, a relative 5e-7. */
const isNear = (number: number | undefined, expected: number) =>
  number !== undefined && Math.abs(number - expected) <= 5e-7 * expected;

/** Translates a Mul node, or recognises a pattern that ends in it. */
export function product(node: NodeView): Value {
  const pattern = sigmoidProduct(node) ?? geluProduct(node) ?? rootProduct(node);
  return pattern ?? combine(node, "mul", node.value(0), node.value(1));
}

/** Translates a Sqrt node. The root of a sum of squares is written as a norm. */
export function root(node: NodeView): Value {
  const sum = maker(node, 0, "ReduceSum");
  const isNorm = maker(node, 0, "ReduceSumSquare") !== undefined || (sum && isSquare(maker(sum, 0)));
  return pointwise(node, node.value(0), isNorm ? "rootOfSquares" : "sqrt");
}

/** True if a node computes the square of a value. */
function isSquare(node: NodeView | undefined): boolean {
  if (node?.operator === "Pow") return numberOf(node, 1) === 2;
  return node?.operator === "Mul" && nameOf(node, 0) === nameOf(node, 1);
}

/** Translates a Div node, or recognises a normalisation that ends in it. */
export function quotient(node: NodeView): Value {
  const root = maker(node, 1, "Sqrt");
  return (root && normalised(node, root)) ?? div(node);
}

/** Recognises x · sigmoid(x), SiLU, and x · tanh(softplus(x)), Mish. */
function sigmoidProduct(node: NodeView): Value | undefined {
  for (const x of [0, 1]) {
    const other = 1 - x;
    const sigmoid = maker(node, other, "Sigmoid");
    if (sigmoid && nameOf(sigmoid, 0) === nameOf(node, x)) return pointwise(node, node.value(x), "silu");
    const tanh = maker(node, other, "Tanh");
    const softplus = tanh && maker(tanh, 0, "Softplus");
    if (softplus && nameOf(softplus, 0) === nameOf(node, x)) return pointwise(node, node.value(x), "mish");
  }
  return undefined;
}

/** Factor of a product: a number, or the input of a node. */
type Factor = number | { readonly node: NodeView; readonly input: number };

/** Returns the factors of a product whose factors may be products, up to a nesting depth. */
function factorsOf(node: NodeView, depth: number): Factor[] {
  return [0, 1].flatMap((input): Factor[] => {
    const number = numberOf(node, input);
    if (number !== undefined) return [number];
    const inner = depth > 0 ? maker(node, input, "Mul") : undefined;
    return inner ? factorsOf(inner, depth - 1) : [{ node, input }];
  });
}

/** Recognises GELU, x · (1 + erf(x / √2)) / 2, multiplied in any order. */
function geluProduct(node: NodeView): Value | undefined {
  const factors = factorsOf(node, 2);
  const values = factors.filter((factor) => typeof factor !== "number");
  const scale = factors.reduce<number>((all, factor) => (typeof factor === "number" ? all * factor : all), 1);
  if (values.length !== 2 || !isNear(scale, 0.5)) return undefined;
  for (const [x, other] of [values, [...values].reverse()]) {
    const sum = maker(other!.node, other!.input, "Add");
    const erf = sum && (maker(sum, 0, "Erf") ?? maker(sum, 1, "Erf"));
    if (!erf || !isNear(numberOf(sum, 0) ?? numberOf(sum, 1), 1)) continue;
    const scaled = maker(erf, 0);
    const by = scaled && numberOf(scaled, 1);
    const isScaled =
      (scaled?.operator === "Div" && isNear(by, Math.SQRT2)) ||
      (scaled?.operator === "Mul" && isNear(by, Math.SQRT1_2));
    if (isScaled && nameOf(scaled, 0) === nameOf(x!.node, x!.input)) {
      return pointwise(node, x!.node.value(x!.input), "gelu");
    }
  }
  return undefined;
}

/** Recognises a normalisation x · 1 / √(mean(x²) + ε), with the reciprocal root written by Reciprocal, Div or Pow. */
function rootProduct(node: NodeView): Value | undefined {
  for (const input of [0, 1]) {
    const inverse = maker(node, input);
    const isOneBy = inverse?.operator === "Div" && numberOf(inverse, 0) === 1;
    const at = inverse?.operator === "Reciprocal" ? 0 : isOneBy ? 1 : undefined;
    const root = at === undefined ? undefined : maker(inverse!, at, "Sqrt");
    const found = root && normalised(node, root, 1 - input);
    if (found) return found;
    // A power of -1/2 takes the place of the root and its reciprocal.
    const isPower = inverse?.operator === "Pow" && numberOf(inverse, 1) === -0.5;
    const direct = isPower && normalised(node, inverse, 1 - input);
    if (direct) return direct;
  }
  return undefined;
}

/**
 * Recognises the division of a value by √(mean of its squares + ε): an RMS norm, or a layer norm if the value is x -
 * mean(x).
 *
 * @param root node whose first input is the mean plus ε
 * @param input index of the value among the inputs of `node`
 */
function normalised(node: NodeView, root: NodeView, input = 0): Value | undefined {
  const sum = maker(root, 0, "Add");
  if (!sum) return undefined;
  const at = [0, 1].find((each) => maker(sum, each, "ReduceMean"));
  if (at === undefined) return undefined;
  const mean = maker(sum, at, "ReduceMean")!;
  const epsilon = numberOf(sum, 1 - at);
  const square = maker(mean, 0);
  if (epsilon === undefined || !(epsilon > 0) || !square) return undefined;
  if (!isSquare(square) || !isSameValue(square, 0, node, input)) return undefined;
  const value = node.inputs[input];
  if (!value || isConstant(value)) return undefined;
  const rank = value.axes.length;
  const axes = keptAxes(mean, rank);
  if (!axes || axes.some((axis) => axis === 0 && rank > 1)) return undefined;
  const difference = maker(node, input, "Sub");
  const centre = difference && maker(difference, 1, "ReduceMean");
  const own = centre && nameOf(centre, 0) === nameOf(difference, 0) ? keptAxes(centre, rank) : undefined;
  const isCentred = own !== undefined && String(own) === String(axes);
  if (!isCentred) return normalise(node, "rmsNorm", node.value(input), axes, epsilon);
  return normalise(node, "layerNorm", difference!.value(0), axes, epsilon);
}

/** Returns the axes of a ReduceMean node that keeps them with length 1; undefined for other nodes. */
function keptAxes(mean: NodeView, rank: number): readonly number[] | undefined {
  if (mean.integer("keepdims", 1) === 0 && rank > 1) return undefined;
  return reducedAxes(mean, rank);
}

/** True if two inputs are the same value, or the same difference x - mean(x) computed twice. */
function isSameValue(a: NodeView, inputA: number, b: NodeView, inputB: number): boolean {
  if (nameOf(a, inputA) === nameOf(b, inputB)) return true;
  const [left, right] = [maker(a, inputA), maker(b, inputB)];
  if (!left || !right || left.operator !== right.operator) return false;
  if (left.operator === "Sub") return [0, 1].every((input) => isSameValue(left, input, right, input));
  if (left.operator !== "ReduceMean" || nameOf(left, 0) !== nameOf(right, 0)) return false;
  const [value] = left.inputs;
  if (!value || isConstant(value)) return false;
  const axes = [left, right].map((mean) => keptAxes(mean, value.axes.length));
  return axes[0] !== undefined && String(axes[0]) === String(axes[1]);
}
