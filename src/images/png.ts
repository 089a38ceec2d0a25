import { Unzlib, zlibSync } from "fflate";
import { invalidFile, refused, show } from "../base/check.ts";
import { checksum } from "../base/checksum.ts";
import { LatentflowError } from "../base/errors.ts";
import { checkMemory, isUint8Array } from "../base/realms.ts";
import { allocate } from "../files/limits.ts";
import { type ImageDataLike, pixelsOf } from "./picture.ts";

// PNG files, by the W3C's recommendation "PNG Specification (Third Edition)".

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** True for bytes that begin as PNG files do. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Most pixels of a file that is read: 1 GiB of memory at 16 bits. */
const MOST_PIXELS = 2 ** 27;

/** Channels by the type of colours in a header, section 11.2.1; the depths that each takes. */
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

/** First pixel and steps of the seven passes of an interlaced picture, section 8.2; a plain one has one pass. */
const INTERLACED = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const PLAIN = [[0, 0, 1, 1]] as const;

/** Fields of a PNG file's header. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
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
 * Reads a PNG file: grey, colour or palette, of 1 to 16 bits, with opacity or without, interlaced or not. Colour profiles and
 * gamma are ignored, and of an animation the still picture is taken.
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
  const { width, height, depth, colourType, isInterlaced } = header;
  if (width * height > MOST_PIXELS) {
    throw invalidFile(
      `${where}: the picture has ${width} × ${height} pixels, expected at most ${MOST_PIXELS}; make it smaller`,
    );
  }
  if (width * height === 0) throw invalidFile(`${where}: the picture has ${width} × ${height} pixels`);
  const { channels } = COLOUR_TYPES[colourType]!;
  const passes = (isInterlaced ? INTERLACED : PLAIN).map(([left, top, across, down]) => {
    const columns = Math.ceil((width - left) / across);
    const rows = columns > 0 ? Math.ceil((height - top) / down) : 0;
    return { left, top, across, down, columns, rows, rowSize: Math.ceil((columns * channels * depth) / 8) };
  });
  const size = passes.reduce((sum, { rows, rowSize }) => sum + rows * (rowSize + 1), 0);
  const { rows, palette, opacity } = readChunks(where, bytes, size);
  if (colourType === PALETTE && !palette) throw invalidFile(`${where}: the PNG file has no palette`);
  const most = 2 ** depth - 1;
  const pixels = width * height * 4;
  const data =
    depth === 16 ? allocate(where, Uint16Array, pixels) : allocate(where, Uint8ClampedArray, pixels);
  const white = depth === 16 ? 65535 : 255;
  /** Numbers that stand for the one transparent colour, as the file has them. */
  const clear = colourType === 0 || colourType === 2 ? opacity && wordsOf(opacity) : undefined;
  const paint = (at: number, sample: readonly number[]) => {
    if (colourType === PALETTE) {
      const [index = 0] = sample;
      if (index * 3 >= palette!.length)
        throw invalidFile(`${where}: colour ${index} is beyond the PNG's palette`);
      for (let i = 0; i < 3; i++) data[at + i] = palette![3 * index + i]!;
      data[at + 3] = opacity?.[index] ?? 255;
      return;
    }
    const levels = sample.map((level) => (level * white) / most);
    const isClear = clear && sample.every((level, i) => level === clear[i]);
    const alpha = channels % 2 === 0 ? levels.at(-1)! : isClear ? 0 : white;
    const [red, green, blue] = channels < 3 ? [levels[0]!, levels[0]!, levels[0]!] : levels;
    data[at] = red!;
    data[at + 1] = green!;
    data[at + 2] = blue!;
    data[at + 3] = alpha;
  };
  let start = 0;
  const step = Math.max(1, (channels * depth) / 8);
  const sample: number[] = new Array(channels);
  for (const { left, top, across, down, columns, rows: count, rowSize } of passes) {
    let above: Uint8Array = new Uint8Array(rowSize);
    for (let row = 0; row < count; row++) {
      const line = rows.subarray(start + 1, start + 1 + rowSize);
      unfilter(where, rows[start]!, line, above, step);
      for (let column = 0; column < columns; column++) {
        for (let i = 0; i < channels; i++) sample[i] = levelAt(line, column * channels + i, depth);
        paint(4 * ((top + row * down) * width + left + column * across), sample);
      }
      above = line;
      start += rowSize + 1;
    }
  }
  return { width, height, data };
}

