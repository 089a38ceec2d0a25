import type { Decoder } from "../../decoder/decoder.ts";
import type { Arena } from "./arena.ts";
import { paddedSize } from "./layout.ts";

/**
 * How a decoder's parameters, or anything else of which there is one number for each, lie in a block that the
 * kernels work on: weight and bias of each layer in turn, each row of a weight, and each bias, padded.
 */
export interface ParameterBlock {
  /** In floats. */
  readonly size: number;
  /** Where each layer's weight and bias begin, in floats. */
  readonly layers: readonly { readonly weight: number; readonly bias: number }[];
  /** Writes values in the order of `decoder.parameters` into the block at `pointer`; the padding becomes 0. */
  write(arena: Arena, pointer: number, values: Float32Array): void;
  /** Reads them back. */
  read(arena: Arena, pointer: number): Float32Array<ArrayBuffer>;
}

export function parameterBlock(decoder: Decoder): ParameterBlock {
  let size = 0;
  const layers = decoder.layers.map(({ inputSize, outputSize }) => {
    const weight = size;
    const bias = weight + outputSize * paddedSize(inputSize);
    size = bias + paddedSize(outputSize);
    return { weight, bias };
  });

  /** Each row in turn: its length, its place in the block, its place in `decoder.parameters`. */
  function forEachRow(visit: (length: number, padded: number, plain: number) => void): void {
    let plain = 0;
    decoder.layers.forEach(({ inputSize, outputSize }, l) => {
      const { weight, bias } = layers[l]!;
      for (let row = 0; row < outputSize; row++, plain += inputSize) {
        visit(inputSize, weight + row * paddedSize(inputSize), plain);
      }
      visit(outputSize, bias, plain);
      plain += outputSize;
    });
  }

  return {
    size,
    layers,
    write(arena, pointer, values) {
      const block = arena.f32(pointer, size).fill(0);
      forEachRow((length, padded, plain) => block.set(values.subarray(plain, plain + length), padded));
    },
    read(arena, pointer) {
      const block = arena.f32(pointer, size);
      const values = new Float32Array(decoder.parameterCount);
      forEachRow((length, padded, plain) => values.set(block.subarray(padded, padded + length), plain));
      return values;
    },
  };
}
