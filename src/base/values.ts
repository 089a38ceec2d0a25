import type { Pausable } from "./event-loop.ts";

// Numbers as they lie in files, made float32. Bulk work: a decoder has hundreds of millions of them.

/** Type of values in files. */
export type ValueType = "bool" | `${"int" | "uint"}${8 | 16 | 32 | 64}` | `float${16 | 32 | 64}` | "bfloat16";

/** Bytes of a value, by type. */
export const valueSizes: Readonly<Record<ValueType, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

/** Bytes of a typed array, not copied. */
export function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Number of values converted between two pauses: well under a millisecond of work. */
const PIECE = 2 ** 15;

/** Values as a file stores them. */
export interface RawValues {
  readonly type: ValueType;
  /** Bytes of the values, at any alignment. */
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
}

/**
 * Converts values to float32, rounded to the nearest. Booleans become 0 and 1.
 *
 * @param target as many values as there are
 * @param refuse makes the error for a value that is none or would not stay what it is: a boolean other than 0 and 1,
 *   a float64 beyond float32, an integer beyond 2^53, whose rounding would not be the nearest
 * @param finite refuses also what is infinite or no number
 */
export function* convertValues(
  { type, bytes, littleEndian }: RawValues,
  target: Float32Array,
  refuse: (value: number | bigint, index: number) => Error,
  finite = false,
): Pausable<void> {
  const size = valueSizes[type];
  // Aligned, and in this machine's order.
  const piece = new Uint8Array(Math.min(PIECE, target.length) * size);
  const convert = converterOf(type, piece.buffer);
  const swapped = size > 1 && littleEndian !== isLittleEndian();
  for (let start = 0; start < target.length; start += PIECE) {
    const end = Math.min(start + PIECE, target.length);
    piece.set(bytes.subarray(start * size, end * size));
    if (swapped) swapBytes(piece, size);
    const into = target.subarray(start, end);
    const wrong = convert(into) ?? findLost(into, type, piece, finite);
    if (wrong) throw refuse(wrong.value, start + wrong.at);
    yield;
  }
}

interface WrongValue {
  readonly at: number;
  readonly value: number | bigint;
}

/** Converts the values at the buffer's start into a piece of the target. */
type Convert = (into: Float32Array) => WrongValue | undefined;

const isLittleEndian = () => new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function converterOf(type: ValueType, buffer: ArrayBuffer): Convert {
  switch (type) {
    case "bool":
      return fromBooleans(new Uint8Array(buffer));
    case "int64":
      return fromWideIntegers(new BigInt64Array(buffer));
    case "uint64":
      return fromWideIntegers(new BigUint64Array(buffer));
    case "float16":
      return fromFloat16(new Uint16Array(buffer));
    case "bfloat16":
      return fromBfloat16(new Uint16Array(buffer));
    default: {
      const values = new plainArrays[type](buffer);
      // Typed arrays convert each other as a whole, to the nearest.
      return (into) =>
        void into.set(values.length === into.length ? values : values.subarray(0, into.length));
    }
  }
}

const plainArrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

function fromBooleans(values: Uint8Array): Convert {
  return (into) => {
    for (let i = 0; i < into.length; i++) {
      const value = values[i]!;
      if (value > 1) return { at: i, value };
      into[i] = value;
    }
    return undefined;
  };
}

function fromWideIntegers(values: BigInt64Array | BigUint64Array): Convert {
  return (into) => {
    for (let i = 0; i < into.length; i++) {
      const value = Number(values[i]!);
      if (!Number.isSafeInteger(value)) return { at: i, value: values[i]! };
      into[i] = value;
    }
    return undefined;
  };
}

function fromFloat16(values: Uint16Array): Convert {
  const table = float16Values();
  return (into) => {
    for (let i = 0; i < into.length; i++) into[i] = table[values[i]!]!;
    return undefined;
  };
}

/** Converts a bfloat16, which is the upper half of a float32. */
function fromBfloat16(values: Uint16Array): Convert {
  return (into) => {
    const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
    for (let i = 0; i < bits.length; i++) bits[i] = values[i]! << 16;
    return undefined;
  };
}

let float16Table: Float32Array | undefined;

/** Table of the values of all 65,536 patterns of IEEE 754's binary16: sign, 5 bits of exponent, 10 of fraction. */
function float16Values(): Float32Array {
  float16Table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    // Subnormal: the smallest exponent, without the leading 1.
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
  return float16Table;
}

/** Finds the first value that is not finite as float32: any if `finite` asks for it, else one that was finite as float64. */
function findLost(
  values: Float32Array,
  type: ValueType,
  { buffer }: Uint8Array,
  finite: boolean,
): WrongValue | undefined {
  if (!finite && type !== "float64") return undefined;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    // Zero for every finite number.
    if (value - value === 0) continue;
    const original = type === "float64" ? new Float64Array(buffer, 8 * at, 1)[0]! : value;
    if (finite || Number.isFinite(original)) return { at, value: original };
  }
  return undefined;
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) {
    for (let low = start, high = start + size - 1; low < high; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
}
