import { encode } from "fast-png";
import { calling } from "../base/calling.ts";
import { checksum } from "../base/checksum.ts";
import { atOnce, inPieces, type Pausable } from "../base/event-loop.ts";
import { checkMemory, isUint8Array } from "../base/realms.ts";
import { invalidFile, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { allocate } from "../files/limits.ts";
import { checkPixelCount, type ImageDataLike, pixelsOf } from "./picture.ts";
import { damagedPng, type PixelRow, rowsOf, unpackRows } from "./png-rows.ts";

// PNG files. They are written by fast-png and read by this package, since fast-png decompresses without a limit and
// refuses some valid files. Sections are those of the W3C's "PNG Specification (Third Edition)".

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** True if the bytes start like a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Number of channels and allowed bits per channel of each PNG colour type: PNG Specification (Third Edition), section
 * 11.2.1.
 */
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
  /** Bits of one value: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** Colour type of the PNG standard: 0 grey, 2 colour, 3 palette, 4 grey with opacity, 6 colour with opacity. */
  readonly colourType: number;
  /** True if the rows are stored in seven passes, by Adam7. */
  readonly isInterlaced: boolean;
}

/**
 * True if a PNG file may have transparent pixels, judged by its colour type, or by a chunk tRNS before the pixels.
 *
 * @param bytes beginning of the file
 */
export function mayBeTransparent(bytes: Uint8Array, { colourType }: PngHeader): boolean {
  if (colourType === 4 || colourType === 6) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = textAt(bytes, at + 4);
    if (type === "tRNS" || type === "IDAT") return type === "tRNS";
  }
  // The pixels start after the bytes that were read.
  return true;
}

/** Number of bytes of a PNG file's signature and header. */
export const PNG_HEADER_SIZE = 33;

/**
 * Reads the header of a PNG file, from its first 33 bytes.
 *
 * @throws LatentflowError `invalid_file`
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  if (!isPng(bytes)) throw invalidFile("it is no PNG file, which begins with \\x89PNG");
  if (bytes.length < PNG_HEADER_SIZE) throw invalidFile("the file is cut short within its header");
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
    throw invalidFile("the PNG header is damaged");
  return header;
}

/**
 * Decodes a PNG file: grey, colour or palette, 1 to 16 bits, with or without opacity, interlaced or not. Colour profiles
 * and gamma are ignored; for an animation, the still picture is returned. A picture of the maximum size takes some ten seconds,
 * in one piece: decode large ones of others in a worker.
 *
 * @param bytes contents of the file
 * @returns pixels for `fromImageData` and `maskFrom`: bytes, or a Uint16Array if the file has 16 bits
 * @throws LatentflowError `invalid_file` if the file is not a PNG file, damaged or cut short, or has more than 2^26
 *   pixels or a side of more than 2^16; `invalid_argument` if `bytes` is not a Uint8Array
 * @example
 * import { readFile } from "node:fs/promises";
 * import { fromImageData } from "latentflow/images";
 * const y = fromImageData(decodePng(await readFile("face.png")), decoder, { fit: "cover" });
 */
export function decodePng(bytes: Uint8Array): ImageDataLike {
  return calling("decodePng", () => {
    if (!isUint8Array(bytes)) throw refused("bytes", "is", show(bytes), "a Uint8Array");
    checkMemory("bytes", bytes);
    return atOnce(readPng(bytes));
  });
}

/**
 * Decodes a PNG file.
 */
export function* readPng(bytes: Uint8Array): Pausable<ImageDataLike> {
  const header = readPngHeader(bytes);
  checkPixelCount(header);
  const { width, height, depth, colourType, isInterlaced } = header;
  const { channels } = COLOUR_TYPES[colourType]!;
  const { palette, transparency, packed } = yield* chunksOf(bytes, colourType);
  const layout = { width, height, bits: channels * depth, isInterlaced };
  const unpacked = yield* unpackRows(packed, layout);
  const level = levelReader(depth);
  const [r, g, b] =
    transparency && colourType !== PALETTE ? [0, 1, 2].map((i) => level16(transparency, 0, i)) : [];
  const white = depth === 16 ? 65535 : 255;
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const Levels: { new (length: number): Uint16Array | Uint8ClampedArray; name: string } =
    depth === 16 ? Uint16Array : Uint8ClampedArray;
  const data = allocate(Levels, 4 * width * height);
  // A function of its own: engines optimise loops in generators less.
  const draw = ({ bytes: levels, start, count, first, step }: PixelRow) => {
    for (let i = 0, at = 4 * first; i < count; i++, at += 4 * step) {
      const red = level(levels, start, channels * i);
      if (palette && colourType === PALETTE) {
        if (3 * red >= palette.length) throw invalidFile(`colour ${red} is beyond the PNG's palette`);
        for (let channel = 0; channel < 3; channel++) data[at + channel] = palette[3 * red + channel]!;
        data[at + 3] = transparency?.[red] ?? 255;
        continue;
      }
      const isGrey = channels < 3;
      const green = isGrey ? red : level(levels, start, channels * i + 1);
      const blue = isGrey ? red : level(levels, start, channels * i + 2);
      const isClear = red === r && (isGrey || (green === g && blue === b));
      data[at] = scale * red;
      data[at + 1] = scale * green;
      data[at + 2] = scale * blue;
      if (channels % 2 === 0) data[at + 3] = level(levels, start, channels * (i + 1) - 1);
      else data[at + 3] = isClear ? 0 : white;
    }
  };
  for (const row of rowsOf(unpacked, layout)) {
    draw(row);
    yield;
  }
  return { width, height, data };
}

