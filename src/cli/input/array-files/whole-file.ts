import { bytesIn } from "../../../base/values.ts";
import type { DataArray } from "../../../files/array.ts";
import type { ArrayFile } from "./array-file.ts";
import { fingerprintOf } from "./fingerprint.ts";

/** Wraps an array that is already in memory, read from stdin or from a file that cannot be read piece by piece. */
export function wholeFile({ shape, type, data }: DataArray): ArrayFile {
  const bytes = bytesIn(data);
  return {
    shape,
    type,
    read: async (start, end) => data.subarray(start, end),
    fingerprint: () =>
      fingerprintOf(`${type} ${shape}`, bytes.length, async (start, end) => bytes.subarray(start, end)),
  };
}
