import type { Block } from "./arena.ts";
import { LayerGradient, ParameterGradient, paddedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** Where the gradient for a decoder's parameters is summed up, in the decoder's memory. */
export interface ParameterSums extends Block {
  /** Points to the ParameterGradient struct. */
  readonly sums: number;
  /** Sets the sums to 0. */
  clear(): void;
  /** The sums in the order of `decoder.parameters`, without padding. */
  read(): Float32Array;
}

/** @param capacity the most rows that are summed in one call */
export function allocateParameterSums(packed: PackedDecoder, capacity: number): ParameterSums {
  const { arena, decoder } = packed;
  const { layers, parameterCount } = decoder;
  const widestInput = Math.max(...layers.map(({ inputSize }) => paddedSize(inputSize)));
  const widestOutput = Math.max(...layers.map(({ outputSize }) => outputSize));
  const block = arena.allocate((piece) => ({
    sums: piece(ParameterGradient.size),
    layers: piece(LayerGradient.size * layers.length),
    columns: piece(4 * widestOutput * capacity),
    panels: piece(4 * widestInput * capacity),
    sources: piece(4 * widestOutput),
    destinations: piece(4 * widestOutput),
    gradients: layers.map(({ inputSize, outputSize }) => ({
      weight: piece(4 * outputSize * paddedSize(inputSize)),
      bias: piece(4 * paddedSize(outputSize)),
    })),
  }));
  const { layout } = block;
  const view = arena.view();
  const { columns, panels, sources, destinations } = layout;
  ParameterGradient.set(view, layout.sums, { layers: layout.layers, columns, panels, sources, destinations });
  layout.gradients.forEach((gradient, l) => {
    LayerGradient.set(view, layout.layers + l * LayerGradient.size, gradient);
  });

  return {
    ...block,
    sums: layout.sums,
    clear() {
      layers.forEach(({ inputSize, outputSize }, l) => {
        arena.f32(layout.gradients[l]!.weight, outputSize * paddedSize(inputSize)).fill(0);
        arena.f32(layout.gradients[l]!.bias, paddedSize(outputSize)).fill(0);
      });
    },
    read() {
      const values = new Float32Array(parameterCount);
      let next = 0;
      layers.forEach(({ inputSize, outputSize }, l) => {
        const { weight, bias } = layout.gradients[l]!;
        for (let row = 0; row < outputSize; row++, next += inputSize) {
          values.set(arena.f32(weight + 4 * row * paddedSize(inputSize), inputSize), next);
        }
        values.set(arena.f32(bias, outputSize), next);
        next += outputSize;
      });
      return values;
    },
  };
}
