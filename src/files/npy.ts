import { invalid, invalidFile, show } from "../base/check.ts";
import { atOnce } from "../base/event-loop.ts";
import { type ValueType, valueSizes } from "../base/values.ts";
import {
  type ArrayFormat,
  type ArrayHeader,
  type DataArray,
  elementCount,
  parseArray,
  showLengths,
} from "./array.ts";
import { STANDARD_MAX_BYTES } from "./limits.ts";
import { Dictionary, NoLiteral, type PythonValue, parsePythonLiteral, Tuple } from "./python-literal.ts";

// A .npy file (numpy's format, versions 1 to 3):
//
//   0  6 bytes       "\x93NUMPY"
//   6  2 bytes       version: major, minor
//   8  2 or 4 bytes  length of the header, little-endian: 2 bytes in version 1, 4 since
//   …                the header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//   …                the values

/** The types that are read, by kind and size as in '<f4'. */
const valueTypes: ReadonlyMap<string, ValueType> = new Map([
  ...(["b1", "?"] as const).map((code) => [code, "bool"] as const),
  ...([1, 2, 4, 8] as const).flatMap((size) => [
    [`i${size}`, `int${(8 * size) as 8 | 16 | 32 | 64}`] as const,
    [`u${size}`, `uint${(8 * size) as 8 | 16 | 32 | 64}`] as const,
  ]),
  ...([2, 4, 8] as const).map((size) => [`f${size}`, `float${(8 * size) as 16 | 32 | 64}`] as const),
]);

/** What to do with the other types, by kind. */
const cures: ReadonlyMap<string, string> = new Map([
  [
    "O",
    "an object array, which numpy pickles, and reading a pickle can run code; save numpy.stack(list(array))",
  ],
  ["c", "complex numbers; save numpy.stack([array.real, array.imag], -1)"],
  ["S", "texts; save numbers"],
  ["U", "texts; save numbers"],
  ["M", "dates; save array.astype(numpy.int64)"],
  ["m", "spans of time; save array.astype(numpy.int64)"],
  ["V", "raw bytes; save array.view(numpy.uint8)"],
]);

/** As much header as numpy itself reads. */
const longestHeader = 10_000;

/** As many axes as numpy has. */
const mostAxes = 64;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** The format of .npy files. */
export const npyFormat: ArrayFormat = {
  label: ".npy",
  name: "a .npy file",
  beginning: "93 4e 55 4d 50 59",
  longestHeader: 12 + longestHeader,
  recognises: (bytes) => magic.every((byte, i) => bytes[i] === byte),
  readHeader,
};

/**
 * Reads a .npy file, of any byte order and in either order of its axes: float16, float32, float64, integers and
 * booleans.
 *
 * @param bytes the whole file
 * @returns uint8 as they are, all others as float32, the nearest where there is none; true as 1
 * @throws LatentflowError `invalid_file` when it is no .npy file, is damaged or cut short, holds another type
 *   of values, an integer beyond 2^53, or more than its header promises or `maxBytes`
 */
export function readNpy(bytes: Uint8Array, maxBytes = STANDARD_MAX_BYTES): DataArray {
  return atOnce(parseArray(npyFormat, "readNpy", bytes, maxBytes));
}

function readHeader(where: string, bytes: Uint8Array): ArrayHeader {
  if (!npyFormat.recognises(bytes))
    throw invalidFile(`${where}: not a .npy file: it does not begin with 93 4e 55 4d 50 59`);
  const { text, size } = splitHeader(where, bytes);
  const { descr, fortran_order: fortran, shape } = parseFields(where, text);
  if (typeof fortran !== "boolean") {
    throw invalidFile(
      `${where}: the header's 'fortran_order' is ${showValue(fortran)}, expected True or False`,
    );
  }
  return { ...readType(where, descr), shape: readShape(where, shape), fortran, size };
}

