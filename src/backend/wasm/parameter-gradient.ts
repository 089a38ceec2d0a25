import type { Block } from "./arena.ts";
import { DenseGradient, ParameterGradient, paddedSize } from "./layout.ts";
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
  const { arena, decoder, lowered } = packed;
  const { operations, sizes } = lowered;
  const shape = parameterBlock(decoder);
  const widest = Math.max(...sizes);
  const block = arena.allocate((piece) => ({
    sums: piece(ParameterGradient.size),
    operations: piece(DenseGradient.size * operations.length),
    columns: piece(4 * widest * capacity),
    panels: piece(4 * paddedSize(widest) * capacity),
    sources: piece(4 * widest),
    destinations: piece(4 * widest),
    gradients: gradientsElsewhere ?? piece(4 * shape.size),
  }));
  const { sums, gradients, ...pointers } = block.layout;
  const view = arena.view();
  ParameterGradient.set(view, sums, pointers);
  operations.forEach(({ operation }, i) => {
    const { weight, bias } = shape.tensors[decoder.operations.indexOf(operation)]!;
    if (weight === undefined || bias === undefined) return;
    const fields = { weight: gradients + 4 * weight, bias: gradients + 4 * bias };
    DenseGradient.set(view, pointers.operations + i * DenseGradient.size, fields);
  });
  const clear = () => void arena.f32(gradients, shape.size).fill(0);
  if (gradientsElsewhere === undefined) clear();
  return {
    ...block,
    ...{ sums, gradients, shape, clear },
    read: () => shape.read(arena, gradients),
  };
}
