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
  if (isMask) return Float32Array.from(data, (value) => (value ? 1 : 0));
  const odd = at && data instanceof Uint8Array ? data.findIndex((value) => value > 1) : -1;
  if (odd >= 0) {
    const element = `element ${odd % size}${isEach ? ` of sample ${first + Math.floor(odd / size)}` : ""}`;
    throw invalidFile(
      `${at} has ${data[odd]} at ${element}, expected bytes of 0 and 1; give a mask by --mask, or save floats`,
    );
  }
  return data instanceof Float32Array ? data : Float32Array.from(data);
}
