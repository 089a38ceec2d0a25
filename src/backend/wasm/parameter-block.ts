import type { Decoder } from "../../decoder/decoder.ts";
import { parametersOf } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { Arena } from "../../kernels/arena.ts";
import { paddedSize } from "../../kernels/layout.ts";

/**
 * Lays out a decoder's parameters, or one number per parameter, in a block for the kernels: the tensors one after the other,
 * each row padded to a multiple of 8 floats.
 */
export function parameterBlock(decoder: Decoder) {
  let size = 0;
  const tensors = decoder.operations.map((): Record<string, number> => ({}));
  const placed = parametersOf(decoder).map((parameter) => {
    const { shape, isFlat } = parameter;
    const length = shape.length === 1 || isFlat ? sizeOf(shape) : sizeOf(shape.slice(1));
    const rows = sizeOf(shape) / length;
    const start = size;
    size += rows * paddedSize(length);
    tensors[parameter.operation]![parameter.tensor] = start;
    return { start, rows, length, offset: parameter.offset };
  });

  /**
   * Calls `visit` with each row of each tensor: its length, its offset in the block and its offset in `decoder.parameters`, in
   * floats.
   */
  function forEachRow(visit: (length: number, padded: number, plain: number) => void): void {
    for (const { start, rows, length, offset } of placed) {
      for (let row = 0; row < rows; row++) {
        visit(length, start + row * paddedSize(length), offset + row * length);
      }
    }
  }

  return {
    /** Size of the block of all parameters, in floats, padding included. */
    size,
    /** Returns the size of the beginning of the block that has the tensors of the first `count` parameters. */
    sizeOf: (count: number) => placed.find(({ offset }) => offset >= count)?.start ?? size,
    /** Per operation of the decoder: offsets of its tensors from the start of the block of all parameters, in floats, by name. */
    tensors,
    /**
     * Writes one number per parameter, in the order of `decoder.parameters`, into the block at `pointer`; the padding becomes
     * 0.
     */
    write(arena: Arena, pointer: number, values: Float32Array): void {
      const block = arena.f32(pointer, size).fill(0);
      forEachRow((length, padded, plain) => block.set(values.subarray(plain, plain + length), padded));
    },
    /** Returns a copy of the numbers in the block at `pointer`, without padding, in the order of `decoder.parameters`. */
    read(arena: Arena, pointer: number): Float32Array<ArrayBuffer> {
      const block = arena.f32(pointer, size);
      const values = new Float32Array(decoder.parameterCount);
      forEachRow((length, padded, plain) => values.set(block.subarray(padded, padded + length), plain));
      return values;
    },
  };
}
