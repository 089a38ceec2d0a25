import { invalidFile } from "../base/refuse.ts";
import type { ValueType } from "../base/values.ts";
import type { ArrayFormat, ArrayHeader } from "./array.ts";

// An IDX file, all numbers big-endian:
//
//   0  2 bytes       0
//   2  1 byte        type of the values
//   3  1 byte        number of axes, n
//   4  n × 4 bytes   the length of each axis
//   …                the values, row-major

const valueTypes: ReadonlyMap<number, ValueType> = new Map([
  [0x08, "uint8"],
  [0x09, "int8"],
  [0x0b, "int16"],
  [0x0c, "int32"],
  [0x0d, "float32"],
  [0x0e, "float64"],
]);

/** Format of IDX files, the format of MNIST. */
export const idxFormat: ArrayFormat = {
  label: "IDX",
  name: "an IDX file",
  endings: [".idx", "-ubyte"],
  // 255 axes.
  longestHeader: 4 + 255 * 4,
  recognises: (bytes) => bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0,
  readHeader,
};

function readHeader(bytes: Uint8Array): ArrayHeader {
  if (!idxFormat.recognises(bytes)) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw invalidFile(
      `not an IDX file: it begins with ${start || "nothing"}, expected 00 00, a type and a number of axes`,
    );
  }
  const type = valueTypes.get(bytes[2]!);
  if (type === undefined) {
    const hex = (code: number) => `0x${code.toString(16).padStart(2, "0")}`;
    const expected = [...valueTypes].map(([code, name]) => `${hex(code)} (${name})`).join(", ");
    throw invalidFile(`the values' type is ${hex(bytes[2]!)}, expected one of ${expected}`);
  }
  const axes = bytes[3]!;
  const size = 4 + 4 * axes;
  if (axes === 0) throw invalidFile("the header names no axes, expected at least one");
  if (bytes.length < size) {
    throw invalidFile(`${bytes.length} bytes, too short for a header of ${axes} axes (${size} bytes)`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, type, littleEndian: false, fortran: false, size };
}
