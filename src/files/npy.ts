import { calling } from "../base/calling.ts";
import { atOnce } from "../base/event-loop.ts";
import { checkPresent, typedArrayName } from "../base/realms.ts";
import { invalidFile, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { bytesIn, type ValueType, valueSizes } from "../base/values.ts";
import { type ArrayFormat, type ArrayHeader, type DataArray, elementCount, parseArray } from "./array.ts";
import { STANDARD_MAX_BYTES } from "./limits.ts";

// A .npy file (numpy's format, versions 1 to 3):
//
//   0  6 bytes       "\x93NUMPY"
//   6  2 bytes       version: major, minor
//   8  2 or 4 bytes  length of the header, little-endian: 2 bytes in version 1, 4 since
//   …                the header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//   …                the values

/** Types of values that are read, by numpy's code of kind and size, as `f4` in '<f4'. */
const valueTypes: ReadonlyMap<string, ValueType> = new Map([
  ...(["b1", "?"] as const).map((code) => [code, "bool"] as const),
  ...([1, 2, 4, 8] as const).flatMap((size) => [
    [`i${size}`, `int${(8 * size) as 8 | 16 | 32 | 64}`] as const,
    [`u${size}`, `uint${(8 * size) as 8 | 16 | 32 | 64}`] as const,
  ]),
  ...([2, 4, 8] as const).map((size) => [`f${size}`, `float${(8 * size) as 16 | 32 | 64}`] as const),
]);

/** Advice on types that are not read, by the letter of their kind in the header. */
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

/** Maximum size of the header in bytes, as in numpy's own reader. */
const longestHeader = 10_000;

/** Maximum number of axes of an array in numpy. */
const mostAxes = 64;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Format of .npy files. */
export const npyFormat: ArrayFormat = {
  label: ".npy",
  name: "a .npy file",
  endings: [".npy"],
  longestHeader: 12 + longestHeader,
  recognises: (bytes) => magic.every((byte, i) => bytes[i] === byte),
  readHeader,
};

/**
 * Reads a .npy file of float16, float32, float64, integers or booleans, in any byte order and in row-major or column-major
 * order.
 *
 * @param bytes the whole file
 * @param maxBytes maximum memory of the values, in bytes. Default 2^30
 * @returns the array in row-major order: uint8 unchanged, other types as float32, rounded to the nearest; true as 1
 * @throws LatentflowError `invalid_file` if it is not a .npy file, is damaged or cut short, has values of another type or an
 *   integer beyond 2^53, or holds more than its header states or `maxBytes`
 */
export function readNpy(bytes: Uint8Array, maxBytes = STANDARD_MAX_BYTES): DataArray {
  return calling("readNpy", () => atOnce(parseArray(npyFormat, bytes, maxBytes)));
}

function readHeader(bytes: Uint8Array): ArrayHeader {
  if (!npyFormat.recognises(bytes))
    throw invalidFile("not a .npy file: it does not begin with 93 4e 55 4d 50 59");
  const { text, size } = splitHeader(bytes);
  const { descr, fortran, shape } = parseFields(text);
  if (fortran.flag === undefined) {
    throw invalidFile("the header's 'fortran_order' is neither True nor False");
  }
  const isFortran = fortran.flag === "True";
  return { ...readType(descr), shape: readShape(shape), fortran: isFortran, size };
}

/** Returns the text of the header, and `size`, the number of bytes before the values. */
function splitHeader(bytes: Uint8Array): { text: string; size: number } {
  if (bytes.length < 12) throw invalidFile(`${bytes.length} bytes, too short for a header`);
  const major = bytes[6]!;
  if (major < 1 || major > 3 || bytes[7] !== 0) {
    throw invalidFile(`the format's version is ${major}.${bytes[7]}, expected 1.0, 2.0 or 3.0`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const size = start + length;
  if (length > longestHeader || size > bytes.length) {
    throw invalidFile(
      `the header is to be ${length} bytes long, expected at most ${longestHeader} and within the ` +
        `file's ${bytes.length}; it is cut short or damaged`,
    );
  }
  // UTF-8 in version 3, Latin-1 before: they differ only in names of fields, which are not used.
  return { text: new TextDecoder().decode(bytes.slice(start, size)), size };
}

/**
 * Pattern of an entry of the header's dictionary as numpy writes it, also under Python 2: a string without escapes, a flag,
 * a tuple of integers, or a structured type's list of fields.
 */
const ENTRY =
  /\s*(['"])(?<key>\w+)\1\s*:\s*(?:(['"])(?<text>[^'"\\]*)\3|(?<flag>True|False)|(?<tuple>\((?:\s*\d+L?\s*,)*\s*(?:\d+L?\s*)?\))|(?<fields>\[.*\]))\s*(?:,|(?=\}))/sy;

type Entry = Readonly<Record<"text" | "flag" | "tuple" | "fields", string | undefined>>;

/** Parses the header, which must have exactly the entries descr, fortran_order and shape, each once. */
function parseFields(header: string): { descr: Entry; fortran: Entry; shape: Entry } {
  const refuse = (problem: string) => invalidFile(`the header ${problem}: ${show(header.trim())}`);
  const entries = new Map<string, Entry>();
  let end = /^\s*\{/.exec(header)?.[0].length ?? 0;
  for (;;) {
    ENTRY.lastIndex = end;
    const groups = ENTRY.exec(header)?.groups as (Entry & { readonly key: string }) | undefined;
    if (!groups) break;
    end = ENTRY.lastIndex;
    const { key } = groups;
    if (!["descr", "fortran_order", "shape"].includes(key)) {
      throw refuse(`has the key ${show(key)}, expected descr, fortran_order, shape`);
    }
    if (entries.has(key)) throw refuse(`has the key ${show(key)} twice`);
    entries.set(key, groups);
  }
  if (!/^\s*\}\s*$/.test(header.slice(end)))
    throw refuse("is no dictionary as numpy writes it; it is damaged");
  const field = (name: string) => {
    const entry = entries.get(name);
    if (!entry) throw refuse(`has no '${name}'`);
    return entry;
  };
  return { descr: field("descr"), fortran: field("fortran_order"), shape: field("shape") };
}

function readType({ text, fields }: Entry): { type: ValueType; littleEndian: boolean } {
  if (fields !== undefined) {
    throw invalidFile(
      'the values\' type is a structured one; save one of its fields: numpy.save(file, array["field"])',
    );
  }
  const descr = text ?? "";
  const [, order, code = "", kind = ""] = /^([<>|]?)(([a-zA-Z?])\d{0,4}(?:\[\w+\])?)$/.exec(descr) ?? [];
  const type = valueTypes.get(code);
  // Types of one byte need no byte order.
  if (type && (valueSizes[type] === 1 || order === "<" || order === ">")) {
    return { type, littleEndian: order !== ">" };
  }
  throw invalidFile(
    `the values' type is ${show(descr)}, ${cures.get(kind) ?? "which is not read; save array.astype(numpy.float32)"}`,
  );
}

function readShape({ tuple = "" }: Entry): readonly number[] {
  // A length too large to be exact exceeds any file anyway.
  const lengths = Array.from(tuple.matchAll(/\d+/g), ([digits]) => Number(digits));
  const isTuple = tuple !== "" && (lengths.length !== 1 || tuple.includes(","));
  if (isTuple && lengths.length <= mostAxes) return lengths;
  throw invalidFile(`the header's 'shape' is no tuple of at most ${mostAxes} lengths`);
}

/**
 * Returns values as the bytes of a .npy file (version 1.0, row-major), which `numpy.load` and `readDataset` read.
 *
 * @param values values, written as float32 or float64 according to their type
 * @param shape length of each axis; their product is the number of values
 * @returns bytes of the file
 * @throws LatentflowError `invalid_argument` if the values are of another type, or their number is not the product of
 *   `shape`
 * @example
 * import { writeFile } from "node:fs/promises";
 * import { encode } from "latentflow";
 * const { z } = await encode(decoder, y);
 * await writeFile("codes.npy", toNpy(z, [z.length / decoder.latentSize, decoder.latentSize]));
 */
export function toNpy(values: Float32Array | Float64Array, shape: readonly number[]): Uint8Array {
  return calling("toNpy", () => {
    const type = typedArrayName(values);
    if (type !== "Float32Array" && type !== "Float64Array")
      throw refused("values", "is", show(values), "a Float32Array or a Float64Array");
    checkPresent("values", values.buffer);
    const isShape = Array.isArray(shape) && Array.from(shape, isLength).every(Boolean);
    if (!isShape || shape.length > mostAxes || elementCount(shape) !== values.length) {
      const got = Array.isArray(shape) ? showShape(shape) : show(shape);
      throw refused("shape", "is", got, `lengths whose product is ${values.length}, the number of values`);
    }
    const header = npyHeader(shape, type === "Float32Array" ? "float32" : "float64");
    const bytes = new Uint8Array(header.length + values.byteLength);
    bytes.set(header);
    bytes.set(bytesIn(values), header.length);
    return bytes;
  });
}

const isLength = (length: unknown) => Number.isSafeInteger(length) && (length as number) >= 0;

/** Types of values that are written, with numpy's codes. */
const WRITTEN = { uint8: "|u1", float32: "<f4", float64: "<f8" } as const;

/** Returns the header of a .npy file for row-major, little-endian values that are written after it. */
export function npyHeader(shape: readonly number[], type: keyof typeof WRITTEN = "float32"): Uint8Array {
  // In Python a tuple of one element has a trailing comma.
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '${WRITTEN[type]}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // Padded with spaces and a line feed so that the values begin at a multiple of 64 bytes, as in numpy.
  const size = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const header = `${dictionary.padEnd(size - 10 - 1)}\n`;

  const bytes = new Uint8Array(size);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
}
