import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { convertValues, type RawValues, type ValueType, valueSizes } from "../base/values.ts";
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
  /** True if the first axis changes fastest (column-major order). */
  readonly fortran: boolean;
  /** Bytes before the values. */
  readonly size: number;
}

/** A format of files that hold one array behind a header which says how large it is. */
export interface ArrayFormat {
  /** Name in help texts: `IDX`. */
  readonly label: string;
  /** Name of a file in messages: `an IDX file`. */
  readonly name: string;
  /** First bytes of a file, for messages. */
  readonly beginning: string;
  /** Most bytes of a header in this format. */
  readonly longestHeader: number;
  /** True if a file with this beginning may be of the format. */
  recognises(beginning: Uint8Array): boolean;
  /**
   * Reads the header.
   *
   * @param where beginning of messages
   * @param beginning the whole file, or at least as many bytes as the longest header has
   */
  readHeader(where: string, beginning: Uint8Array): ArrayHeader;
}

/** Bytes of a whole file with this header. */
export function promisedSize({ shape, type, size }: ArrayHeader): number {
  return size + elementCount(shape) * valueSizes[type];
}

/** Reads the array of a whole file, which is not packed. */
export function* parseArray(
  format: ArrayFormat,
  where: string,
  bytes: Uint8Array,
  maxBytes: number,
): Pausable<DataArray> {
  const { shape, type, littleEndian, fortran, size } = format.readHeader(where, bytes);
  const values = bytes.subarray(size);
  checkDataSize(where, shape, valueSizes[type], values.length);
  const array = yield* readValues(where, shape, { type, bytes: values, littleEndian }, maxBytes);
  return fortran ? { ...array, data: yield* transpose(where, array) } : array;
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

/** A typed array that takes the values of others of its type. */
interface Joinable<Values> {
  readonly length: number;
  set(values: Values, at: number): void;
}

/** Concatenates typed arrays of one type; a single array is returned as it is. */
export function joinValues<Values extends Joinable<Values>>(pieces: readonly Values[]): Values {
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
    // A Buffer's slice() is a view.
    for (let start = 0; start < count; start += COPIED_AT_ONCE) {
      data.set(raw.bytes.subarray(start, Math.min(start + COPIED_AT_ONCE, count)), start);
      yield;
    }
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

/** Bytes copied between two pauses. */
const COPIED_AT_ONCE = 2 ** 22;

/** Copies values from column-major to row-major order. */
function* transpose(where: string, { shape, data }: DataArray): Pausable<DataArray["data"]> {
  if (data.length === 0 || shape.filter((length) => length > 1).length < 2) return data;
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const last = shape.length - 1;
  const [lastLength, lastStride] = [shape[last]!, strides[last]!];
  const transposed =
    data instanceof Uint8Array
      ? allocate(where, Uint8Array, data.length)
      : allocate(where, Float32Array, data.length);
  /** Offset in the file of a row of the last axis, and the row's indices on the other axes. */
  let from = 0;
  const indices = shape.map(() => 0);
  for (let to = 0; to < data.length; ) {
    for (let i = 0; i < lastLength; i++) {
      transposed[to++] = data[from + i * lastStride]!;
      if (to % VALUES_AT_ONCE === 0) yield;
    }
    for (let axis = last - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++indices[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      indices[axis] = 0;
    }
  }
  return transposed;
}

/** Number of values copied between two pauses; in column-major order each may be far from the one before. */
const VALUES_AT_ONCE = 2 ** 16;
