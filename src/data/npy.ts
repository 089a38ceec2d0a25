import { invalid, show } from "../check.ts";
import { checkDataSize, type DataArray, elementCount, invalidFile, showShape } from "./array.ts";

// A .npy file (numpy's format, versions 1 to 3):
//
//   0  6 bytes       "\x93NUMPY"
//   6  2 bytes       version: major, minor
//   8  2 or 4 bytes  length of the header, little-endian: 2 bytes in version 1, 4 since
//   …                the header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//   …                the values

interface ValueType {
  /** Bytes per value. */
  readonly size: number;
  /** The values in `bytes`, little-endian. */
  readonly read: (bytes: Uint8Array) => Uint8Array | Float32Array;
}

/** A copy in a buffer of its own, where values of any size are aligned (`slice` is a view in Node's Buffer). */
const copy = (bytes: Uint8Array) => new Uint8Array(bytes);

const valueTypes: ReadonlyMap<string, ValueType> = new Map([
  ["|u1", { size: 1, read: copy }],
  ["<f4", { size: 4, read: (bytes) => new Float32Array(copy(bytes).buffer) }],
  ["<f8", { size: 8, read: (bytes) => Float32Array.from(new Float64Array(copy(bytes).buffer)) }],
]);

/** As much header as numpy itself reads. */
const longestHeader = 10_000;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether `bytes` begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads a .npy file of uint8, float32 or float64 values (float64 is rounded to float32).
 *
 * @param bytes the whole file
 * @throws LatentflowError `invalid_file` when it is no .npy file, is damaged or cut short, holds another type
 *   of values or more than its header promises, or is in Fortran order
 */
export function readNpy(bytes: Uint8Array): DataArray {
  if (!isNpy(bytes)) throw invalidFile("readNpy: not a .npy file: it does not begin with 93 4e 55 4d 50 59");
  const { header, size } = splitHeader(bytes);
  const descr = field(header, "descr", /'descr'\s*:\s*('[^']*'|\[[^\]]*\])/).replaceAll("'", "");
  const type = valueTypes.get(descr);
  if (type === undefined) {
    throw invalidFile(
      `readNpy: the values' type is ${show(descr)}, expected "|u1" (uint8), "<f4" (float32) or "<f8" (float64); ` +
        "save array.astype(numpy.float32) instead",
    );
  }
  if (field(header, "fortran_order", /'fortran_order'\s*:\s*(True|False)/) === "True") {
    throw invalidFile(
      "readNpy: the values are in Fortran (column-major) order; save numpy.ascontiguousarray(array) instead",
    );
  }
  const shape = field(header, "shape", /'shape'\s*:\s*\(((?:\s*\d+\s*,)*\s*\d*\s*)\)/)
    .split(",")
    .filter((length) => length.trim() !== "")
    .map(Number);
  const values = bytes.subarray(size);
  checkDataSize("readNpy", shape, type.size, values.length);
  return { shape, data: type.read(values) };
}

/** The header's text, and the number of bytes before the values. */
function splitHeader(bytes: Uint8Array): { header: string; size: number } {
  if (bytes.length < 12) throw invalidFile(`readNpy: ${bytes.length} bytes, too short for a header`);
  const major = bytes[6]!;
  if (major < 1 || major > 3) {
    throw invalidFile(`readNpy: the format's version is ${major}.${bytes[7]}, expected 1.0, 2.0 or 3.0`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const size = start + length;
  if (length > longestHeader || size > bytes.length) {
    throw invalidFile(
      `readNpy: the header is to be ${length} bytes long, expected at most ${longestHeader} and within the ` +
        `file's ${bytes.length}; it is cut short or damaged`,
    );
  }
  return { header: new TextDecoder().decode(bytes.subarray(start, size)), size };
}

function field(header: string, name: string, pattern: RegExp): string {
  const value = pattern.exec(header)?.[1];
  if (value === undefined) {
    throw invalidFile(`readNpy: the header has no readable '${name}': ${show(header.trim())}`);
  }
  return value;
}

/**
 * Writes float32 values as a .npy file (version 1.0, row-major), which `numpy.load` reads.
 *
 * @param shape the length of each axis; their product is `data.length`
 * @throws LatentflowError `invalid_argument` when it is not
 */
export function writeNpy(data: Float32Array, shape: readonly number[]): Uint8Array {
  if (
    elementCount(shape) !== data.length ||
    shape.some((length) => !Number.isInteger(length) || length < 0)
  ) {
    throw invalid(
      `writeNpy: data has ${data.length} values, expected ${showShape(shape)}, the product of the shape`,
    );
  }
  // A Python tuple of one has a comma at its end.
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tuple}), }`;
  // Blanks and a line feed at the end make the values begin at a multiple of 64 bytes, as numpy has it.
  const size = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const header = `${dictionary.padEnd(size - 10 - 1)}\n`;

  const bytes = new Uint8Array(size + data.byteLength);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), size);
  return bytes;
}
