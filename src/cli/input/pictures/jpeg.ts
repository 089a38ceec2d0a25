import { decode } from "jpeg-js";
import type { Pausable } from "../../../base/event-loop.ts";
import { messageOf } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import type { ImageDataLike } from "../../../images/index.ts";
import { checkPixelCount } from "../../../images/picture.ts";

// Reads JPEG files by jpeg-js, which runs in one piece. Its output ignores the camera's orientation, so that is applied here.

/** True if the bytes start like a JPEG file. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Size and kind of a JPEG picture as stored, before it is rotated upright. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly isGrey: boolean;
  /** EXIF orientation, 1 to 8; 1 is upright. */
  readonly orientation: number;
}

/**
 * Reads the header of a JPEG file.
 *
 * @throws LatentflowError `invalid_file` if the file has no frame header, or more than 8 bits per colour
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    // Any number of 0xff bytes may precede a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    // Frame headers: SOF0 to SOF15, except DHT, JPG and DAC.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const bits = bytes[at + 4]!;
      if (bits !== 8) throw invalidFile(`the JPEG file has ${bits} bits a colour, expected 8; save it again`);
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
  throw invalidFile(`the JPEG file is damaged or cut short: it has no frame`);
}

/** Returns the orientation stored in an EXIF segment, 1 to 8; undefined if it has none. */
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
    // The segment is cut short. It is ignored, as in other readers.
  }
  return undefined;
}

/** Memory limit for jpeg-js, as it counts memory, in MB: enough for a colour picture of the maximum number of pixels. */
const MOST_MEGABYTES = 1536;

/**
 * Decodes a JPEG file, and rotates the picture upright by its EXIF orientation.
 *
 * @throws LatentflowError `invalid_file` if it is damaged, has too many pixels, or is of an unsupported kind
 */
export function* readJpeg(bytes: Uint8Array): Pausable<ImageDataLike> {
  const header = readJpegHeader(bytes);
  checkPixelCount(header);
  const limits = { maxResolutionInMP: MOST_MEGABYTES, maxMemoryUsageInMB: MOST_MEGABYTES };
  let picture: ImageDataLike;
  try {
    picture = decode(bytes, { ...limits, useTArray: true, tolerantDecoding: false });
  } catch (cause) {
    throw invalidFile(`the JPEG file cannot be read: ${messageOf(cause)}`, cause);
  }
  yield;
  return yield* upright(picture, header.orientation);
}

/** Returns the size in pixels of a picture after it is rotated upright. */
export function uprightSize({ width, height, orientation }: JpegHeader) {
  return orientation < 5 ? { width, height } : { width: height, height: width };
}

/** Rotates and mirrors a picture according to its EXIF orientation, 1 to 8. */
function* upright({ width, height, data }: ImageDataLike, orientation: number): Pausable<ImageDataLike> {
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
    yield;
  }
  return { ...size, data: turned };
}
