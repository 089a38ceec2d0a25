import type { ValueType } from "../../../base/values.ts";

// Conversion of float32 values to the numbers of a file, the reverse of src/base/values.ts.

/** Largest finite float16. */
const MOST_FLOAT16 = 65504;

/** Returns the smallest and the largest number of a type; undefined if it has every float32. */
function limitsOf(type: ValueType): readonly [min: bigint, max: bigint] | undefined {
  if (type === "bool") return [0n, 1n];
  if (type === "float16") return [BigInt(-MOST_FLOAT16), BigInt(MOST_FLOAT16)];
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(type) ?? [];
  if (bits === undefined) return undefined;
  const isSigned = unsigned === "";
  const max = 2n ** BigInt(Number(bits) - (isSigned ? 1 : 0)) - 1n;
  return [isSigned ? -max - 1n : 0n, max];
}

/**
 * Returns a function that converts a finite float32 to the nearest number of a type: rounded to an integer, a bigint for 64 bits,
 * and clipped to the type's range.
 *
 * @param onClipped called for each value outside of the range
 */
export function converterTo(type: ValueType, onClipped: () => void): (value: number) => number | bigint {
  const limits = limitsOf(type);
  if (!limits) return (value) => value;
  const isWide = type.endsWith("int64");
  return (value) => {
    const whole = type === "float16" ? value : Math.round(value);
    const [min, max] = limits;
    // A number and a bigint are compared exactly.
    const isInside = whole >= min && whole <= max;
    if (!isInside) onClipped();
    const nearest = isInside ? whole : whole < min ? min : max;
    return isWide ? BigInt(nearest) : Number(nearest);
  };
}

type Store = (view: DataView, at: number, value: number | bigint, littleEndian: boolean) => void;

/** Functions that write a number of each type, as `converterTo` returns it. */
const STORES: { readonly [Type in Exclude<ValueType, "bfloat16">]: Store } = {
  bool: (view, at, value) => view.setUint8(at, Number(value)),
  int8: (view, at, value) => view.setInt8(at, Number(value)),
  uint8: (view, at, value) => view.setUint8(at, Number(value)),
  int16: (view, at, value, little) => view.setInt16(at, Number(value), little),
  uint16: (view, at, value, little) => view.setUint16(at, Number(value), little),
  int32: (view, at, value, little) => view.setInt32(at, Number(value), little),
  uint32: (view, at, value, little) => view.setUint32(at, Number(value), little),
  int64: (view, at, value, little) => view.setBigInt64(at, BigInt(value), little),
  uint64: (view, at, value, little) => view.setBigUint64(at, BigInt(value), little),
  float16: (view, at, value, little) => view.setUint16(at, float16Bits(Number(value)), little),
  float32: (view, at, value, little) => view.setFloat32(at, Number(value), little),
  float64: (view, at, value, little) => view.setFloat64(at, Number(value), little),
};

/**
 * Returns a function that writes a finite float32 into a file's bytes as a number of the file's type.
 *
 * @param onClipped called for each value outside of the type's range, in whose place the nearest one is written
 */
export function storeIn(
  bytes: Uint8Array,
  { type, littleEndian }: { readonly type: ValueType; readonly littleEndian: boolean },
  onClipped: () => void,
): (at: number, value: number) => void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const convert = converterTo(type, onClipped);
  const store = STORES[type as keyof typeof STORES];
  return (at, value) => store(view, at, convert(value), littleEndian);
}

/** Returns the bits of the float16 nearest to a float32 of at most 65504, halves to even. */
export function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const [bits = 0] = new Uint32Array(Float32Array.of(magnitude).buffer);
  // Below 2^-14 numbers are subnormal, of one spacing.
  const exponent = Math.max(-14, (bits >>> 23) - 127);
  const scaled = magnitude / 2 ** (exponent - 10);
  const floor = Math.floor(scaled);
  const isUp = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 === 1);
  // Rounded up to 2048, the significand raises the exponent.
  return sign + (exponent + 14) * 1024 + floor + (isUp ? 1 : 0);
}
