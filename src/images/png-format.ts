import { decode, encode } from "fast-png";
import { Unzlib } from "fflate";
import { invalidFile, refused, show } from "../base/check.ts";
import { checksum } from "../base/checksum.ts";
import { LatentflowError } from "../base/errors.ts";
import { checkMemory, isUint8Array } from "../base/realms.ts";
import { type ImageDataLike, pixelsOf } from "./picture.ts";

// PNG files, read and written by fast-png. Sizes, checksums and what a file unpacks to are checked before: fast-png unpacks
// without a bound. Sections are those of the W3C's "PNG Specification (Third Edition)".

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** True for bytes that begin as PNG files do. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Most pixels of a file that is read: 1 GiB of memory at 16 bits. */
const MOST_PIXELS = 2 ** 27;

/** Channels of a type of colours, and the depths that it takes, section 11.2.1. */
const COLOUR_TYPES: Readonly<
  Record<number, { readonly channels: number; readonly depths: readonly number[] }>
> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

const PALETTE = 3;

/** Fields of a PNG file's header. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

/** True if a PNG file may have transparent pixels: by its header, or by a chunk tRNS before the pixels. */
export function mayBeTransparent(bytes: Uint8Array, { colourType }: PngHeader): boolean {
  if (colourType === 4 || colourType === 6) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = textAt(bytes, at + 4);
    if (type === "tRNS" || type === "IDAT") return type === "tRNS";
  }
  // The pixels begin behind the bytes that were read.
  return true;
}

/** Bytes of the signature and the header. */
export const PNG_HEADER_SIZE = 33;

/** Reads the header, from a file's first 33 bytes. @throws LatentflowError `invalid_file` */
export function readPngHeader(where: string, bytes: Uint8Array): PngHeader {
  if (!isPng(bytes)) throw invalidFile(`${where}: it is no PNG file, which begins with \\x89PNG`);
  if (bytes.length < PNG_HEADER_SIZE) throw invalidFile(`${where}: the file is cut short within its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const header = {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24]!,
    colourType: bytes[25]!,
    isInterlaced: bytes[28] === 1,
  };
  const isKnown = COLOUR_TYPES[header.colourType]?.depths.includes(header.depth);
  const [compression, filter, interlace] = bytes.subarray(26, 29);
  if (textAt(bytes, 12) !== "IHDR" || !isKnown || compression !== 0 || filter !== 0 || interlace! > 1)
    throw invalidFile(`${where}: the PNG header is damaged`);
  return header;
}

/**
 * Reads a PNG file: grey, colour or palette, of 1 to 16 bits, with opacity or without, interlaced or not (of less than 8 bits: not). Colour
 * profiles and gamma are ignored, and of an animation the still picture is taken.
 *
 * @param bytes of the file
 * @returns pixels for `fromImageData` and `maskFrom`: bytes, or a Uint16Array where the file has 16 bits
 * @throws LatentflowError `invalid_file` if the bytes are no PNG file, damaged or cut short, or have more than 2^27 pixels;
 *   `invalid_argument` if they are no Uint8Array
 * @example
 * import { readFile } from "node:fs/promises";
 * import { fromImageData } from "latentflow/images";
 * const y = fromImageData(decodePng(await readFile("face.png")), decoder, { fit: "cover" });
 */
export function decodePng(bytes: Uint8Array): ImageDataLike {
  if (!isUint8Array(bytes)) throw refused("decodePng", "bytes", "is", show(bytes), "a Uint8Array");
  checkMemory("decodePng", "bytes", bytes);
  return readPng("decodePng", bytes);
}

/** Reads a PNG file. @param where beginning of messages */
export function readPng(where: string, bytes: Uint8Array): ImageDataLike {
  const header = readPngHeader(where, bytes);
  const { width, height, depth, colourType } = header;
  if (width * height > MOST_PIXELS || width * height === 0) {
    throw invalidFile(
      `${where}: the picture has ${width} × ${height} pixels, expected 1 to ${MOST_PIXELS}; make it smaller`,
    );
  }
  const { channels } = COLOUR_TYPES[colourType]!;
  const rowSize = Math.ceil((width * channels * depth) / 8);
  if (header.isInterlaced && depth < 8)
    throw invalidFile(`${where}: the picture is interlaced with ${depth} bits; save it without interlacing`);
  const { data: levels, palette, transparency } = decoded(where, essence(where, bytes, header, rowSize));
  if (colourType === PALETTE && !palette) throw invalidFile(`${where}: the PNG file has no palette`);
  const white = depth === 16 ? 65535 : 255;
  const data = new (depth === 16 ? Uint16Array : Uint8ClampedArray)(width * height * 4);
  /** Number of a channel, as the file has it; rows of less than 8 bits begin at whole bytes. */
  const at = (pixel: number, channel: number) => {
    if (depth >= 8) return levels[pixel * channels + channel]!;
    const bit = (pixel % width) * depth;
    const byte = levels[Math.floor(pixel / width) * rowSize + (bit >> 3)]!;
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  };
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const first = at(pixel, 0);
    if (colourType === PALETTE) {
      const colour = palette![first];
      if (!colour) throw invalidFile(`${where}: colour ${first} is beyond the PNG's palette`);
      data.set([colour[0]!, colour[1]!, colour[2]!, colour[3] ?? 255], 4 * pixel);
      continue;
    }
    const isGrey = channels < 3;
    const [green, blue] = isGrey ? [first, first] : [at(pixel, 1), at(pixel, 2)];
    const [r, g, b] = transparency ?? [];
    const isClear = transparency !== undefined && first === r && (isGrey || (green === g && blue === b));
    data[4 * pixel] = first * scale;
    data[4 * pixel + 1] = green * scale;
    data[4 * pixel + 2] = blue * scale;
    data[4 * pixel + 3] = channels % 2 === 0 ? at(pixel, channels - 1) : isClear ? 0 : white;
  }
  return { width, height, data };
}

