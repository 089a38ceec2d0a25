import { about, aboutSteps } from "../../../base/calling.ts";
import { inTurns } from "../../../base/event-loop.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { valueSizes } from "../../../base/values.ts";
import { type ArrayFormat, type ArrayHeader, checkDataSize, readValues } from "../../../files/array.ts";
import { allocate } from "../../../files/limits.ts";
import { type ArrayFile, fingerprintOf } from "./array-file.ts";
import { type OpenFile, readInto } from "./open-file.ts";
import { rewritableArray } from "./rewrite-array.ts";

/**
 * Makes the array in a file that stores a header, then the values in row-major order, as .npy and IDX do.
 *
 * @param format format of the file
 * @param signal aborts reading
 * @throws LatentflowError `invalid_file` if the number of values differs from the header's shape
 */
export function flatFile(
  file: OpenFile,
  format: ArrayFormat,
  header: ArrayHeader,
  signal: AbortSignal | undefined,
): ArrayFile {
  const { where } = file;
  const { shape, type, littleEndian, size } = header;
  const valueSize = valueSizes[type];
  about(where, () => checkDataSize(shape, valueSize, file.size - size));
  const read = (start: number, end: number) => readBytes(file, start, end, signal);
  return {
    shape,
    type,
    rewritable: [rewritableArray(format, shape, false, async () => ({ header, size: file.size, read }))],
    async read(start, end) {
      const bytes = await read(size + start * valueSize, size + end * valueSize);
      const raw = { type, bytes, littleEndian };
      const values = aboutSteps(where, readValues([end - start], raw, Number.POSITIVE_INFINITY, start));
      return (await inTurns(values, signal)).data;
    },
    fingerprint: () => fingerprintOf(`${type} ${shape}`, file.size, read),
  };
}

async function readBytes(
  file: OpenFile,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { where, handle, size, written } = file;
  const bytes = about(where, () => allocate(Uint8Array, end - start));
  const count = await readInto(file, bytes, start, signal);
  if (count < bytes.length) {
    throw invalidFile(
      `${where}: it has ended at byte ${start + count} of ${size}; it was changed while it was read`,
    );
  }
  // Checked after reading, so that any change up to then is noticed.
  if ((await handle.stat({ bigint: true })).mtimeNs !== written) {
    throw invalidFile(
      `${where}: it was written to while it was read; run the same command again, which says whether it holds ` +
        "something else now",
    );
  }
  return bytes;
}
