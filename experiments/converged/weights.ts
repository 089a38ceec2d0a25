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
