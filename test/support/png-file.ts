import { zlibSync } from "fflate";
import { checksum } from "../../src/base/checksum.ts";

/** A PNG file of chunks, with right checksums. */
export function pngFile(chunks: readonly (readonly [type: string, content: Uint8Array])[]): Uint8Array {
  const parts = [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]];
  for (const [type, content] of chunks) {
    const named = Uint8Array.from([...Buffer.from(type), ...content]);
    const [length, sum] = [new Uint8Array(4), new Uint8Array(4)];
    new DataView(length.buffer).setUint32(0, content.length);
    new DataView(sum.buffer).setUint32(0, checksum(named));
    parts.push([...length, ...named, ...sum]);
  }
  return Uint8Array.from(parts.flat());
}

/** Chunk with a picture's size and kind; see `PngHeader`. */
export function pngHeader(
  width: number,
  height: number,
  depth = 8,
  colourType = 0,
  interlacing = 0,
): readonly [string, Uint8Array] {
  const content = new Uint8Array(13);
  new DataView(content.buffer).setUint32(0, width);
  new DataView(content.buffer).setUint32(4, height);
  content.set([depth, colourType, 0, 0, interlacing], 8);
  return ["IHDR", content];
}
/** Chunk that ends a file. */
export const pngEnd = ["IEND", new Uint8Array(0)] as const;

/** Chunk with a picture's rows, each after the byte of its filter. */
export const pngRows = (bytes: Iterable<number>) => ["IDAT", zlibSync(Uint8Array.from(bytes))] as const;
