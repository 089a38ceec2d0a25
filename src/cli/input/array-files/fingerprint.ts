import { createHash } from "node:crypto";

// Fingerprints tell the data of two runs apart. Up to 256 MiB, every byte is hashed. For a larger file, the size and 256
// evenly spaced pieces of 1 MiB are hashed, so that each of a thousand processes need not read terabytes.

const PIECE = 2 ** 20;
const PIECES = 256;

/**
 * Returns the SHA-256 of bytes and of their interpretation, in hexadecimal; above 256 MiB, of 256 pieces of 1 MiB.
 *
 * @param kind interpretation of the bytes, such as their number type and shape
 * @param size number of bytes
 * @param read reads the bytes from `start` up to `end` (exclusive)
 */
export async function fingerprintOf(
  kind: string,
  size: number,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<string> {
  const hash = createHash("sha256").update(`${kind} ${size}\n`);
  for (const start of pieceStarts(size)) hash.update(await read(start, Math.min(start + PIECE, size)));
  return hash.digest("hex");
}

function* pieceStarts(size: number): Generator<number> {
  if (size <= PIECE * PIECES) {
    for (let start = 0; start < size; start += PIECE) yield start;
    return;
  }
  for (let i = 0; i < PIECES; i++) yield Math.floor((i * (size - PIECE)) / (PIECES - 1));
}
