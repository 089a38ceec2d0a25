import { show } from "../check.ts";
import { LatentflowError } from "../errors.ts";

/** A tensor of a file: its bytes as they are, not read yet. */
export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Little-endian, row-major; a view into the file's bytes at any alignment. */
  readonly bytes: Uint8Array;
}

/** Bytes per element of each dtype that the safetensors format knows and that fills whole bytes. */
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

/** Reads element `index` of a view. */
type ElementReader = (view: DataView, index: number) => number;

const floatReaders: ReadonlyMap<string, ElementReader> = new Map([
  ["F32", (view, index) => view.getFloat32(4 * index, true)],
  ["F64", (view, index) => view.getFloat64(8 * index, true)],
  ["F16", (view, index) => decodeFloat16(view.getUint16(2 * index, true), 5, 10)],
  ["BF16", (view, index) => decodeFloat16(view.getUint16(2 * index, true), 8, 7)],
]);

/**
 * Reads a tensor of floats, F32, F16, BF16 or F64, into float32.
 *
 * @param where the function called, for messages
 * @param name the tensor's name, for messages
 * @param target as many values as the tensor has
 * @throws LatentflowError `invalid_file` on another dtype, and on a value that is no finite float32
 */
export function readFloats(where: string, name: string, tensor: Tensor, target: Float32Array): void {
  const read = floatReaders.get(tensor.dtype);
  if (!read) {
    const expected = [...floatReaders.keys()].join(", ");
    throw new LatentflowError(
      "invalid_file",
      `${where}: tensor ${show(name)} has the dtype ${tensor.dtype}, expected one of ${expected}`,
    );
  }
  const { buffer, byteOffset, byteLength } = tensor.bytes;
  const view = new DataView(buffer, byteOffset, byteLength);
  for (let index = 0; index < target.length; index++) {
    const value = read(view, index);
    target[index] = value;
    if (!Number.isFinite(target[index])) {
      throw new LatentflowError(
        "invalid_file",
        `${where}: tensor ${show(name)} holds ${value} at index ${index}, expected a finite float32`,
      );
    }
  }
}

/** The value of a 16-bit float: a sign bit, then the exponent, then the fraction (IEEE 754's binary16, bfloat16). */
function decodeFloat16(bits: number, exponentBits: number, fractionBits: number): number {
  const largestExponent = 2 ** exponentBits - 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & largestExponent;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === largestExponent) return fraction === 0 ? sign * Infinity : Number.NaN;
  // Subnormal: the smallest exponent, without the leading 1.
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}
