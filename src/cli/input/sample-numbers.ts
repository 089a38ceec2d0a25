import { invalidFile } from "../../base/refuse.ts";
import type { ArrayFile } from "./array-files/array-file.ts";

/** Numbers that come with samples, read a block at a time. */
export interface NumbersFile {
  readonly array: ArrayFile;
  /** True if each sample has a row of its own; false if all share one. */
  readonly isEach: boolean;
  readonly size: number;
  /** True for a mask, of which any other number than 0 is 1. */
  readonly isMask?: boolean;
  /** Share of the samples' values that a mask hides, 0 to 1; undefined for transparent pixels, which are counted as such. */
  readonly hiddenShare?: number;
  /** Beginning of messages, of weights and masks. */
  readonly at?: string;
}

/** Reads the numbers of samples. Bytes are not divided, so that they may be 0 and 1. */
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
 * Turns numbers of a mask into weights: 0 where the number is 0, else 1.
 *
 * @param at beginning of messages, of masks that may have any number
 * @throws LatentflowError `invalid_file` for NaN
 */
export function weightsOfMask(numbers: ArrayLike<number>, at: string | undefined): Float32Array {
  return Float32Array.from(numbers, (value) => {
    if (Number.isNaN(value))
      throw invalidFile(`${at} has NaN, expected 0 where a value is hidden and another number elsewhere`);
    return value === 0 ? 0 : 1;
  });
}

/** Most values that are read at once, unless a single sample has more. */
const VALUES_AT_ONCE = 2 ** 22;

/** Reads the numbers of the first samples, or the row that they share, a block at a time. */
export async function* blocksOfNumbers(
  numbers: NumbersFile,
  count: number,
): AsyncGenerator<readonly [first: number, values: Float32Array]> {
  const rows = numbers.isEach ? count : 1;
  const most = Math.max(1, Math.floor(VALUES_AT_ONCE / numbers.size));
  for (let first = 0; first < rows; first += most)
    yield [first, await readNumbers(numbers, first, Math.min(most, rows - first))];
}

/** Share of zeros among the numbers of the first samples; NaN without samples. */
export async function zeroShareIn(numbers: NumbersFile, count: number): Promise<number> {
  let [zeros, all] = [0, 0];
  for await (const [, values] of blocksOfNumbers(numbers, count)) {
    zeros += zeroShareOf(values) * values.length;
    all += values.length;
  }
  return zeros / all;
}

/** Share of zeros among values. */
export function zeroShareOf(values: Float32Array): number {
  return values.reduce((zeros, value) => zeros + (value === 0 ? 1 : 0), 0) / values.length;
}
