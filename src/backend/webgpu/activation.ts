import type { Activation } from "../../graph/activation.ts";
import type { OnnxGraph, Operand, Tensor } from "./onnx.ts";

/** What a function of each number has written, and how it is passed backwards. */
export interface WrittenFunction {
  readonly output: Tensor;
  /** Writes the gradient for its input, of that for its output. */
  backward(gradient: Tensor): Tensor;
}

/**
 * Writes f(x). Only operators that the WebGPU execution provider has are used: Selu, Softsign and their like
 * would send the tensors to the CPU and back.
 */
export function activate(graph: OnnxGraph, activation: Activation, x: Tensor): WrittenFunction {
  const apply = (operator: string, ...inputs: Operand[]) => graph.apply(operator, ...inputs);
  const times = (slope: () => Tensor) => (gradient: Tensor) => apply("Mul", gradient, slope());
  const isPositive = () => apply("Greater", x, 0);

  switch (activation.name) {
    case "identity":
      return { output: x, backward: (gradient) => gradient };
    case "relu":
      // Not by Relu, which makes a sound 0 of NaN.
      return {
        output: graph.applyWith({ alpha: { float: 0 } }, "LeakyRelu", x),
        backward: (gradient) => apply("Where", isPositive(), gradient, 0),
      };
    case "leakyRelu": {
      const pass = (values: Tensor) =>
        apply("Where", isPositive(), values, apply("Mul", values, activation.slope));
      return { output: pass(x), backward: pass };
    }
    case "elu": {
      const output = graph.applyWith({ alpha: { float: activation.alpha } }, "Elu", x);
      const slope = () =>
        activation.alpha === 1
          ? apply("Add", apply("Min", output, 0), 1)
          : apply("Where", isPositive(), 1, apply("Add", output, activation.alpha));
      return { output, backward: times(slope) };
    }
    case "tanh": {
      const output = apply("Tanh", x);
      return { output, backward: times(() => apply("Sub", 1, apply("Mul", output, output))) };
    }
    case "sigmoid": {
      const output = apply("Sigmoid", x);
      return { output, backward: times(() => apply("Mul", output, apply("Sub", 1, output))) };
    }
    case "silu": {
      const sigmoid = apply("Sigmoid", x);
      const rising = () => apply("Mul", x, apply("Sub", 1, sigmoid));
      const slope = () => apply("Mul", sigmoid, apply("Add", rising(), 1));
      return { output: apply("Mul", x, sigmoid), backward: times(slope) };
    }
    case "gelu": {
      // x·Φ(x), Φ and φ the normal distribution and its density.
      const erf = apply("Erf", apply("Mul", x, Math.SQRT1_2));
      const distribution = apply("Mul", apply("Add", erf, 1), 0.5);
      const slope = () => {
        const exponential = apply("Exp", apply("Mul", apply("Mul", x, x), -0.5));
        const density = apply("Mul", exponential, 1 / Math.sqrt(2 * Math.PI));
        return apply("Add", distribution, apply("Mul", x, density));
      };
      return { output: apply("Mul", x, distribution), backward: times(slope) };
    }
    case "softplus":
      return { output: softplus(graph, x), backward: times(() => apply("Sigmoid", x)) };
    case "sine": {
      const phase = reducedPhase(graph, apply("Mul", x, activation.frequency));
      const slope = () => apply("Mul", apply("Cos", phase), activation.frequency);
      return { output: apply("Sin", phase), backward: times(slope) };
    }
  }
}

/** log(1 + exp(x)) as max(x, 0) + log(1 + exp(-|x|)), which never overflows. */
export function softplus(graph: OnnxGraph, x: Tensor): Tensor {
  return graph.apply("Add", graph.apply("Relu", x), softplusTail(graph, x));
}

/** log(1 + exp(-|x|)) */
export function softplusTail(graph: OnnxGraph, x: Tensor): Tensor {
  const small = graph.apply("Exp", graph.apply("Neg", graph.apply("Abs", x)));
  return graph.apply("Log", graph.apply("Add", small, 1));
}

/** 2π in two parts: the first has so few digits that its multiples, up to the 2¹⁵th, are exact in float32. */
const TWO_PI_HEAD = 6.28125;
const TWO_PI_TAIL = 2 * Math.PI - TWO_PI_HEAD;

/** The phase taken to [-π, π]: WGSL promises nothing of sines and cosines outside. */
function reducedPhase(graph: OnnxGraph, phase: Tensor): Tensor {
  const turns = graph.apply("Floor", graph.apply("Add", graph.apply("Mul", phase, 0.5 / Math.PI), 0.5));
  const nearly = graph.apply("Sub", phase, graph.apply("Mul", turns, TWO_PI_HEAD));
  return graph.apply("Sub", nearly, graph.apply("Mul", turns, TWO_PI_TAIL));
}
