import type { Activation } from "../../graph/activation.ts";
import type { PointwiseFunction } from "../../graph/pointwise.ts";
import type { Attributes } from "../../onnx-format/messages.ts";
import type { Operand, Tensor } from "./file.ts";

/** Writes an operator; returns what it makes. */
export type Apply = (operator: string, inputs: readonly Operand[], attributes?: Attributes) => Tensor;

/** The functions of a number. */
type Writable = Activation | PointwiseFunction;

type Name = Writable["name"];

type Writers = {
  readonly [Each in Name]: (
    apply: Apply,
    x: Tensor,
    activation: Extract<Writable, { readonly name: Each }>,
  ) => Tensor;
};

const FLOAT: Attributes = { to: { integer: 1 } };

const operator =
  (name: string) =>
  (apply: Apply, x: Tensor): Tensor =>
    apply(name, [x]);

const WRITERS: Writers = {
  identity: (_, x) => x,
  relu: operator("Relu"),
  leakyRelu: (apply, x, { slope }) => apply("LeakyRelu", [x], { alpha: { float: slope } }),
  elu: (apply, x, { alpha }) => apply("Elu", [x], { alpha: { float: alpha } }),
  tanh: operator("Tanh"),
  sigmoid: operator("Sigmoid"),
  silu: (apply, x) => apply("Mul", [x, apply("Sigmoid", [x])]),
  gelu(apply, x) {
    // In the order in which PyTorch's exporter writes it, which runtimes recognise and make one operator of.
    const erf = apply("Erf", [apply("Div", [x, Math.SQRT2])]);
    return apply("Mul", [apply("Mul", [x, apply("Add", [erf, 1])]), 0.5]);
  },
  softplus: operator("Softplus"),
  sine: (apply, x, { frequency }) => apply("Sin", [frequency === 1 ? x : apply("Mul", [x, frequency])]),
  linear(apply, x, { scale, shift }) {
    const scaled = scale === 1 ? x : apply("Mul", [x, scale]);
    return shift === 0 ? scaled : apply("Add", [scaled, shift]);
  },
  exp: operator("Exp"),
  log: operator("Log"),
  sqrt: operator("Sqrt"),
  rootOfSquares: operator("Sqrt"),
  isPositive: (apply, x) => apply("Cast", [apply("Greater", [x, 0])], FLOAT),
  isNotNegative: (apply, x) => apply("Cast", [apply("GreaterOrEqual", [x, 0])], FLOAT),
  reciprocal: operator("Reciprocal"),
  abs: operator("Abs"),
  power: (apply, x, { exponent }) => apply("Pow", [x, exponent]),
  clip: (apply, x, { min, max }) => apply("Clip", [x, min, max]),
  erf: operator("Erf"),
  mish: (apply, x) => apply("Mul", [x, apply("Tanh", [apply("Softplus", [x])])]),
  hardSwish: operator("HardSwish"),
  hardSigmoid: (apply, x, { slope, offset }) =>
    apply("HardSigmoid", [x], { alpha: { float: slope }, beta: { float: offset } }),
};

/** Writes f(x). */
export function writeActivation(apply: Apply, activation: Writable, x: Tensor): Tensor {
  // The table has under each name what takes an activation of that name.
  const write = WRITERS[activation.name] as (apply: Apply, x: Tensor, of: Writable) => Tensor;
  return write(apply, x, activation);
}
