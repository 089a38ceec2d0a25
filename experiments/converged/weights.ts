import type { Decoder, Operation } from "../../src/index.ts";

/** Biases of a dense layer: normal with this standard deviation, or the number that a function of layer and draw returns. */
export type Biases = number | ((draw: () => number, layer: number) => number);

/** How the weights of dense layers are drawn. */
export interface DenseWeights {
  /** Standard deviation of the weights times √inputs; √2 is He's. Default: they stay as they are. */
  readonly gain?: number;
  /** Default: they stay as they are. */
  readonly bias?: Biases;
  /** For other operations. */
  readonly each?: (operation: Operation, draw: () => number) => void;
}

/** A `redraw` of dense layers, in the order of the operations. */
export function denseWeights({ gain, bias, each }: DenseWeights) {
  return (decoder: Decoder, draw: () => number): void => {
    let layer = 0;
    for (const operation of decoder.operations) {
      each?.(operation, draw);
      if (operation.kind !== "dense") continue;
      const { weight, bias: biases } = operation;
      const deviation = (gain ?? 0) / Math.sqrt(weight.length / biases.length);
      if (gain !== undefined) fill(weight, () => deviation * draw());
      if (bias !== undefined) fill(biases, () => biasOf(bias, draw, layer));
      layer++;
    }
  };
}

function biasOf(bias: Biases, draw: () => number, layer: number): number {
  return typeof bias === "number" ? bias * draw() : bias(draw, layer);
}

/** Fills an array with numbers, one after the other. */
export function fill(values: Float32Array, next: (index: number) => number): void {
  for (let i = 0; i < values.length; i++) values[i] = next(i);
}

/** Operations with weights that are multiplied. */
type Linear = Operation<"dense" | "conv" | "convTranspose">;

function isLinear(operation: Operation): operation is Linear {
  return ["dense", "conv", "convTranspose"].includes(operation.kind);
}

/** How many numbers of the input each number of the output is a sum over. */
export function fanInOf(operation: Linear): number {
  const { weight, bias } = operation;
  if (operation.kind !== "convTranspose") return weight.length / bias.length;
  // [input channels, channels / groups, …kernel]; one tap in stride² meets a pixel.
  const steps = operation.stride.reduce((product, stride) => product * stride, 1);
  return weight.length / bias.length / steps;
}

/**
 * A `redraw` of all dense layers and convolutions: normal weights of standard deviation gain/√(fan-in), biases of 0; affine ones,
 * which stand for a BatchNorm with its statistics, scale by N(1, 0.02²).
 */
export function faninWeights(gain: number) {
  return (decoder: Decoder, draw: () => number): void => {
    for (const operation of decoder.operations) {
      if (operation.kind === "affine") fill(operation.weight, () => 1 + 0.02 * draw());
      if (!isLinear(operation)) continue;
      const deviation = gain / Math.sqrt(fanInOf(operation));
      fill(operation.weight, () => deviation * draw());
      operation.bias.fill(0);
    }
  };
}
