import { type ActivationName, activations } from "../../src/graph/activation.ts";
import { logitOperations } from "../../src/graph/graph.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { normaliseActivation } from "../../src/graph/normalise-activation.ts";
import type { Activation, Decoder, Loss } from "../../src/index.ts";
import { takesLogits } from "../../src/terms/losses.ts";

// Decoders and losses in float64, written for clarity alone: what the kernels are held against.

/** f(x), f'(x) and f''(x). */
export type Derivatives = readonly [value: number, slope: number, curvature: number];

type ActivationOf<Name> = Extract<Activation, { readonly name: Name }>;

const FUNCTIONS: { readonly [Name in ActivationName]: (x: number, of: ActivationOf<Name>) => Derivatives } = {
  identity: (x) => [x, 1, 0],
  relu: (x) => [Math.max(x, 0), x > 0 ? 1 : 0, 0],
  leakyRelu: (x, { slope }) => (x > 0 ? [x, 1, 0] : [slope * x, slope, 0]),
  elu: (x, { alpha }) =>
    x > 0 ? [x, 1, 0] : [alpha * Math.expm1(x), alpha * Math.exp(x), alpha * Math.exp(x)],
  tanh: (x) => [Math.tanh(x), 1 / Math.cosh(x) ** 2, (-2 * Math.tanh(x)) / Math.cosh(x) ** 2],
  sigmoid: (x) => [sigmoid(x), sigmoid(x) * sigmoid(-x), -sigmoid(x) * sigmoid(-x) * Math.tanh(x / 2)],
  silu: (x) => [
    x * sigmoid(x),
    sigmoid(x) * (1 + x * sigmoid(-x)),
    sigmoid(x) * sigmoid(-x) * (2 - x * Math.tanh(x / 2)),
  ],
  gelu: (x) => [
    x * normalDistribution(x),
    normalDistribution(x) + x * normalDensity(x),
    normalDensity(x) * (2 - x * x),
  ],
  softplus: (x) => [
    Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    sigmoid(x),
    sigmoid(x) * sigmoid(-x),
  ],
  sine: (x, { frequency }) => [
    Math.sin(frequency * x),
    frequency * Math.cos(frequency * x),
    -(frequency ** 2) * Math.sin(frequency * x),
  ],
};

/** An activation and its derivatives. */
function activated(activation: Activation, x: number): Derivatives {
  return (FUNCTIONS[activation.name] as (x: number, of: Activation) => Derivatives)(x, activation);
}

export const activate = (activation: Activation, x: number): number => activated(activation, x)[0];
export const derivative = (activation: Activation, x: number): number => activated(activation, x)[1];
export const secondDerivative = (activation: Activation, x: number): number => activated(activation, x)[2];

/** Every activation but the identity; one with a parameter at its default and at each of these that it may have. */
export function activationsWith(parameters: readonly number[]): readonly Activation[] {
  const names = Object.keys(activations).filter((name) => name !== "identity") as ActivationName[];
  return names.flatMap((name) => {
    const { parameter } = activations[name];
    if (!parameter) return [normaliseActivation("", name)];
    const { min = Number.MIN_VALUE, max = Infinity } = parameter.bounds;
    const values = parameters.filter((value) => value >= min && value <= max);
    return [parameter.default, ...values].map((value) =>
      normaliseActivation("", { name, [parameter.name]: value }),
    );
  });
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
