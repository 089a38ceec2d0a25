import { logitOperations } from "../../src/graph/graph.ts";
import { layersOf } from "../../src/graph/layers.ts";
import type { Activation, Decoder, Loss } from "../../src/index.ts";
import { takesLogits } from "../../src/terms/losses.ts";

// Decoders and losses in float64, written for clarity alone: what the kernels are held against.

export function activate(activation: Activation, x: number): number {
  switch (activation.name) {
    case "identity":
      return x;
    case "relu":
      return Math.max(x, 0);
    case "leakyRelu":
      return x > 0 ? x : activation.slope * x;
    case "elu":
      return x > 0 ? x : activation.alpha * Math.expm1(x);
    case "tanh":
      return Math.tanh(x);
    case "sigmoid":
      return sigmoid(x);
    case "silu":
      return x * sigmoid(x);
    case "gelu":
      return x * normalDistribution(x);
    case "softplus":
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    case "sine":
      return Math.sin(activation.frequency * x);
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** Φ(x): its series around 0, a continued fraction in the tails. */
export function normalDistribution(x: number): number {
  if (Math.abs(x) < 3) {
    let term = x;
    let sum = x;
    for (let k = 1; Math.abs(term) > 1e-18; k++) {
      term *= (x * x) / (2 * k + 1);
      sum += term;
    }
    return 0.5 + sum * normalDensity(x);
  }
  let fraction = 0;
  for (let k = 200; k > 0; k--) fraction = k / (Math.abs(x) + fraction);
  const tail = normalDensity(x) / (Math.abs(x) + fraction);
  return x < 0 ? tail : 1 - tail;
}

export function derivative(activation: Activation, x: number): number {
  switch (activation.name) {
    case "identity":
      return 1;
    case "relu":
      return x > 0 ? 1 : 0;
    case "leakyRelu":
      return x > 0 ? 1 : activation.slope;
    case "elu":
      return x > 0 ? 1 : activation.alpha * Math.exp(x);
    case "tanh":
      return 1 / Math.cosh(x) ** 2;
    case "sigmoid":
      return sigmoid(x) * sigmoid(-x);
    case "silu":
      return sigmoid(x) * (1 + x * sigmoid(-x));
    case "gelu":
      return normalDistribution(x) + x * normalDensity(x);
    case "softplus":
      return sigmoid(x);
    case "sine":
      return activation.frequency * Math.cos(activation.frequency * x);
  }
}

export function secondDerivative(activation: Activation, x: number): number {
  switch (activation.name) {
    case "identity":
    case "relu":
    case "leakyRelu":
      return 0;
    case "elu":
      return x > 0 ? 0 : activation.alpha * Math.exp(x);
    case "tanh":
      return (-2 * Math.tanh(x)) / Math.cosh(x) ** 2;
    case "sigmoid":
      return -sigmoid(x) * sigmoid(-x) * Math.tanh(x / 2);
    case "silu":
      return sigmoid(x) * sigmoid(-x) * (2 - x * Math.tanh(x / 2));
    case "gelu":
      return normalDensity(x) * (2 - x * x);
    case "softplus":
      return sigmoid(x) * sigmoid(-x);
    case "sine":
      return -(activation.frequency ** 2) * Math.sin(activation.frequency * x);
  }
}

/** The element losses and their derivatives; `output` is the logit for cross entropy. */
export function elementLoss(loss: Loss, output: number, y: number): { value: number; slope: number } {
  switch (loss.name) {
    case "custom":
      return { value: loss.value(output, y), slope: loss.gradient(output, y) };
    case "squaredError":
      return { value: (output - y) ** 2, slope: 2 * (output - y) };
    case "binaryCrossEntropy": {
      const value = Math.max(output, 0) - output * y + Math.log1p(Math.exp(-Math.abs(output)));
      return { value, slope: sigmoid(output) - y };
    }
  }
}

/** The sum over elements times its scale, and its gradient for the outputs; weight 0 has no influence. */
export function lossOf(loss: Loss, outputs: readonly number[], y: Float32Array, weights?: Float32Array) {
  const weight = (i: number) => (weights ? weights[i]! : 1);
  const sumOfWeights = outputs.reduce((sum, _, i) => sum + weight(i), 0);
  const scale = loss.reduction === "sum" ? 1 : 1 / sumOfWeights;
  const elements = outputs.map((output, i) =>
    weight(i) === 0 ? { value: 0, slope: 0 } : elementLoss(loss, output, y[i]!),
  );
  return {
    value: elements.reduce((sum, element, i) => sum + scale * weight(i) * element.value, 0),
    gradient: elements.map((element, i) => scale * weight(i) * element.slope),
  };
}

/** Value and gradient in z of one sample's loss. */
export function objectiveOf(
  decoder: Decoder,
  loss: Loss,
  z: ArrayLike<number>,
  y: Float32Array,
  weights?: Float32Array,
) {
  let output = Array.from(z);
  const inputs: number[][] = [];
  const layers = layersOf(decoder).map((layer, l) => {
    const isLogits = takesLogits(loss) && l === layersOf(decoder).length - 1;
    return { ...layer, activation: isLogits ? ({ name: "identity" } as const) : layer.activation };
  });
  for (const { weight, bias, inputSize, activation } of layers) {
    const before = output;
    const sums = Array.from(bias, (b, r) =>
      before.reduce((sum, x, k) => sum + weight[r * inputSize + k]! * x, b),
    );
    inputs.push(sums);
    output = sums.map((x) => activate(activation, x));
  }
  const { value, gradient: outputGradient } = lossOf(loss, output, y, weights);
  let gradient = outputGradient;
  for (let l = layers.length - 1; l >= 0; l--) {
    const { weight, inputSize, activation } = layers[l]!;
    const sums = gradient.map((g, r) => g * derivative(activation, inputs[l]![r]!));
    gradient = Array.from({ length: inputSize }, (_, k) =>
      sums.reduce((sum, g, r) => sum + g * weight[r * inputSize + k]!, 0),
    );
  }
  return { value, gradient, output };
}

/** The second derivative of an element loss by the output; the logit for cross entropy. */
function elementCurvature(loss: Loss, output: number, y: number): number {
  switch (loss.name) {
    case "custom":
      return loss.curvature!(output, y);
    case "squaredError":
      return 2;
    case "binaryCrossEntropy":
      return sigmoid(output) * sigmoid(-output);
  }
}

/**
 * Parts of the Gauss-Newton matrix of one sample's loss: J [n][d] at the outputs that the loss begins at, by
 * tangents, and W [n].
 */
export function gaussNewtonOf(
  decoder: Decoder,
  loss: Loss,
  z: ArrayLike<number>,
  y: Float32Array,
  weights?: Float32Array,
) {
  const d = z.length;
  let output = Array.from(z);
  let jacobian: number[][] = output.map((_, i) => Array.from({ length: d }, (_, k) => (i === k ? 1 : 0)));
  layersOf(decoder).forEach(({ weight, bias, inputSize, activation }, l) => {
    const isLogits = takesLogits(loss) && l === layersOf(decoder).length - 1;
    const kind = isLogits ? ({ name: "identity" } as const) : activation;
    const sums = Array.from(bias, (b, r) =>
      output.reduce((sum, x, k) => sum + weight[r * inputSize + k]! * x, b),
    );
    const before = jacobian;
    jacobian = sums.map((x, r) =>
      Array.from({ length: d }, (_, k) => {
        const along = before.reduce((sum, row, i) => sum + weight[r * inputSize + i]! * row[k]!, 0);
        return derivative(kind, x) * along;
      }),
    );
    output = sums.map((x) => activate(kind, x));
  });
  const weight = (i: number) => (weights ? weights[i]! : 1);
  const scale = loss.reduction === "sum" ? 1 : 1 / output.reduce((sum, _, i) => sum + weight(i), 0);
  const curvatures = output.map((o, i) =>
    weight(i) === 0 ? 0 : scale * weight(i) * elementCurvature(loss, o, y[i]!),
  );
  return { jacobian, curvatures, output };
}

/** ‖values‖. (Not Math.hypot, which takes as many arguments as the stack has room for.) */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

/** ‖a - b‖ / ‖b‖ */
export function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return norm(Array.from(b, (value, i) => a[i]! - value)) / norm(b);
}

/** A decoder without its output activation, as far as the references go. */
export function logitsOf(decoder: Decoder): Decoder {
  return { ...decoder, operations: decoder.operations.slice(0, logitOperations(decoder)) };
}
