import type { PointwiseFunction } from "../../graph/pointwise.ts";
import { softplus, type WrittenFunction } from "./activation.ts";
import type { OnnxGraph, Operand, Tensor } from "./onnx.ts";

/** Beyond this x float32 has no exponential: `exp` stays where it is. */
const LARGEST_EXPONENT = 88;

/** Where a slope is 0 for all larger x, and what it is multiplied with must not be infinite. */
const FAR = 100;

/** Times the least normal float32 it is above 1. */
const STEEP = 3e38;

/**
 * 1 where scale · x is above 0, `atZero` where it is 0, else 0: a comparison without booleans, since onnxruntime moves
 * transposes past comparisons, and has none of booleans on WebGPU.
 */
export function steepRamp(
  graph: OnnxGraph,
  x: Tensor,
  { scale, atZero }: { readonly scale: 1 | -1; readonly atZero: number },
): Tensor {
  const steep = graph.apply("Mul", x, scale * STEEP);
  const shifted = atZero === 0 ? steep : graph.apply("Add", steep, atZero);
  return graph.apply("Min", graph.apply("Max", shifted, 0), 1);
}

/** Writes f(x), and f'(x) times a gradient; see `PointwiseFunction`. */
export function applyPointwise(graph: OnnxGraph, f: PointwiseFunction, x: Tensor): WrittenFunction {
  const apply = (operator: string, ...inputs: Operand[]) => graph.apply(operator, ...inputs);
  const times = (slope: () => Operand) => (gradient: Tensor) => apply("Mul", gradient, slope());
  /** The gradient between two bounds, and 0 elsewhere. */
  const between = (low: number, value: Tensor, high: number) => (gradient: Tensor) =>
    apply("Where", apply("And", apply("Greater", value, low), apply("Less", value, high)), gradient, 0);

  switch (f.name) {
    case "linear": {
      const scaled = f.scale === 1 ? x : apply("Mul", x, f.scale);
      return {
        output: f.shift === 0 ? scaled : apply("Add", scaled, f.shift),
        backward: f.scale === 1 ? (gradient) => gradient : times(() => f.scale),
      };
    }
    case "clip":
      // Not by Clip, which makes a bound of NaN.
      return { output: apply("Min", apply("Max", x, f.min), f.max), backward: between(f.min, x, f.max) };
    case "power": {
      const { exponent } = f;
      if (exponent === 2) return { output: apply("Mul", x, x), backward: times(() => apply("Mul", x, 2)) };
      return {
        output: apply("Pow", x, exponent),
        backward: times(() => apply("Mul", apply("Pow", x, exponent - 1), exponent)),
      };
    }
    case "exp": {
      const output = apply("Exp", apply("Min", x, LARGEST_EXPONENT));
      return { output, backward: times(() => output) };
    }
    case "log":
      return { output: apply("Log", x), backward: (gradient) => apply("Div", gradient, x) };
    case "sqrt": {
      const output = apply("Sqrt", x);
      return { output, backward: (gradient) => apply("Div", apply("Mul", gradient, 0.5), output) };
    }
    case "rootOfSquares": {
      const output = apply("Sqrt", x);
      const backward = (gradient: Tensor) => {
        // Chosen before the division, since 0 times an infinite slope is none.
        const positive = apply("Where", apply("Greater", output, 0), output, 1);
        const share = apply("Where", apply("Greater", output, 0), gradient, 0);
        return apply("Div", apply("Mul", share, 0.5), positive);
      };
      return { output, backward };
    }
    case "isPositive":
      return { output: steepRamp(graph, x, { scale: 1, atZero: 0 }), backward: times(() => 0) };
    case "isNotNegative":
      return { output: steepRamp(graph, x, { scale: 1, atZero: 1 }), backward: times(() => 0) };
    case "reciprocal": {
      const output = apply("Div", 1, x);
      const backward = times(() => apply("Neg", apply("Mul", output, output)));
      return { output, backward };
    }
    case "abs": {
      const backward = (gradient: Tensor) => {
        const negative = apply("Where", apply("Less", x, 0), apply("Neg", gradient), 0);
        return apply("Where", apply("Greater", x, 0), gradient, negative);
      };
      return { output: apply("Abs", x), backward };
    }
    case "erf": {
      const bell = () => apply("Exp", apply("Neg", apply("Mul", x, x)));
      return {
        output: apply("Erf", x),
        backward: times(() => apply("Mul", bell(), 2 / Math.sqrt(Math.PI))),
      };
    }
    case "mish": {
      const t = apply("Tanh", softplus(graph, x));
      // t + x·σ(x)·(1 - t²)
      const slope = () => {
        const rest = apply("Sub", 1, apply("Mul", t, t));
        const near = apply("Min", apply("Max", x, -FAR), FAR);
        return apply("Add", t, apply("Mul", apply("Mul", near, apply("Sigmoid", x)), rest));
      };
      return { output: apply("Mul", x, t), backward: times(slope) };
    }
    case "hardSwish": {
      const share = apply("Min", apply("Max", apply("Add", apply("Mul", x, 1 / 6), 0.5), 0), 1);
      const slope = () => {
        const inside = apply("Add", apply("Mul", x, 1 / 3), 0.5);
        const above = apply("Where", apply("GreaterOrEqual", x, 3), 1, inside);
        return apply("Where", apply("LessOrEqual", x, -3), 0, above);
      };
      return { output: apply("Mul", x, share), backward: times(slope) };
    }
    case "hardSigmoid": {
      const scaled = f.slope === 1 ? x : apply("Mul", x, f.slope);
      const line = f.offset === 0 ? scaled : apply("Add", scaled, f.offset);
      const inside = between(0, line, 1);
      const backward = (gradient: Tensor) => apply("Mul", inside(gradient), f.slope);
      return { output: apply("Min", apply("Max", line, 0), 1), backward };
    }
  }
}
