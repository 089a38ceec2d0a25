import { type DataArray, invalidFile } from "./array.ts";
import { isGzip } from "./gzip.ts";
import { readIdx } from "./idx.ts";
import { isNpy, readNpy } from "./npy.ts";

/**
 * Reads an IDX file, a gzipped IDX file or a .npy file, told apart by how they begin.
 *
 * @param bytes the whole file
 * @throws LatentflowError `invalid_file` when it is none of them or cannot be read
 */
export async function readArray(bytes: Uint8Array): Promise<DataArray> {
  if (isNpy(bytes)) return readNpy(bytes);
  if (isGzip(bytes) || (bytes[0] === 0 && bytes[1] === 0)) return readIdx(bytes);
  throw invalidFile(
    "neither an IDX file (it would begin with 00 00, or 1f 8b when gzipped) nor a .npy file (93 4e 55 4d 50 59)",
  );
}
