import type { NumberFunction } from "../../onnx-format/emitter.ts";
import { writeLinear } from "../../onnx-format/kinds/functions.ts";
import { leaky, normalDistribution, reducedPhase, softplus } from "./functions.ts";
import type { OnnxGraph, Operand, Tensor } from "./onnx.ts";

/**
 * Function f of type F, tensors of its input, its output and the output's gradient, and the graph into which the nodes of the
 * input's gradient are written.
 */
interface Context<F> {
  readonly f: F;
  readonly x: Tensor;
  /** Tensor of f(x), the function's value in the forward pass. */
  readonly output: Tensor;
  /** Gradient of the loss with respect to f(x), the function's value. */
  readonly gradient: Tensor;
  readonly apply: (operator: string, ...inputs: Operand[]) => Tensor;
  readonly graph: OnnxGraph;
}

type Slopes = {
  readonly [Name in NumberFunction["name"]]: (
    context: Context<Extract<NumberFunction, { readonly name: Name }>>,
  ) => Tensor;
};

/**
 * Bound to which the derivative of mish clamps its factor x: for a larger |x| the term with x is 0 anyway, and an infinite x
 * would make it NaN.
 */
const FAR = 100;

/** Writes nodes that give the gradient where low < value < high, and 0 elsewhere. */
function between({ apply, gradient }: Context<unknown>, low: number, value: Tensor, high: number): Tensor {
  return apply("Where", apply("And", apply("Greater", value, low), apply("Less", value, high)), gradient, 0);
}

/** For every function f, the writer of gradient · f'(x). Nodes that the forward pass has written already are reused. */
const SLOPES: Slopes = {
  identity: ({ gradient }) => gradient,
  relu: ({ apply, x, gradient }) => apply("Where", apply("Greater", x, 0), gradient, 0),
  leakyRelu: ({ graph, x, gradient, f }) => leaky(graph, x, gradient, f.slope),
  elu({ apply, x, output, gradient, f: { alpha } }) {
    const slope =
      alpha === 1
        ? apply("Add", apply("Min", output, 0), 1)
        : apply("Where", apply("Greater", x, 0), 1, apply("Add", output, alpha));
    return apply("Mul", gradient, slope);
  },
  tanh: ({ apply, output, gradient }) =>
    apply("Mul", gradient, apply("Sub", 1, apply("Mul", output, output))),
  sigmoid: ({ apply, output, gradient }) =>
    apply("Mul", gradient, apply("Mul", output, apply("Sub", 1, output))),
  silu({ apply, x, gradient }) {
    const sigmoid = apply("Sigmoid", x);
    const rising = apply("Mul", x, apply("Sub", 1, sigmoid));
    return apply("Mul", gradient, apply("Mul", sigmoid, apply("Add", rising, 1)));
  },
  gelu({ graph, apply, x, gradient }) {
    // Φ(x) + x·φ(x): Φ the normal distribution function, φ its density.
    const exponential = apply("Exp", apply("Mul", apply("Mul", x, x), -0.5));
    const density = apply("Mul", exponential, 1 / Math.sqrt(2 * Math.PI));
    return apply("Mul", gradient, apply("Add", normalDistribution(graph, x), apply("Mul", x, density)));
  },
  softplus: ({ apply, x, gradient }) => apply("Mul", gradient, apply("Sigmoid", x)),
  sine({ graph, apply, x, gradient, f: { frequency } }) {
    const cosine = apply("Cos", reducedPhase(graph, x, frequency));
    return apply("Mul", gradient, apply("Mul", cosine, frequency));
  },
  linear: ({ graph, gradient, f }) => writeLinear(graph, gradient, f.scale, 0),
  clip: (context) => between(context, context.f.min, context.x, context.f.max),
  power({ apply, x, gradient, f: { exponent } }) {
    const slope = exponent === 2 ? apply("Mul", x, 2) : apply("Mul", apply("Pow", x, exponent - 1), exponent);
    return apply("Mul", gradient, slope);
  },
  exp: ({ apply, output, gradient }) => apply("Mul", gradient, output),
  log: ({ apply, x, gradient }) => apply("Div", gradient, x),
  sqrt: ({ apply, output, gradient }) => apply("Div", apply("Mul", gradient, 0.5), output),
  rootOfSquares({ apply, output, gradient }) {
    // Selected before the division, since 0 · ∞ is NaN.
    const isPositive = apply("Greater", output, 0);
    const share = apply("Where", isPositive, gradient, 0);
    return apply("Div", apply("Mul", share, 0.5), apply("Where", isPositive, output, 1));
  },
  isPositive: ({ apply, gradient }) => apply("Mul", gradient, 0),
  isNotNegative: ({ apply, gradient }) => apply("Mul", gradient, 0),
  reciprocal: ({ apply, output, gradient }) =>
    apply("Mul", gradient, apply("Neg", apply("Mul", output, output))),
  abs({ apply, x, gradient }) {
    const negative = apply("Where", apply("Less", x, 0), apply("Neg", gradient), 0);
    return apply("Where", apply("Greater", x, 0), gradient, negative);
  },
  erf({ apply, x, gradient }) {
    const bell = apply("Exp", apply("Neg", apply("Mul", x, x)));
    return apply("Mul", gradient, apply("Mul", bell, 2 / Math.sqrt(Math.PI)));
  },
  mish({ graph, apply, x, gradient }) {
    // t + x·σ(x)·(1 - t²), with t = tanh(softplus(x)) and σ the sigmoid.
    const t = apply("Tanh", softplus(graph, x));
    const rest = apply("Sub", 1, apply("Mul", t, t));
    const near = apply("Min", apply("Max", x, -FAR), FAR);
    const slope = apply("Add", t, apply("Mul", apply("Mul", near, apply("Sigmoid", x)), rest));
    return apply("Mul", gradient, slope);
  },
  hardSwish({ apply, x, gradient }) {
    const inside = apply("Add", apply("Mul", x, 1 / 3), 0.5);
    const above = apply("Where", apply("GreaterOrEqual", x, 3), 1, inside);
    return apply("Mul", gradient, apply("Where", apply("LessOrEqual", x, -3), 0, above));
  },
  hardSigmoid(context) {
    const { graph, apply, x, f } = context;
    return apply("Mul", between(context, 0, writeLinear(graph, x, f.slope, f.offset), 1), f.slope);
  },
};

/** Writes nodes that compute the gradient for x, gradient · f'(x), from the gradient for f(x); `output` is the tensor of f(x). */
export function writeSlope(
  graph: OnnxGraph,
  f: NumberFunction,
  x: Tensor,
  output: Tensor,
  gradient: Tensor,
): Tensor {
  const apply = (operator: string, ...inputs: Operand[]) => graph.apply(operator, ...inputs);
  // The table's writer under each name accepts functions of that name.
  const write = SLOPES[f.name] as (context: Context<NumberFunction>) => Tensor;
  return write({ f, x, output, gradient, apply, graph });
}
