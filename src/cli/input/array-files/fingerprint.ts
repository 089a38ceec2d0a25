import { createHash } from "node:crypto";

// Fingerprints tell the data of two runs apart. Up to 256 MiB every byte counts. Of a larger file the size and 256 evenly
// spread pieces of 1 MiB count, so that each of a thousand processes need not read terabytes.

const PIECE = 2 ** 20;
const PIECES = 256;

/**
 * SHA-256 of bytes and of their interpretation.
 *
 * @param kind type and shape, say, of the bytes
 * @param read reads the bytes from `start` up to `end`
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