/** Pixels of a file by fast-png. */
function decoded(where: string, file: Uint8Array) {
  try {
    return decode(file);
  } catch (cause) {
    throw damaged(where, "it cannot be read", cause);
  }
}

function damaged(where: string, why: string, cause?: unknown): LatentflowError {
  return invalidFile(`${where}: the PNG file is damaged or cut short: ${why}`, cause);
}

/** First pixel and steps of the passes of an interlaced picture, section 8.2. */
const INTERLACED = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * Returns a file without the chunks that pixels do not depend on, after checking its checksums, and that it unpacks to the
 * rows that its header promises.
 *
 * @param rowSize bytes of a row of pixels
 */
function essence(where: string, bytes: Uint8Array, header: PngHeader, rowSize: number): Uint8Array {
  const { width, height } = header;
  const size = !header.isInterlaced
    ? height * (rowSize + 1)
    : INTERLACED.reduce((sum, [left, top, across, down]) => {
        const columns = Math.max(0, Math.ceil((width - left) / across));
        const rows = columns > 0 ? Math.max(0, Math.ceil((height - top) / down)) : 0;
        return sum + rows * (1 + (columns * rowSize) / width);
      }, 0);
  let unpacked = 0;
  const inflator = new Unzlib((piece) => {
    unpacked += piece.length;
    if (unpacked > size) throw damaged(where, "it has more pixels than its header says");
  });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, SIGNATURE.length)];
  try {
    for (let at = SIGNATURE.length, type = ""; type !== "IEND"; ) {
      const end = at + 12 > bytes.length ? Number.POSITIVE_INFINITY : at + 12 + view.getUint32(at);
      if (end > bytes.length) throw damaged(where, "its end is missing");
      if (checksum(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
        throw damaged(where, "a checksum is wrong");
      type = textAt(bytes, at + 4);
      if (["IHDR", "PLTE", "tRNS", "IDAT", "IEND"].includes(type)) kept.push(bytes.subarray(at, end));
      // In pieces, since what a piece unpacks to is held in memory before it is counted.
      for (let start = at + 8; type === "IDAT" && start < end - 4; start += PIECE)
        inflator.push(bytes.subarray(start, Math.min(start + PIECE, end - 4)), false);
      at = end;
    }
    inflator.push(new Uint8Array(0), true);
  } catch (cause) {
    throw cause instanceof LatentflowError ? cause : damaged(where, "its pixels cannot be unpacked", cause);
  }
  if (unpacked < size) throw damaged(where, "it has fewer pixels than its header says");
  return joined(kept);
}

/** Packed bytes that are unpacked at once: to at most 4 MB. */
const PIECE = 2 ** 12;

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/**
 * Writes pixels as a PNG file: grey where no pixel has a colour, without opacity where all are opaque. `decodePng` reads the
 * same pixels back.
 *
 * @param image an ImageData, or what `toImageData` returns; a Uint16Array of pixels is written with 16 bits
 * @returns bytes of the file
 * @throws LatentflowError `invalid_argument` if the value is no picture
 * @example
 * import { writeFile } from "node:fs/promises";
 * import { toImageData } from "latentflow/images";
 * await writeFile("decoded.png", encodePng(toImageData(y, decoder, { columns: 8 })));
 */
export function encodePng(image: ImageDataLike): Uint8Array {
  const { width, height, data, white } = pixelsOf("encodePng", "the picture", image);
  let [isGrey, isOpaque] = [true, true];
  for (let at = 0; at < data.length; at += 4) {
    isGrey &&= data[at] === data[at + 1] && data[at] === data[at + 2];
    isOpaque &&= data[at + 3] === white;
  }
  const kept = [true, !isGrey, !isGrey, !isOpaque];
  const channels = kept.filter(Boolean).length;
  const levels = data.filter((_, at) => kept[at % 4]);
  return encode({ width, height, data: levels, channels, depth: white === 255 ? 8 : 16 });
}
