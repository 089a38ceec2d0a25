import { createHash } from "node:crypto";

// By what two runs know that they read the same data. Up to 256 MiB every byte counts; of a larger file, so that each of
// a thousand processes need not read terabytes, its size and 256 pieces of 1 MiB, evenly spread, the first and the last
// among them.

const PIECE = 2 ** 20;
const PIECES = 256;

/**
 * The SHA-256 of bytes, and of what says how they are read.
 *
 * @param kind the shape, say: what stands beside the bytes
 * @param read gives the bytes from `start` up to `end`
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
