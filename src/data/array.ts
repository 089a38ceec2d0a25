import { LatentflowError } from "../errors.ts";

/** An array read from a file: values in row-major order, as the file's bytes or as float32. */
export interface DataArray {
  /** The length of each axis; for a set of samples the first axis counts them. */
  readonly shape: readonly number[];
  /** As many values as the product of `shape`. */
  readonly data: Uint8Array | Float32Array;
}

/** An `invalid_file` error, ready to be thrown. */
export function invalidFile(message: string, cause?: unknown): LatentflowError {
  return new LatentflowError("invalid_file", message, cause === undefined ? undefined : { cause });
}

/** So many axes are shown of a shape. */
const MOST_AXES = 8;

/** A shape as messages write it: `3 × 28 × 28`, cut after a few axes. */
export function showShape(shape: readonly number[]): string {
  if (shape.length === 0) return "a single value";
  return shape.slice(0, MOST_AXES).join(" × ") + (shape.length > MOST_AXES ? " × ..." : "");
}

/** The product of `shape`: exact, or far too large for any file, so that no hostile shape wraps around. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}

/** Refuses a file whose values fill fewer or more bytes than its header promises. */
export function checkDataSize(
  where: string,
  shape: readonly number[],
  valueSize: number,
  found: number,
): void {
  const promised = elementCount(shape) * valueSize;
  if (found === promised) return;
  throw invalidFile(
    `${where}: the header promises ${showShape(shape)} values (${promised} bytes), the file holds ` +
      (found < promised
        ? `${found} bytes of them; it is cut short`
        : "more; it is damaged or several files in one"),
  );
}
