import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { convertValues, type RawValues, type ValueType, valueSizes } from "../base/values.ts";
import { allocate, checkSize } from "./limits.ts";

/** Array read from a file, its values in row-major order. */
export interface DataArray {
  /** Length of each axis; for a set of samples the first is their number. */
  readonly shape: readonly number[];
  /** Values, as many as the product of `shape`: Uint8Array if the file has uint8, else float32. */
  readonly data: Uint8Array | Float32Array;
  /** Type of the values in the file. */
  readonly type: ValueType;
}

/** Header of a file that holds one array. */
export interface ArrayHeader {
  readonly shape: readonly number[];
  readonly type: ValueType;
  readonly littleEndian: boolean;
  /** True if the first axis changes fastest in the file (column-major order). */
  readonly fortran: boolean;
  /** Number of bytes before the values. */
  readonly size: number;
}

/** True if the values of a file have to be reordered to be in row-major order. */
export function isTransposed({ fortran, shape }: ArrayHeader): boolean {
  return fortran && shape.filter((length) => length > 1).length > 1;
}

/** File format that holds one array, behind a header with the array's type and shape. */
export interface ArrayFormat {
  /** Name in help texts, such as `IDX`. */
  readonly label: string;
  /** Name of such a file in messages, such as `an IDX file`. */
  readonly name: string;
  /** Usual endings of file names; the first is for a new name. */
  readonly endings: readonly string[];
  /** Size in bytes of the longest header in this format. */
  readonly longestHeader: number;
  /** True if a file that begins with the given bytes may have this format. */
  recognises(beginning: Uint8Array): boolean;
  /**
   * Parses the header of a file of this format.
   *
   * @param beginning the whole file, or at least its first `longestHeader` bytes
   * @throws LatentflowError `invalid_file`
   */
  readHeader(beginning: Uint8Array): ArrayHeader;
}

/**
 * Parses the one array that a file of the given format holds.
 *
 * @param bytes the whole file, not gzipped
 * @param maxBytes maximum memory of the values, in bytes
 * @throws LatentflowError `invalid_file`
 */
export function* parseArray(format: ArrayFormat, bytes: Uint8Array, maxBytes: number): Pausable<DataArray> {
  const { shape, type, littleEndian, fortran, size } = format.readHeader(bytes);
  const values = bytes.subarray(size);
  checkDataSize(shape, valueSizes[type], values.length);
  const array = yield* readValues(shape, { type, bytes: values, littleEndian }, maxBytes);
  return fortran ? { ...array, data: yield* transpose(array) } : array;
}

/** Maximum number of axes of a shape that a message shows. */
const MOST_AXES = 8;

/** Formats a shape for a message: `3 × 28 × 28`, cut after eight axes. */
export function showLengths(shape: readonly number[]): string {
  if (shape.length === 0) return "a single value";
  return shape.slice(0, MOST_AXES).join(" × ") + (shape.length > MOST_AXES ? " × ..." : "");
}

/**
 * Returns the number of elements of an array, the product of `shape`: exact, or else far too large for any file, so that a
 * malicious shape cannot overflow.
 */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}

/**
 * Splits the shape of an array into the number of samples, on the first axis, and the shape of one sample.
 *
 * @throws LatentflowError `invalid_file` if no value is left for a sample
 */
export function splitSamples(shape: readonly number[]) {
  const [count = 0, ...sampleShape] = shape;
  if (sampleShape.length > 0 && elementCount(sampleShape) > 0) return { count, shape: sampleShape };
  throw invalidFile(
    `its shape is ${showLengths(shape)}, expected an axis for the samples and at least one for their values; ` +
      "of one sample, numpy's y[None] is that",
  );
}

/** Typed array that can be filled piece by piece. */
interface Joinable<Values> {
  readonly length: number;
  set(values: Values, at: number): void;
}

/** Concatenates typed arrays of one type, at least one; a single array is returned itself, not copied. */
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

/**
 * Throws `invalid_file` unless the values of a file take as many bytes, `found`, as its header states.
 *
 * @param valueSize bytes of one value
 */
export function checkDataSize(shape: readonly number[], valueSize: number, found: number): void {
  const promised = elementCount(shape) * valueSize;
  if (found === promised) return;
  throw invalidFile(
    `the header promises ${showLengths(shape)} values (${promised} bytes), the file holds ` +
      (found < promised
        ? `${found} bytes of them; it is cut short`
        : "more; it is damaged or several files in one"),
  );
}

/**
 * Reads the values of a file: uint8 unchanged, all other types as float32.
 *
 * @param raw the values' bytes, as many values as the product of `shape`
 * @param maxBytes maximum memory of the values read, in bytes
 * @param first index in the file of the first value, for messages. Default 0
 * @throws LatentflowError `invalid_file` if they would take more memory, or float32 cannot represent one of them
 */
export function* readValues(
  shape: readonly number[],
  raw: RawValues,
  maxBytes: number,
  first = 0,
): Pausable<DataArray> {
  const count = elementCount(shape);
  if (raw.type === "uint8") {
    checkSize("its values take", count, maxBytes);
    const data = allocate(Uint8Array, count);
    // Copied by set(), since slice() of a Node Buffer returns a view.
    for (let start = 0; start < count; start += COPIED_AT_ONCE) {
      data.set(raw.bytes.subarray(start, Math.min(start + COPIED_AT_ONCE, count)), start);
      yield;
    }
    return { shape, data, type: raw.type };
  }
  checkSize("as float32 its values take", 4 * count, maxBytes);
  const data = allocate(Float32Array, count);
  const cure =
    raw.type === "bool" ? "0 or 1" : "what float32 can stand for; save array.astype(numpy.float32)";
  yield* convertValues(raw, data, (value, index) =>
    invalidFile(`the value ${value} (${raw.type}) at index ${first + index}, expected ${cure}`),
  );
  return { shape, data, type: raw.type };
}

/** Number of bytes copied between two pauses for the event loop. */
const COPIED_AT_ONCE = 2 ** 22;

/** Returns the values of an array reordered from column-major to row-major order. */
function* transpose({ shape, data }: DataArray): Pausable<DataArray["data"]> {
  if (data.length === 0 || shape.filter((length) => length > 1).length < 2) return data;
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const last = shape.length - 1;
  const [lastLength, lastStride] = [shape[last]!, strides[last]!];
  const transposed =
    data instanceof Uint8Array ? allocate(Uint8Array, data.length) : allocate(Float32Array, data.length);
  /** Index in `data` of the first value of the current row along the last axis. */
  let from = 0;
  /** Indices of the current row on all axes but the last. */
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

/** Number of values copied between two pauses for the event loop; small, since consecutive values may be far apart in memory. */
const VALUES_AT_ONCE = 2 ** 16;
