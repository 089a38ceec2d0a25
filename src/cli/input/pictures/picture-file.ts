import { stat } from "node:fs/promises";
import { about } from "../../../base/calling.ts";
import { LatentflowError } from "../../../base/errors.ts";
import { inTurns, type Pausable } from "../../../base/event-loop.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { checkIsFile, fileError } from "../../../files/durable-file.ts";
import { recognise, showStart } from "../../../files/file-kind.ts";
import { checkSize, type Limits } from "../../../files/limits.ts";
import { readStored } from "../../../files/local-file.ts";
import type { ImageDataLike } from "../../../images/index.ts";
import { checkPixelCount } from "../../../images/picture.ts";
import { isPng, mayBeTransparent, readPng, readPngHeader } from "../../../images/png-format.ts";
import { systemPath } from "../file-names.ts";
import { beginningOf, isStdin, isUrl } from "../files.ts";
import { isJpeg, readJpeg, readJpegHeader, uprightSize } from "./jpeg.ts";

// Reads one picture file: its header, its bytes, its pixels. Error messages name the file and its actual format.

/** Size and kind of the picture in a file. */
export interface PictureHeader {
  readonly width: number;
  readonly height: number;
  readonly isGrey: boolean;
  readonly mayBeTransparent: boolean;
  /** Number of bytes that a pixel takes in memory: 4, or 8 for 16-bit PNG. */
  readonly pixelSize: number;
}

/** Reader of one picture file format: tests the first bytes, reads the header, decodes the pixels. */
interface PictureFormat {
  readonly is: (bytes: Uint8Array) => boolean;
  readonly readHeader: (bytes: Uint8Array) => PictureHeader;
  readonly read: (bytes: Uint8Array) => Pausable<ImageDataLike>;
}

const FORMATS: readonly PictureFormat[] = [
  {
    is: isPng,
    readHeader(bytes) {
      const header = readPngHeader(bytes);
      const { width, height, colourType, depth } = header;
      const isGrey = colourType === 0 || colourType === 4;
      const pixelSize = depth === 16 ? 8 : 4;
      return { width, height, isGrey, mayBeTransparent: mayBeTransparent(bytes, header), pixelSize };
    },
    read: readPng,
  },
  {
    is: isJpeg,
    readHeader(bytes) {
      const header = readJpegHeader(bytes);
      return { ...uprightSize(header), isGrey: header.isGrey, mayBeTransparent: false, pixelSize: 4 };
    },
    read: readJpeg,
  },
];

/** Returns the reader for a picture file, by its first bytes; undefined for other files. */
export function pictureFormatOf(bytes: Uint8Array): PictureFormat | undefined {
  return FORMATS.find(({ is }) => is(bytes));
}

/** True if a name has the extension of a PNG or JPEG file. */
export function isPictureName(name: string): boolean {
  return /\.(png|jpe?g)$/i.test(name);
}

/** True if a path is a picture file, judged by its first bytes or its extension. */
export async function isPictureFile(path: string): Promise<boolean> {
  if (isStdin(path) || isUrl(path)) return false;
  if (isPictureName(path)) return true;
  const bytes = await beginningOf(path);
  return bytes !== undefined && pictureFormatOf(bytes) !== undefined;
}

/**
 * Decodes a picture file, PNG or JPEG.
 *
 * @throws LatentflowError if the file cannot be read or decoded
 */
export async function readImage(where: string, path: string, limits: Limits): Promise<ImageDataLike> {
  const bytes = await bytesOf(where, path, limits);
  return about(where, async () => inTurns(formatOf(path, bytes).read(bytes), limits.signal));
}

function formatOf(path: string, bytes: Uint8Array) {
  const format = pictureFormatOf(bytes);
  if (format) return format;
  const kind = recognise(bytes)?.name;
  const found = kind === undefined ? `begins with ${showStart(bytes)}` : `is ${kind}`;
  const why = isPictureName(path) ? "which its name says" : "as the first file is";
  throw invalidFile(`it ${found}, expected a PNG or JPEG file, ${why}`);
}

/**
 * Reads the bytes of a file.
 *
 * @throws LatentflowError if the file cannot be read; after an abort, the abort signal's reason
 */
export function bytesOf(where: string, path: string, limits: Limits): Promise<Uint8Array> {
  return about(where, () => readStored(systemPath(path), limits)).catch((cause) => {
    throw limits.signal?.aborted ? cause : problemOf(where, cause);
  });
}

/** Number of bytes read to find a picture's header; if a JPEG's frame header comes later, the whole file is read. */
const BEGINNING = 2 ** 16;

/**
 * Reads the header of a picture file.
 *
 * @throws LatentflowError if the file is not a picture, or has more pixels or bytes than allowed
 */
export async function headerOf(where: string, path: string, limits: Limits): Promise<PictureHeader> {
  const header = await readHeader(where, path, limits).catch((cause) => {
    throw limits.signal?.aborted ? cause : problemOf(where, cause);
  });
  const { width, height, pixelSize } = header;
  return about(where, () => {
    checkPixelCount(header);
    checkSize("its pixels take", width * height * pixelSize, limits.maxBytes);
    return header;
  });
}

async function readHeader(where: string, path: string, limits: Limits): Promise<PictureHeader> {
  const beginning = await beginningOf(path, BEGINNING);
  // A picture is read twice, which a pipe cannot be.
  if (!beginning) {
    const status = await stat(systemPath(path));
    about(where, () => checkIsFile(status));
  }
  const bytes = beginning ?? (await bytesOf(where, path, limits));
  const format = about(where, () => formatOf(path, bytes));
  try {
    return format.readHeader(bytes);
  } catch {
    const whole = await bytesOf(where, path, limits);
    return about(where, () => format.readHeader(whole));
  }
}

function problemOf(where: string, cause: unknown): LatentflowError {
  return cause instanceof LatentflowError ? cause : fileError(where, cause);
}
