import { invalidFile } from "./array.ts";

/** Deflate encodes at most 258 bytes in 2 bits, so nothing unpacks to more than 1032 times its size. */
export const largestGzipRatio = 1032;

/** Whether `bytes` begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks at most the first `maxSize` bytes of a gzip file and stops there, so that the memory it takes is
 * the caller's choice and not the file's. The file's checksum is checked only when its end is reached.
 *
 * @throws LatentflowError `invalid_file` when the file is damaged or cut short before that
 */
export async function gunzipPrefix(bytes: Uint8Array, maxSize: number): Promise<Uint8Array> {
  // The copy also makes this work for memory that is shared, which a Blob refuses.
  const reader = new Blob([new Uint8Array(bytes)])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"))
    .getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    while (size < maxSize) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      size += value.length;
    }
  } catch (cause) {
    throw invalidFile("gzip: the file is damaged or cut short", cause);
  }
  // What has been unpacked is all that is wanted: a failure to stop early changes nothing.
  await reader.cancel().catch(() => {});
  return joinChunks(chunks, Math.min(size, maxSize));
}

function joinChunks(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let filled = 0;
  for (const chunk of chunks) {
    const wanted = chunk.subarray(0, size - filled);
    joined.set(wanted, filled);
    filled += wanted.length;
  }
  return joined;
}
