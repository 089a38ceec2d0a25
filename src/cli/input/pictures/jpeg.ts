import { decode } from "jpeg-js";
import { invalidFile } from "../../../base/check.ts";
import { messageOf } from "../../../base/realms.ts";
import type { ImageDataLike } from "../../../images/index.ts";

// JPEG files, by jpeg-js. It leaves a camera's orientation alone, so that is read here.

/** True for bytes that begin as JPEG files do. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Size and kind of a JPEG picture, before its orientation. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly isGrey: boolean;
  /** EXIF's orientation, 1 to 8; 1 is upright. */
  readonly orientation: number;
}

/** Reads the header of a JPEG file. @throws LatentflowError `invalid_file` if the file has no frame of pixels */
export function readJpegHeader(where: string, bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    // Any number of 0xff may come before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    // Frames: SOF0 to SOF15 without DHT, JPG and DAC.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const bits = bytes[at + 4]!;
      if (bits !== 8)
        throw invalidFile(`${where}: the JPEG file has ${bits} bits a colour, expected 8; save it again`);
      return {
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        isGrey: bytes[at + 9] === 1,
        orientation,
      };
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (marker === 0xe1) orientation = orientationOf(bytes.subarray(at + 4, end)) ?? orientation;
    at = end;
  }
  throw invalidFile(`${where}: the JPEG file is damaged or cut short: it has no frame`);
}

/** Orientation in a segment of EXIF; undefined if it has none. */
function orientationOf(segment: Uint8Array): number | undefined {
  if (String.fromCharCode(...segment.subarray(0, 6)) !== "Exif\0\0") return undefined;
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  try {
    const isLittle = tiff.getUint16(0) === 0x4949;
    const first = tiff.getUint32(4, isLittle);
    for (let i = 0; i < tiff.getUint16(first, isLittle); i++) {
      const entry = first + 2 + 12 * i;
      if (tiff.getUint16(entry, isLittle) !== 0x0112) continue;
      const value = tiff.getUint16(entry + 8, isLittle);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  } catch {
    // The segment is cut short: other readers ignore it, too.
  }
  return undefined;
}

/** Limits of jpeg-js, which refuses larger pictures before it takes memory: 134 megapixels, 1 GiB. */
const LIMITS = { maxResolutionInMP: 134, maxMemoryUsageInMB: 1024 };

/** Reads a JPEG file, upright. @throws LatentflowError `invalid_file` if it is damaged, too large, or of a kind not read */
export function readJpeg(where: string, bytes: Uint8Array): ImageDataLike {
  const { orientation } = readJpegHeader(where, bytes);
  try {
    return upright(decode(bytes, { ...LIMITS, useTArray: true, tolerantDecoding: false }), orientation);
  } catch (cause) {
    throw invalidFile(`${where}: the JPEG file cannot be read: ${messageOf(cause)}`, cause);
  }
}

/** Size of a picture once it is upright. */
export function uprightSize({ width, height, orientation }: JpegHeader) {
  return orientation < 5 ? { width, height } : { width: height, height: width };
}

/** Turns and mirrors a picture by its orientation. */
function upright({ width, height, data }: ImageDataLike, orientation: number): ImageDataLike {
  if (orientation === 1) return { width, height, data };
  const size = uprightSize({ width, height, orientation, isGrey: false });
  const turned = new Uint8Array(data.length);
  const isTurned = orientation > 4;
  const flipsColumn = [2, 3, 7, 8].includes(orientation);
  const flipsRow = [3, 4, 6, 7].includes(orientation);
  for (let y = 0, at = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++, at += 4) {
      const [column, row] = isTurned ? [y, x] : [x, y];
      const from = (flipsRow ? height - 1 - row : row) * width + (flipsColumn ? width - 1 - column : column);
      turned.set(data.subarray(4 * from, 4 * from + 4), at);
    }
  }
  return { ...size, data: turned };
}