/** The header's text, and the number of bytes before the values. */
function splitHeader(where: string, bytes: Uint8Array): { text: string; size: number } {
  if (bytes.length < 12) throw invalidFile(`${where}: ${bytes.length} bytes, too short for a header`);
  const major = bytes[6]!;
  if (major < 1 || major > 3 || bytes[7] !== 0) {
    throw invalidFile(`${where}: the format's version is ${major}.${bytes[7]}, expected 1.0, 2.0 or 3.0`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const size = start + length;
  if (length > longestHeader || size > bytes.length) {
    throw invalidFile(
      `${where}: the header is to be ${length} bytes long, expected at most ${longestHeader} and within the ` +
        `file's ${bytes.length}; it is cut short or damaged`,
    );
  }
  // Version 3 is UTF-8; before it was Latin-1, in which names of fields alone differ, and they are not read.
  return { text: new TextDecoder().decode(bytes.slice(start, size)), size };
}

const fieldNames = ["descr", "fortran_order", "shape"] as const;

/** The header's three entries: no more, no fewer, none twice. */
function parseFields(where: string, text: string): Record<(typeof fieldNames)[number], PythonValue> {
  const fields = new Map<PythonValue, PythonValue>();
  for (const [key, value] of parseDictionary(where, text).entries) {
    if (fields.has(key)) throw invalidFile(`${where}: the header has the key ${showValue(key)} twice`);
    if (!fieldNames.some((name) => name === key)) {
      throw invalidFile(
        `${where}: the header has the key ${showValue(key)}, expected ${fieldNames.join(", ")}`,
      );
    }
    fields.set(key, value);
  }
  const field = (name: string) => {
    const value = fields.get(name);
    if (value === undefined) throw invalidFile(`${where}: the header has no '${name}': ${show(text.trim())}`);
    return value;
  };
  return { descr: field("descr"), fortran_order: field("fortran_order"), shape: field("shape") };
}

function parseDictionary(where: string, text: string): Dictionary {
  let value: PythonValue;
  try {
    value = parsePythonLiteral(text);
  } catch (error) {
    if (!(error instanceof NoLiteral)) throw error;
    throw invalidFile(
      `${where}: the header is no Python dictionary: ${error.message} of ${show(text.trim())}; it is damaged`,
    );
  }
  if (value instanceof Dictionary) return value;
  throw invalidFile(`${where}: the header is ${showValue(value)}, expected a dictionary`);
}

function readType(where: string, descr: PythonValue): { type: ValueType; littleEndian: boolean } {
  if (typeof descr !== "string") {
    throw invalidFile(
      `${where}: the values' type is ${showValue(descr)}, a structured one; save one of its fields: ` +
        'numpy.save(file, array["field"])',
    );
  }
  const [, order, code = "", kind = ""] = /^([<>|]?)(([a-zA-Z?])\d{0,4}(?:\[\w+\])?)$/.exec(descr) ?? [];
  const type = valueTypes.get(code);
  // The order of a value's bytes: of the one there is, or of several.
  if (type && (valueSizes[type] === 1 || order === "<" || order === ">")) {
    return { type, littleEndian: order !== ">" };
  }
  throw invalidFile(
    `${where}: the values' type is ${show(descr)}, ${cures.get(kind) ?? "which is not read; save array.astype(numpy.float32)"}`,
  );
}

function readShape(where: string, shape: PythonValue): readonly number[] {
  if (shape instanceof Tuple && shape.items.length <= mostAxes && shape.items.every(isLength))
    return shape.items;
  throw invalidFile(
    `${where}: the header's 'shape' is ${showValue(shape)}, expected a tuple of at most ${mostAxes} lengths`,
  );
}

// Beyond what is exact it is still too much for any file.
const isLength = (length: PythonValue): length is number => typeof length === "number" && length >= 0;

function showValue(value: PythonValue): string {
  if (value instanceof Tuple) return "a tuple";
  if (value instanceof Dictionary) return "a dictionary";
  return Array.isArray(value) ? "a list" : show(value);
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
      `writeNpy: data has ${data.length} values, expected ${showLengths(shape)}, the product of the shape`,
    );
  }
  const header = npyHeader(shape);
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

/** What a .npy file of float32 values of this shape begins with; the values follow, row-major and little-endian. */
export function npyHeader(shape: readonly number[]): Uint8Array {
  // A Python tuple of one has a comma at its end.
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tuple}), }`;
  // Blanks and a line feed at the end make the values begin at a multiple of 64 bytes, as numpy has it.
  const size = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const header = `${dictionary.padEnd(size - 10 - 1)}\n`;

  const bytes = new Uint8Array(size);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
}
