import type { Pausable } from "./event-loop.ts";

// Conversion of numbers in files to float32. Written for bulk: a decoder may have hundreds of millions of them.

/** Type of the numbers in a file. */
export type ValueType = "bool" | `${"int" | "uint"}${8 | 16 | 32 | 64}` | `float${16 | 32 | 64}` | "bfloat16";

/** Constructor of the typed array for the numbers of each type. For float16 and bfloat16 the array holds their bits. */
const ARRAYS = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const satisfies { readonly [Type in ValueType]: { readonly BYTES_PER_ELEMENT: number } };

/** Size of a value of each type, in bytes. */
export const valueSizes = /* @__PURE__ */ Object.fromEntries(
  Object.entries(ARRAYS).map(([type, { BYTES_PER_ELEMENT }]) => [type, BYTES_PER_ELEMENT]),
) as Readonly<Record<ValueType, number>>;

/** Returns the bytes of a typed array as a view, not copied. */
export function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Number of values converted between two pauses: well under a millisecond of work. */
const PIECE = 2 ** 15;

/** Numbers as stored in a file. */
export interface RawValues {
  readonly type: ValueType;
  /** Bytes of the numbers; need not be aligned. */
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
}

/**
 * Converts numbers of a file to float32, rounded to the nearest. Booleans become 0 and 1.
 *
 * @param target where the values are written; its length is the count of numbers to convert
 * @param refuse makes the error for a value that float32 cannot represent: a boolean byte other than 0 and 1, a float64 beyond
 *   the range of float32, an integer beyond 2^53, whose conversion would be rounded twice
 * @param finite true to refuse infinities and NaN too. Default false
 */
export function* convertValues(
  { type, bytes, littleEndian }: RawValues,
  target: Float32Array,
  refuse: (value: number | bigint, index: number) => Error,
  finite = false,
): Pausable<void> {
  const size = valueSizes[type];
  // Buffer of one piece: aligned, and in this machine's byte order.
  const piece = new Uint8Array(Math.min(PIECE, target.length) * size);
  const values = new ARRAYS[type](piece.buffer);
  const convert = (CONVERSIONS[type] ?? setAsWhole) as Convert<ValueType>;
  const swapped = size > 1 && littleEndian !== isLittleEndian();
  for (let start = 0; start < target.length; start += PIECE) {
    const end = Math.min(start + PIECE, target.length);
    piece.set(bytes.subarray(start * size, end * size));
    if (swapped) swapBytes(piece, size);
    const into = target.subarray(start, end);
    const wrong = convert(values, into) ?? findLost(into, type, piece, finite);
    if (wrong) throw refuse(wrong.value, start + wrong.at);
    yield;
  }
}

/** Value that cannot be converted to float32, and its index among the values that are converted without a pause. */
interface WrongValue {
  readonly at: number;
  readonly value: number | bigint;
}

/**
 * Converts the first into.length elements of `values` (numbers of a file in one type, as ARRAYS holds them) to float32 in
 * `into`. Stops at the first one that float32 cannot represent and returns it; undefined if there is none.
 */
type Convert<Type extends ValueType> = (
  values: InstanceType<(typeof ARRAYS)[Type]>,
  into: Float32Array,
) => WrongValue | undefined;

const isLittleEndian = () => new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Conversions for the types whose arrays `TypedArray.set` does not convert. */
const CONVERSIONS: { readonly [Type in ValueType]?: Convert<Type> } = {
  bool: fromBooleans,
  int64: fromWideIntegers,
  uint64: fromWideIntegers,
  float16: fromFloat16,
  bfloat16: fromBfloat16,
};

/** Converts the first into.length values at once by `TypedArray.set`, which rounds to the nearest. */
function setAsWhole(values: Float64Array, into: Float32Array): undefined {
  into.set(values.length === into.length ? values : values.subarray(0, into.length));
}

function fromBooleans(values: Uint8Array, into: Float32Array): WrongValue | undefined {
  for (let i = 0; i < into.length; i++) {
    const value = values[i]!;
    if (value > 1) return { at: i, value };
    into[i] = value;
  }
  return undefined;
}

function fromWideIntegers(
  values: BigInt64Array | BigUint64Array,
  into: Float32Array,
): WrongValue | undefined {
  for (let i = 0; i < into.length; i++) {
    const value = Number(values[i]!);
    if (!Number.isSafeInteger(value)) return { at: i, value: values[i]! };
    into[i] = value;
  }
  return undefined;
}

function fromFloat16(values: Uint16Array, into: Float32Array): WrongValue | undefined {
  const table = float16Values();
  for (let i = 0; i < into.length; i++) into[i] = table[values[i]!]!;
  return undefined;
}

/** Converts bfloat16 values, given as bits: each is the upper half of a float32. */
function fromBfloat16(values: Uint16Array, into: Float32Array): WrongValue | undefined {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < bits.length; i++) bits[i] = values[i]! << 16;
  return undefined;
}

let float16Table: Float32Array | undefined;

/** Returns a table of the values of all 65,536 bit patterns of IEEE 754's binary16: sign, 5 bits of exponent, 10 of fraction. */
function float16Values(): Float32Array {
  float16Table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    // With exponent 0 the number is subnormal: it has no leading 1.
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
  return float16Table;
}

/**
 * Returns the first value of a converted piece that is to be refused; undefined if there is none. With `finite`, every value
 * that is infinite or NaN as float32 is refused; without, only a finite float64 beyond float32's range.
 *
 * @param values converted values
 * @param type type of the numbers in the file
 * @param piece bytes of the same values before the conversion
 */
function findLost(
  values: Float32Array,
  type: ValueType,
  { buffer }: Uint8Array,
  finite: boolean,
): WrongValue | undefined {
  if (!finite && type !== "float64") return undefined;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    // x - x is 0 for finite numbers, NaN for others.
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
