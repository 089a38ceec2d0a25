import { valueSizes } from "../../../base/values.ts";
import { type ArrayFormat, type ArrayHeader, elementCount, isTransposed } from "../../../files/array.ts";
import { npyHeader } from "../../../files/npy.ts";
import type { FilledList, Filling, Rewritable } from "./rewritable.ts";
import { storeIn } from "./store-value.ts";

// Writes files of one array again with some values replaced: the header and all other values keep their bytes.

/** Bytes of a file of one array, unpacked. */
export interface ArrayBytes {
  readonly header: ArrayHeader;
  /** Number of bytes of the file. */
  readonly size: number;
  /** Returns the bytes from `start` up to `end` (exclusive). */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** Returns the list of replaced values of an array: an array of its shape, uint8, 1 for each value that is replaced. */
export function filledMask(shape: readonly number[]): FilledList {
  return {
    ending: ".filled.npy",
    content: `1 where a value was filled, else 0: ${shape.join(" × ")}, uint8`,
    header: npyHeader(shape, "uint8"),
    piece: (_, filling) => Uint8Array.from(filling, (value) => (Number.isNaN(value) ? 0 : 1)),
  };
}

/**
 * Makes a file of one array behind a header rewritable.
 *
 * @param open returns its bytes
 */
export function rewritableArray(
  { name: kind, endings }: ArrayFormat,
  shape: readonly number[],
  isPacked: boolean,
  open: () => Promise<ArrayBytes>,
): Rewritable {
  return {
    kind,
    endings,
    isPacked,
    rows: shape[0] ?? 0,
    list: filledMask(shape),
    async *rewrite(fillings, onClipped) {
      yield* rewriteArray(await open(), fillings, onClipped);
    },
  };
}

/** Returns the bytes of a file of one array with its values replaced. */
export async function* rewriteArray(
  { header, size, read }: ArrayBytes,
  fillings: AsyncIterable<Filling>,
  onClipped: () => void,
): AsyncGenerator<Uint8Array> {
  const valueSize = valueSizes[header.type];
  if (isTransposed(header)) {
    const bytes = new Uint8Array(await read(0, size));
    const store = storeIn(bytes, header, onClipped);
    let first = 0;
    for await (const filling of fillings) {
      for (const [i, value] of filling.entries()) {
        if (Number.isNaN(value)) continue;
        store(header.size + valueSize * columnMajorIndex(header.shape, first + i), value);
      }
      first += filling.length;
    }
    yield bytes;
    return;
  }
  yield await read(0, header.size);
  let start = header.size;
  for await (const filling of fillings) {
    const end = start + filling.length * valueSize;
    // A copy: the bytes may be those of the file in memory.
    const bytes = new Uint8Array(await read(start, end));
    const store = storeIn(bytes, header, onClipped);
    for (const [i, value] of filling.entries()) if (!Number.isNaN(value)) store(i * valueSize, value);
    yield bytes;
    start = end;
  }
}

/** Returns the index in column-major order of the value with an index in row-major order. */
function columnMajorIndex(shape: readonly number[], index: number): number {
  let [rest, found] = [index, 0];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis]!;
    found += (rest % length) * elementCount(shape.slice(0, axis));
    rest = Math.floor(rest / length);
  }
  return found;
}
