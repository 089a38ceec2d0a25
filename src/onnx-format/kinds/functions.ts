import type { Emitter, FunctionWriters, Tensor } from "../emitter.ts";
import type { Attributes } from "../messages.ts";

const FLOAT: Attributes = { to: { integer: 1 } };

const operator =
  (name: string) =>
  (graph: Emitter, x: Tensor): Tensor =>
    graph.apply(name, x);

/** Writes nodes that compute scale · x + shift, omitting a scale of 1 or a shift of 0. */
export function writeLinear(graph: Emitter, x: Tensor, scale: number, shift: number): Tensor {
  const scaled = scale === 1 ? x : graph.apply("Mul", x, scale);
  return shift === 0 ? scaled : graph.apply("Add", scaled, shift);
}

/**
 * Writers of the nodes of each elementwise function, by ONNX operators. A writer in `Emitter.functions` takes precedence;
 * emitters of GPU graphs have some.
 */
export const FUNCTIONS: FunctionWriters = {
  identity: (_, x) => x,
  relu: operator("Relu"),
  leakyRelu: (graph, x, { slope }) => graph.applyWith({ alpha: { float: slope } }, "LeakyRelu", x),
  elu: (graph, x, { alpha }) => graph.applyWith({ alpha: { float: alpha } }, "Elu", x),
  tanh: operator("Tanh"),
  sigmoid: operator("Sigmoid"),
  silu: (graph, x) => graph.apply("Mul", x, graph.apply("Sigmoid", x)),
  gelu(graph, x) {
    // In the order of PyTorch's exporter, which runtimes recognise and fuse.
    const erf = graph.apply("Erf", graph.apply("Div", x, Math.SQRT2));
    return graph.apply("Mul", graph.apply("Mul", x, graph.apply("Add", erf, 1)), 0.5);
  },
  softplus: operator("Softplus"),
  sine: (graph, x, { frequency }) => graph.apply("Sin", writeLinear(graph, x, frequency, 0)),
  linear: (graph, x, { scale, shift }) => writeLinear(graph, x, scale, shift),
  exp: operator("Exp"),
  log: operator("Log"),
  sqrt: operator("Sqrt"),
  rootOfSquares: operator("Sqrt"),
  isPositive: (graph, x) => graph.applyWith(FLOAT, "Cast", graph.apply("Greater", x, 0)),
  isNotNegative: (graph, x) => graph.applyWith(FLOAT, "Cast", graph.apply("GreaterOrEqual", x, 0)),
  reciprocal: operator("Reciprocal"),
  abs: operator("Abs"),
  power: (graph, x, { exponent }) =>
    exponent === 2 ? graph.apply("Mul", x, x) : graph.apply("Pow", x, exponent),
  clip: (graph, x, { min, max }) => graph.apply("Clip", x, min, max),
  erf: operator("Erf"),
  mish: (graph, x) => graph.apply("Mul", x, graph.apply("Tanh", graph.apply("Softplus", x))),
  hardSwish: operator("HardSwish"),
  hardSigmoid: (graph, x, { slope, offset }) =>
    graph.applyWith({ alpha: { float: slope }, beta: { float: offset } }, "HardSigmoid", x),
};
