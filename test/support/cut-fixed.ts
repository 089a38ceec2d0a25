import type { Decoder } from "../../src/decoder/decoder.ts";
import type { FixedValues } from "../../src/decoder/fixed.ts";
import { sizeOf } from "../../src/graph/operations.ts";

/** Returns the fixed inputs of samples `first` to `end - 1`. Rows that all samples share are returned unchanged. */
export function cutFixed(decoder: Decoder, fixed: FixedValues, first: number, end: number): FixedValues {
  return fixed.map((values, i) => {
    const { shape } = decoder.fixedInputs[i]!;
    const size = sizeOf(shape);
    if (values.length === size) return values;
    return values.subarray(first * size, end * size);
  });
}
