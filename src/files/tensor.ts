import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { convertValues, type ValueType } from "../base/values.ts";

/** Tensor in a file, its bytes not yet decoded. */
export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes of the elements, little-endian, row-major; a view of the file, at any alignment. */
  readonly bytes: Uint8Array;
}

/** Size in bytes of an element of each safetensors dtype, except dtypes smaller than a byte. */
export const elementSizes: ReadonlyMap<string, number> = new Map([
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["F64", 8],
  ["BOOL", 1],
  ["U8", 1],
  ["I8", 1],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["F8_E8M0", 1],
  ["U16", 2],
  ["I16", 2],
  ["U32", 4],
  ["I32", 4],
  ["U64", 8],
  ["I64", 8],
  ["C64", 8],
]);

const floatTypes: ReadonlyMap<string, ValueType> = new Map([
  ["F32", "float32"],
  ["F64", "float64"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
]);

/**
 * Decodes a tensor of F32, F16, BF16 or F64 into float32.
 *
 * @param name name of the tensor, for messages
 * @param target where the values are written; as long as the tensor has elements
 * @throws LatentflowError `invalid_file` on another dtype, and on a value that is not finite as float32
 */
export function* readFloats(name: string, tensor: Tensor, target: Float32Array): Pausable<void> {
  const type = floatTypes.get(tensor.dtype);
  if (!type) {
    const expected = [...floatTypes.keys()].join(", ");
    throw invalidFile(
      `tensor ${show(name)} has the dtype ${tensor.dtype}, expected one of ${expected}; ` +
        "save the state dict of model.float()",
    );
  }
  const refuse = (value: number | bigint, index: number) =>
    invalidFile(`tensor ${show(name)} holds ${value} at index ${index}, expected a finite float32`);
  yield* convertValues({ type, bytes: tensor.bytes, littleEndian: true }, target, refuse, true);
}
