import { inTurns } from "../../../base/event-loop.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { valueSizes } from "../../../base/values.ts";
import { type ArrayHeader, checkDataSize, type DataArray, readValues } from "../../../files/array.ts";
import { allocate } from "../../../files/limits.ts";
import type { ArrayFile } from "./array-file.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type OpenFile, readInto } from "./open-file.ts";

/** An array in a file that stores a header, then the values in row-major order, as .npy and IDX do. */
export class FlatFile implements ArrayFile {
  /**
   * @param signal aborts reading
   * @throws LatentflowError `invalid_file` if the number of values differs from the header's shape
   */
  constructor(
    private readonly file: OpenFile,
    private readonly header: ArrayHeader,
    private readonly signal: AbortSignal | undefined,
  ) {
    checkDataSize(file.where, header.shape, valueSizes[header.type], file.size - header.size);
  }

  get shape() {
    return this.header.shape;
  }

  get type() {
    return this.header.type;
  }

  async read(start: number, end: number): Promise<DataArray["data"]> {
    const { where } = this.file;
    const { type, littleEndian, size } = this.header;
    const valueSize = valueSizes[type];
    const bytes = await this.readBytes(size + start * valueSize, size + end * valueSize);
    const raw = { type, bytes, littleEndian };
    return (
      await inTurns(readValues(where, [end - start], raw, Number.POSITIVE_INFINITY, start), this.signal)
    ).data;
  }

  fingerprint(): Promise<string> {
    const { type, shape } = this.header;
    return fingerprintOf(`${type} ${shape}`, this.file.size, (start, end) => this.readBytes(start, end));
  }

  private async readBytes(start: number, end: number): Promise<Uint8Array> {
    const { where, handle, size, written } = this.file;
    const bytes = allocate(where, Uint8Array, end - start);
    const count = await readInto(this.file, bytes, start, this.signal);
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
}
