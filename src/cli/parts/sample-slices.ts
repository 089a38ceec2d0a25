import { joinValues } from "../../files/array.ts";

// Joins and cuts results, which are objects of arrays with one value or one row per sample.

/**
 * Concatenates values of consecutive samples: arrays, or objects of arrays field by field. Undefined fields and other
 * values are taken from the first piece.
 */
export function joinAll<T>(pieces: readonly T[]): T {
  const [first] = pieces as readonly [T];
  if (typeof first !== "object" || first === null) return first;
  if (Array.isArray(first)) return pieces.flat() as T;
  if (ArrayBuffer.isView(first)) return joinValues(pieces as readonly never[]) as T;
  const fields = Object.keys(first) as (keyof T)[];
  return Object.fromEntries(fields.map((name) => [name, joinAll(pieces.map((each) => each[name]))])) as T;
}

/** Returns the values of samples `from` up to `end`, exclusively, of `count`: of arrays, or of an object's arrays. */
export function sliceAll<T>(values: T, count: number, from: number, end: number): T {
  if (typeof values !== "object" || values === null) return values;
  if (Array.isArray(values) || ArrayBuffer.isView(values)) {
    const array = values as unknown as Float32Array;
    const size = array.length / count;
    const part = Array.isArray(values) ? values.slice(from, end) : array.subarray(from * size, end * size);
    return part as T;
  }
  const fields = Object.entries(values).map(([name, each]) => [name, sliceAll(each, count, from, end)]);
  return Object.fromEntries(fields) as T;
}
