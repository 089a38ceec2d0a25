import { checkDataSize, type DataArray, elementCount, invalidFile, showShape } from "./array.ts";
import { gunzipPrefix, isGzip, largestGzipRatio } from "./gzip.ts";

// An IDX file, all numbers big-endian:
//
//   0  2 bytes       0
//   2  1 byte        type of the values
//   3  1 byte        number of axes, n
//   4  n × 4 bytes   the length of each axis
//   …                the values, row-major

interface ValueType {
  readonly name: string;
  /** Bytes per value. */
  readonly size: number;
  /** The values in `bytes`. */
  readonly read: (bytes: Uint8Array) => Uint8Array | Float32Array;
}

const valueTypes: ReadonlyMap<number, ValueType> = new Map([
  [0x08, { name: "uint8", size: 1, read: (bytes) => new Uint8Array(bytes) }],
  [0x0d, { name: "float32", size: 4, read: readFloat32 }],
]);

const unreadTypeNames: ReadonlyMap<number, string> = new Map([
  [0x09, "int8"],
  [0x0b, "int16"],
  [0x0c, "int32"],
  [0x0e, "float64"],
]);

/** The longest header: 255 axes. */
const longestHeader = 4 + 255 * 4;

interface Header {
  readonly shape: readonly number[];
  readonly type: ValueType;
  /** Bytes before the values. */
  readonly size: number;
}

/**
 * Reads an IDX file (the format of MNIST), gzipped or not, of uint8 or float32 values.
 *
 * @param bytes the whole file
 * @returns its shape and values: uint8 as they are (divide images by 255), float32 in this machine's order
 * @throws LatentflowError `invalid_file` when it is no IDX file, is damaged or cut short, holds another type
 *   of values, or more than its header promises (a gzipped one is unpacked no further than that)
 */
export async function readIdx(bytes: Uint8Array): Promise<DataArray> {
  const unpacked = isGzip(bytes) ? await unpack(bytes) : bytes;
  const { shape, type, size } = readHeader(unpacked);
  const values = unpacked.subarray(size);
  checkDataSize("readIdx", shape, type.size, values.length);
  return { shape, data: type.read(values) };
}

/** Unpacks a gzipped IDX file to the size its header promises, and one byte more to see that it ends there. */
async function unpack(bytes: Uint8Array): Promise<Uint8Array> {
  const { shape, type, size } = readHeader(await gunzipPrefix(bytes, longestHeader));
  const promised = size + elementCount(shape) * type.size;
  if (promised > bytes.length * largestGzipRatio) {
    throw invalidFile(
      `readIdx: the header promises ${showShape(shape)} values (${promised} bytes), ` +
        `more than ${bytes.length} bytes of gzip can hold; the file is cut short or damaged`,
    );
  }
  return gunzipPrefix(bytes, promised + 1);
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw invalidFile(
      `readIdx: not an IDX file: it begins with ${start || "nothing"}, expected 00 00, a type and a number of axes`,
    );
  }
  const type = valueTypes.get(bytes[2]!);
  if (type === undefined) {
    const code = `0x${bytes[2]!.toString(16).padStart(2, "0")}`;
    const name = unreadTypeNames.get(bytes[2]!) ?? "unknown to IDX";
    throw invalidFile(
      `readIdx: the values' type is ${code} (${name}), expected 0x08 (uint8) or 0x0d (float32)`,
    );
  }
  const axes = bytes[3]!;
  const size = 4 + 4 * axes;
  if (axes === 0) throw invalidFile("readIdx: the header names no axes, expected at least one");
  if (bytes.length < size) {
    throw invalidFile(
      `readIdx: ${bytes.length} bytes, too short for a header of ${axes} axes (${size} bytes)`,
    );
  }
  const view = viewOf(bytes);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, type, size };
}

function readFloat32(bytes: Uint8Array): Float32Array {
  const view = viewOf(bytes);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
