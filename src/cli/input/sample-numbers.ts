import { invalidFile } from "../../base/refuse.ts";
import type { ArrayFile } from "./array-files/array-file.ts";

/** Weights, masks or start vectors of samples, read a block at a time. */
export interface NumbersFile {
  readonly array: ArrayFile;
  /** True if the array has one row per sample; false if all samples share one row. */
  readonly isEach: boolean;
  readonly size: number;
  /** True for a mask, in which 0 hides a value and any other number stands for a weight of 1. */
  readonly isMask?: boolean;
  /**
   * Fraction of the samples' values that a mask hides, 0 to 1; undefined without a mask, also if transparency hides
   * values, which is reported separately.
   */
  readonly hiddenShare?: number;
  /** Beginning of error messages about weights and masks; undefined for start vectors. */
  readonly at?: string;
}

/**
 * Reads the numbers of `count` samples from index `first` on, or the row that all share. Bytes are not divided by 255, so
 * that they can be weights of 0 and 1.
 *
 * @throws LatentflowError `invalid_file` for NaN in a mask, and for weights stored as bytes above 1
 */
export async function readNumbers(
  { array, isEach, size, isMask, at }: NumbersFile,
  first: number,
  count: number,
): Promise<Float32Array> {
  const data = await (isEach ? array.read(first * size, (first + count) * size) : array.read(0, size));
  if (isMask) return weightsOfMask(data, at);
  const odd = at && data instanceof Uint8Array ? data.findIndex((value) => value > 1) : -1;
  if (odd >= 0) {
    const element = `element ${odd % size}${isEach ? ` of sample ${first + Math.floor(odd / size)}` : ""}`;
    throw invalidFile(
      `${at} has ${data[odd]} at ${element}, expected bytes of 0 and 1; give a mask by --mask, or save floats`,
    );
  }
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/**
 * Converts the numbers of a mask to weights: 0 if the number is 0, else 1.
 *
 * @param at beginning of error messages
 * @throws LatentflowError `invalid_file` for NaN
 */
export function weightsOfMask(numbers: ArrayLike<number>, at: string | undefined): Float32Array {
  return Float32Array.from(numbers, (value) => {
    if (Number.isNaN(value))
      throw invalidFile(`${at} has NaN, expected 0 where a value is hidden and another number elsewhere`);
    return value === 0 ? 0 : 1;
  });
}

/** Maximum number of values read at once; a larger sample is read by itself. */
const VALUES_AT_ONCE = 2 ** 22;

/**
 * Reads the numbers of the first `count` samples a block at a time, or the row that all share. Yields the index of each
 * block's first sample, and its numbers.
 */
export async function* blocksOfNumbers(
  numbers: NumbersFile,
  count: number,
): AsyncGenerator<readonly [first: number, values: Float32Array]> {
  const rows = numbers.isEach ? count : 1;
  const most = Math.max(1, Math.floor(VALUES_AT_ONCE / numbers.size));
  for (let first = 0; first < rows; first += most)
    yield [first, await readNumbers(numbers, first, Math.min(most, rows - first))];
}

/** Returns the fraction of zeros among the numbers of the first `count` samples; NaN if there are no numbers. */
export async function zeroShareIn(numbers: NumbersFile, count: number): Promise<number> {
  let [zeros, all] = [0, 0];
  for await (const [, values] of blocksOfNumbers(numbers, count)) {
    zeros += zeroShareOf(values) * values.length;
    all += values.length;
  }
  return zeros / all;
}

/** Returns the fraction of zeros among the values; NaN for an empty array. */
export function zeroShareOf(values: Float32Array): number {
  return values.reduce((zeros, value) => zeros + (value === 0 ? 1 : 0), 0) / values.length;
}