/** Number of `depth` bits at a place in a row. */
function levelAt(line: Uint8Array, index: number, depth: number): number {
  if (depth === 8) return line[index]!;
  if (depth === 16) return (line[2 * index]! << 8) | line[2 * index + 1]!;
  const bit = index * depth;
  return (line[bit >> 3]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}

/** Undoes a row's filter in place, section 9.2. @param step bytes from a pixel to the next, at least 1 */
function unfilter(where: string, filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  if (filter > 4) throw invalidFile(`${where}: a row of the PNG file has the unknown filter ${filter}`);
  for (let i = 0; filter > 0 && i < line.length; i++) {
    const left = i < step ? 0 : line[i - step]!;
    const up = above[i]!;
    const corner = i < step ? 0 : above[i - step]!;
    const guess = [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter]!;
    line[i] = line[i]! + guess;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [toLeft, toUp] = [Math.abs(up - corner), Math.abs(left - corner)];
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

interface Chunks {
  /** Rows of the picture, each after a byte for its filter. */
  readonly rows: Uint8Array;
  readonly palette: Uint8Array | undefined;
  /** Content of the chunk tRNS. */
  readonly opacity: Uint8Array | undefined;
}

/**
 * Reads a file's chunks, section 5.3, and unpacks the rows.
 *
 * @param size bytes of all rows; a file that unpacks to fewer or more is refused, and no more memory is taken
 */
function readChunks(where: string, bytes: Uint8Array, size: number): Chunks {
  // Deflate packs at most 1032 bytes into one.
  if (size > bytes.length * 1032)
    throw invalidFile(`${where}: the PNG header promises more pixels than ${bytes.length} bytes can hold`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (why: string, cause?: unknown) =>
    invalidFile(`${where}: the PNG file is damaged or cut short: ${why}`, cause);
  const rows = allocate(where, Uint8Array, size);
  let filled = 0;
  const inflator = new Unzlib((piece) => {
    if (filled + piece.length > size) throw damaged("it has more pixels than its header says");
    rows.set(piece, filled);
    filled += piece.length;
  });
  let [palette, opacity]: (Uint8Array | undefined)[] = [];
  try {
    for (let at = SIGNATURE.length; ; ) {
      if (at + 12 > bytes.length) throw damaged("its end is missing");
      const end = at + 8 + view.getUint32(at);
      if (end + 4 > bytes.length) throw damaged("its end is missing");
      if (checksum(bytes.subarray(at + 4, end)) !== view.getUint32(end)) throw damaged("a checksum is wrong");
      const content = bytes.subarray(at + 8, end);
      const type = textAt(bytes, at + 4);
      if (type === "IEND") break;
      if (type === "PLTE") palette = content;
      if (type === "tRNS") opacity = content;
      // In pieces, since what a piece unpacks to is held in memory before it is counted.
      if (type === "IDAT") {
        for (let start = 0; start < content.length; start += PIECE)
          inflator.push(content.subarray(start, start + PIECE), false);
      }
      at = end + 4;
    }
    inflator.push(new Uint8Array(0), true);
  } catch (cause) {
    throw cause instanceof LatentflowError ? cause : damaged("its pixels cannot be unpacked", cause);
  }
  if (filled < size) throw damaged("it has fewer pixels than its header says");
  return { rows, palette, opacity };
}

/** Packed bytes that are unpacked at once: at most 4 MB. */
const PIECE = 2 ** 12;

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function wordsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
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
  const picked = [...(isGrey ? [0] : [0, 1, 2]), ...(isOpaque ? [] : [3])];
  const bytesEach = data.BYTES_PER_ELEMENT;
  const rowSize = 1 + width * picked.length * bytesEach;
  const rows = new Uint8Array(height * rowSize);
  for (let row = 0, at = 0; row < height; row++) {
    at++; // The filter 0: none.
    for (let pixel = row * width; pixel < (row + 1) * width; pixel++) {
      for (const channel of picked) {
        const level = data[4 * pixel + channel]!;
        if (bytesEach === 2) rows[at++] = level >> 8;
        rows[at++] = level & 255;
      }
    }
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = 8 * bytesEach;
  header[9] = (isGrey ? 0 : 2) + (isOpaque ? 0 : 4);
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", zlibSync(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, checksum(bytes.subarray(4, 8 + content.length)));
  return bytes;
}
