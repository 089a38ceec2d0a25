import type { ImageDataLike } from "../../../images/index.ts";
import { isPng, mayBeTransparent, readPng, readPngHeader } from "../../../images/png-format.ts";
import { isJpeg, readJpeg, readJpegHeader, uprightSize } from "./jpeg.ts";

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
  readonly readHeader: (where: string, bytes: Uint8Array) => PictureHeader;
  readonly read: (where: string, bytes: Uint8Array) => ImageDataLike;
}

const FORMATS: readonly PictureFormat[] = [
  {
    is: isPng,
    readHeader(where, bytes) {
      const header = readPngHeader(where, bytes);
      const { width, height, colourType, depth } = header;
      const isGrey = colourType === 0 || colourType === 4;
      const pixelSize = depth === 16 ? 8 : 4;
      return { width, height, isGrey, mayBeTransparent: mayBeTransparent(bytes, header), pixelSize };
    },
    read: readPng,
  },
  {
    is: isJpeg,
    readHeader(where, bytes) {
      const header = readJpegHeader(where, bytes);
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
