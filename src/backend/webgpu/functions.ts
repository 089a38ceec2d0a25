import type { Emitter, FunctionWriters, Tensor } from "../../onnx-format/emitter.ts";
import { writeLinear } from "../../onnx-format/kinds/functions.ts";

// Functions written with other operators on the GPU than in files: onnxruntime-web lacks kernels for some operators, which
// would copy the tensors to the CPU and back, and some of its kernels compute wrong results.

/** Largest x whose exponential is finite in float32; above it the written `exp` is constant. */
const LARGEST_EXPONENT = 88;

/** Factor that makes even the smallest normal float32 larger than 1. */
const STEEP = 3e38;

/**
 * Writes nodes that give 1 where scale · x is above 0, `atZero` where it is 0, and 0 below, without comparison operators:
 * onnxruntime moves transposes past comparisons, and has no comparisons of booleans on WebGPU.
 */
export function steepRamp(graph: Emitter, x: Tensor, scale: 1 | -1, atZero: number): Tensor {
  const steep = graph.apply("Mul", x, scale * STEEP);
  return clamped(graph, atZero === 0 ? steep : graph.apply("Add", steep, atZero), 0, 1);
}

/** Writes nodes that compute min(max(x, low), high). A Clip operator would turn NaN into a bound. */
export function clamped(graph: Emitter, x: Tensor, low: number, high: number): Tensor {
  return graph.apply("Min", graph.apply("Max", x, low), high);
}

/** Writes nodes that compute log(1 + exp(-|x|)). */
export function softplusTail(graph: Emitter, x: Tensor): Tensor {
  const small = graph.apply("Exp", graph.apply("Neg", graph.apply("Abs", x)));
  return graph.apply("Log", graph.apply("Add", small, 1));
}

/** Writes nodes that compute log(1 + exp(x)) as max(x, 0) + log(1 + exp(-|x|)), which never overflows. */
export function softplus(graph: Emitter, x: Tensor): Tensor {
  return graph.apply("Add", graph.apply("Relu", x), softplusTail(graph, x));
}

/** Writes nodes that compute the normal distribution function Φ(x), used by `gelu` and its derivative. */
export function normalDistribution(graph: Emitter, x: Tensor): Tensor {
  const erf = graph.apply("Erf", graph.apply("Mul", x, Math.SQRT1_2));
  return graph.apply("Mul", graph.apply("Add", erf, 1), 0.5);
}

/** First part of 2π: it has so few binary digits that its multiples, up to the 2¹⁵th, are exact in float32. */
const TWO_PI_HEAD = 6.28125;
/** Rest of 2π: TWO_PI_HEAD + TWO_PI_TAIL is 2π in float64. */
const TWO_PI_TAIL = 2 * Math.PI - TWO_PI_HEAD;

/** Writes nodes that compute frequency · x reduced to [-π, π]: WGSL guarantees no accuracy of sine and cosine outside. */
export function reducedPhase(graph: Emitter, x: Tensor, frequency: number): Tensor {
  const phase = graph.apply("Mul", x, frequency);
  const turns = graph.apply("Floor", graph.apply("Add", graph.apply("Mul", phase, 0.5 / Math.PI), 0.5));
  const nearly = graph.apply("Sub", phase, graph.apply("Mul", turns, TWO_PI_HEAD));
  return graph.apply("Sub", nearly, graph.apply("Mul", turns, TWO_PI_TAIL));
}

/** Writes nodes that give `values` where x is above 0, else slope · `values`; `values` may be x (leaky ReLU) or a gradient. */
export function leaky(graph: Emitter, x: Tensor, values: Tensor, slope: number): Tensor {
  return graph.apply("Where", graph.apply("Greater", x, 0), values, graph.apply("Mul", values, slope));
}

/** Writers of the elementwise functions for which GPU graphs use other operators than ONNX files do. */
export const GPU_FUNCTIONS: Partial<FunctionWriters> = {
  // Not by Relu, which turns NaN into 0.
  relu: (graph, x) => graph.applyWith({ alpha: { float: 0 } }, "LeakyRelu", x),
  leakyRelu: (graph, x, { slope }) => leaky(graph, x, x, slope),
  gelu: (graph, x) => graph.apply("Mul", x, normalDistribution(graph, x)),
  softplus,
  sine: (graph, x, { frequency }) => graph.apply("Sin", reducedPhase(graph, x, frequency)),
  clip: (graph, x, { min, max }) => clamped(graph, x, min, max),
  exp: (graph, x) => graph.apply("Exp", graph.apply("Min", x, LARGEST_EXPONENT)),
  isPositive: (graph, x) => steepRamp(graph, x, 1, 0),
  isNotNegative: (graph, x) => steepRamp(graph, x, 1, 1),
  reciprocal: (graph, x) => graph.apply("Div", 1, x),
  mish: (graph, x) => graph.apply("Mul", x, graph.apply("Tanh", softplus(graph, x))),
  hardSwish: (graph, x) => graph.apply("Mul", x, clamped(graph, writeLinear(graph, x, 1 / 6, 0.5), 0, 1)),
  hardSigmoid: (graph, x, { slope, offset }) => clamped(graph, writeLinear(graph, x, slope, offset), 0, 1),
};
