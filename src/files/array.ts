import { invalidFile } from "../base/check.ts";
import type { Pausable } from "../base/event-loop.ts";
import { convertValues, type RawValues, type ValueType } from "../base/values.ts";
import { allocate, checkSize } from "./limits.ts";

/** An array read from a file: values in row-major order, as the file's bytes or as float32. */
export interface DataArray {
  /** The length of each axis; for a set of samples the first axis counts them. */
  readonly shape: readonly number[];
  /** Values, as many as the product of `shape`: Uint8Array if the file has uint8, else float32. */
  readonly data: Uint8Array | Float32Array;
  /** The values' type in the file. */
  readonly type: ValueType;
}

/** Header of a file with one array. */
export interface ArrayHeader {
  readonly shape: readonly number[];
  readonly type: ValueType;
  readonly littleEndian: boolean;
  /** Bytes before the values. */
  readonly size: number;
}

/** Most axes of a shape in a message. */
const MOST_AXES = 8;

/** Formats a shape for messages: `3 × 28 × 28`, cut after a few axes. */
export function showLengths(shape: readonly number[]): string {
  if (shape.length === 0) return "a single value";
  return shape.slice(0, MOST_AXES).join(" × ") + (shape.length > MOST_AXES ? " × ..." : "");
}

/** Returns the product of `shape`: exact, or far too large for any file, so that no hostile shape wraps around. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}

/** Concatenates arrays of one type; a single one is returned as it is. */
export function joinValues<Values extends Float32Array | Float64Array | Uint32Array>(
  pieces: readonly Values[],
): Values {
  const [first] = pieces as readonly [Values];
  if (pieces.length === 1) return first;
  const Type = first.constructor as new (length: number) => Values;
  const joined = new Type(pieces.reduce((length, piece) => length + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    joined.set(piece, end);
    end += piece.length;
  }
  return joined;
}

/** Refuses a file whose values take fewer or more bytes than its header states. */
export function checkDataSize(
  where: string,
  shape: readonly number[],
  valueSize: number,
  found: number,
): void {
  const promised = elementCount(shape) * valueSize;
  if (found === promised) return;
  throw invalidFile(
    `${where}: the header promises ${showLengths(shape)} values (${promised} bytes), the file holds ` +
      (found < promised
        ? `${found} bytes of them; it is cut short`
        : "more; it is damaged or several files in one"),
  );
}

/**
 * Reads the values of a file: uint8 as they are, all others as float32.
 *
 * @param raw as many as the product of `shape`
 * @param maxBytes the most memory for them
 * @param first how many values of the file come before them, for messages
 * @throws LatentflowError `invalid_file` where they would take more, or one of them is not what float32 can stand for
 */
export function* readValues(
  where: string,
  shape: readonly number[],
  raw: RawValues,
  maxBytes: number,
  first = 0,
): Pausable<DataArray> {
  const count = elementCount(shape);
  if (raw.type === "uint8") {
    checkSize(where, "its values take", count, maxBytes);
    const data = allocate(where, Uint8Array, count);
    yield* copy(raw.bytes, data);
    return { shape, data, type: raw.type };
  }
  checkSize(where, "as float32 its values take", 4 * count, maxBytes);
  const data = allocate(where, Float32Array, count);
  const cure =
    raw.type === "bool" ? "0 or 1" : "what float32 can stand for; save array.astype(numpy.float32)";
  yield* convertValues(raw, data, (value, index) =>
    invalidFile(`${where}: the value ${value} (${raw.type}) at index ${first + index}, expected ${cure}`),
  );
  return { shape, data, type: raw.type };
}

const COPIED_AT_ONCE = 2 ** 22;

/** Copies bytes in pieces. A Buffer's slice() is a view. */
function* copy(from: Uint8Array, to: Uint8Array): Pausable<void> {
  for (let start = 0; start < to.length; start += COPIED_AT_ONCE) {
    to.set(from.subarray(start, Math.min(start + COPIED_AT_ONCE, to.length)), start);
    yield;
  }
}