/** Reads the i-th number of a row that starts at index `start`: PNG Specification (Third Edition), section 7.2. */
type ReadLevel = (bytes: Uint8Array, start: number, i: number) => number;

const level16: ReadLevel = (bytes, start, i) => 256 * bytes[start + 2 * i]! + bytes[start + 2 * i + 1]!;

function levelReader(depth: number): ReadLevel {
  if (depth === 16) return level16;
  if (depth === 8) return (bytes, start, i) => bytes[start + i]!;
  const most = 2 ** depth - 1;
  return (bytes, start, i) => (bytes[start + ((i * depth) >> 3)]! >> (8 - depth - ((i * depth) & 7))) & most;
}

/** Chunks of a PNG file that its pixels depend on. */
interface PngChunks {
  /** Red, green and blue of each colour, one byte each. */
  readonly palette?: Uint8Array | undefined;
  /**
   * Contents of chunk tRNS: the opacities of the palette's first colours or, without a palette, the levels of the one
   * transparent colour, two bytes each.
   */
  readonly transparency?: Uint8Array | undefined;
  /** Compressed pixels: the contents of all IDAT chunks. */
  readonly packed: Uint8Array;
}

/**
 * Finds the chunks of a PNG file that its pixels depend on, and verifies the checksum of every chunk.
 *
 * @throws LatentflowError `invalid_file` if the file is damaged
 */
function* chunksOf(bytes: Uint8Array, colourType: number): Pausable<PngChunks> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed = new Uint8Array(bytes.length);
  let filled = 0;
  const single = new Map<string, Uint8Array>();
  for (let at = SIGNATURE.length, type = ""; type !== "IEND"; ) {
    const end = at + 12 > bytes.length ? Number.POSITIVE_INFINITY : at + 12 + view.getUint32(at);
    if (end > bytes.length) throw damagedPng("its end is missing");
    const checked = bytes.subarray(at + 4, end - 4);
    let sum = 0;
    yield* inPieces(checked.length, (start, stop) => {
      sum = checksum(checked.subarray(start, stop), sum);
    });
    if (sum !== view.getUint32(end - 4)) throw damagedPng("a checksum is wrong");
    type = textAt(bytes, at + 4);
    const content = bytes.subarray(at + 8, end - 4);
    if (type === "IDAT") {
      packed.set(content, filled);
      filled += content.length;
    } else if (type === "IHDR" || type === "PLTE" || type === "tRNS") {
      if (single.has(type) || filled > 0)
        throw damagedPng(`it has a chunk ${type} too many, or behind its pixels`);
      single.set(type, content);
    }
    at = end;
  }
  const [palette, transparency] = [single.get("PLTE"), single.get("tRNS")];
  if (colourType === PALETTE && !palette) throw invalidFile("the PNG file has no palette");
  const colours = (palette?.length ?? 0) / 3;
  if (!Number.isInteger(colours) || colours > 256)
    throw damagedPng(`its palette has ${palette!.length} bytes, expected 3 for each of 1 to 256 colours`);
  const { channels } = COLOUR_TYPES[colourType]!;
  const opacities = transparency?.length ?? 0;
  const isRight =
    colourType === PALETTE ? opacities <= colours : channels % 2 === 1 && opacities === 2 * channels;
  if (transparency && !isRight)
    throw damagedPng(`its chunk tRNS has ${opacities} bytes, which does not go with its colours`);
  return { palette, transparency, packed: packed.subarray(0, filled) };
}

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
}

/**
 * Encodes pixels as a PNG file: as greyscale if no pixel has a colour, without opacity if all are opaque. `decodePng`
 * restores the same pixels.
 *
 * @param image an ImageData, or a value returned by `toImageData`; a Uint16Array of pixels is written with 16 bits
 * @returns contents of the file
 * @throws LatentflowError `invalid_argument` if `image` is not a picture
 * @example
 * import { writeFile } from "node:fs/promises";
 * import { toImageData } from "latentflow/images";
 * await writeFile("decoded.png", encodePng(toImageData(y, decoder, { columns: 8 })));
 */
export function encodePng(image: ImageDataLike): Uint8Array {
  return calling("encodePng", () => {
    const { width, height, data, white } = pixelsOf("image", image);
    let [isGrey, isOpaque] = [true, true];
    for (let at = 0; at < data.length; at += 4) {
      isGrey &&= data[at] === data[at + 1] && data[at] === data[at + 2];
      isOpaque &&= data[at + 3] === white;
    }
    const kept = [true, !isGrey, !isGrey, !isOpaque];
    const channels = kept.filter(Boolean).length;
    const levels = data.filter((_, at) => kept[at % 4]);
    return encode({ width, height, data: levels, channels, depth: white === 255 ? 8 : 16 });
  });
}
