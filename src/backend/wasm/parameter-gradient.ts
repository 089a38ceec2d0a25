import type { Block } from "./arena.ts";
import { LayerGradient, ParameterGradient, paddedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { type ParameterBlock, parameterBlock } from "./parameter-block.ts";

/** Where the gradient for a decoder's parameters is summed up, in the decoder's memory. */
export interface ParameterSums extends Block {
  /** Points to the ParameterGradient struct. */
  readonly sums: number;
  /** Points to the sums themselves, laid out as `shape` says. */
  readonly gradients: number;
  readonly shape: ParameterBlock;
  /** Sets the sums to 0. */
  clear(): void;
  /** The sums in the order of `decoder.parameters`. */
  read(): Float32Array;
}

/**
 * @param capacity the most rows that are summed in one call
 * @param gradientsElsewhere a block of `parameterBlock(decoder)` to add to; default a new one, cleared
 */
export function allocateParameterSums(
  packed: PackedDecoder,
  capacity: number,
  gradientsElsewhere?: number,
): ParameterSums {
  const { arena, decoder } = packed;
  const { layers } = decoder;
  const shape = parameterBlock(decoder);
  const widestInput = Math.max(...layers.map(({ inputSize }) => paddedSize(inputSize)));
  const widestOutput = Math.max(...layers.map(({ outputSize }) => outputSize));
  const block = arena.allocate((piece) => ({
    sums: piece(ParameterGradient.size),
    layers: piece(LayerGradient.size * layers.length),
    columns: piece(4 * widestOutput * capacity),
    panels: piece(4 * widestInput * capacity),
    sources: piece(4 * widestOutput),
    destinations: piece(4 * widestOutput),
    gradients: gradientsElsewhere ?? piece(4 * shape.size),
  }));
  const { layout } = block;
  const view = arena.view();
  const { columns, panels, sources, destinations, sums, gradients } = layout;
  ParameterGradient.set(view, sums, { layers: layout.layers, columns, panels, sources, destinations });
  shape.layers.forEach(({ weight, bias }, l) => {
    const pointers = { weight: gradients + 4 * weight, bias: gradients + 4 * bias };
    LayerGradient.set(view, layout.layers + l * LayerGradient.size, pointers);
  });
  const clear = () => void arena.f32(gradients, shape.size).fill(0);
  if (gradientsElsewhere === undefined) clear();
  return {
    ...block,
    ...{ sums, gradients, shape, clear },
    read: () => shape.read(arena, gradients),
  };
}
