import { decode } from "jpeg-js";
import type { Pausable } from "../../../base/event-loop.ts";
import { messageOf } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import type { ImageDataLike } from "../../../images/index.ts";
import { checkPixelCount } from "../../../images/picture.ts";

// Reads JPEG files by jpeg-js. Its output ignores the camera's orientation, so that is applied here; and it limits its
// memory but not its running time, which is limited here, and runs in one piece. Tables and sections below are those of ITU-T T.81.

/** Second byte of the marker SOS, which starts a scan. */
const SCAN = 0xda;

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
export function readJpegHeader(where: string, bytes: Uint8Array): JpegHeader {
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

/**
 * Maximum number of blocks of 8 × 8 pixels to decode, over all components and scans. A colour photograph of 50 megapixels
 * has 23 million with the ten scans that libjpeg writes.
 */
const MOST_BLOCKS = 2 ** 26;

/** Memory limit for jpeg-js, as it counts memory, in MB: enough for a colour picture of the maximum number of pixels. */
const MOST_MEGABYTES = 1536;

/**
 * Decodes a JPEG file, and rotates the picture upright by its EXIF orientation.
 *
 * @throws LatentflowError `invalid_file` if it is damaged, has too many pixels or scans, or is of an unsupported kind
 */
export function* readJpeg(where: string, bytes: Uint8Array): Pausable<ImageDataLike> {
  const header = readJpegHeader(where, bytes);
  checkPixelCount(where, header);
  const file = essence(bytes);
  checkWork(where, file, header);
  const limits = { maxResolutionInMP: MOST_MEGABYTES, maxMemoryUsageInMB: MOST_MEGABYTES };
  let picture: ImageDataLike;
  try {
    picture = decode(file, { ...limits, useTArray: true, tolerantDecoding: false });
  } catch (cause) {
    throw invalidFile(`${where}: the JPEG file cannot be read: ${messageOf(cause)}`, cause);
  }
  yield;
  return yield* upright(picture, header.orientation);
}

/** Returns the file without comments, application segments (which may contain further pictures) and bytes after its end. */
function essence(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept = new Uint8Array(bytes.length);
  let size = 0;
  const keep = (start: number, end: number) => {
    const part = bytes.subarray(start, end);
    kept.set(part, size);
    size += part.length;
  };
  keep(0, 2);
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + view.getUint16(at + 2);
    // APP14 is Adobe's segment, which states the colour space.
    const isApart = (marker >= 0xe0 && marker <= 0xef && marker !== 0xee) || marker === 0xfe;
    if (marker === 0xff) at++;
    else if (isApart) at = end;
    else if (marker >= 0xc0 && !isAlone(marker)) {
      const next = marker === SCAN ? endOfScan(bytes, end) : end;
      keep(at, next);
      at = next;
    } else break;
  }
  // Either the end of the picture, or damage.
  keep(at, bytes[at + 1] === 0xd9 ? at + 2 : bytes.length);
  return kept.subarray(0, size);
}

/** True for markers without a segment: restarts, start and end of the image. */
const isAlone = (marker: number) => marker >= 0xd0 && marker <= 0xd9;

/**
 * Returns the index of the first marker after a scan's data, in which 0xff only occurs before 0x00 or as a restart
 * marker.
 */
function endOfScan(bytes: Uint8Array, start: number): number {
  let at = bytes.indexOf(0xff, start);
  while (at >= 0 && (bytes[at + 1] === 0 || (bytes[at + 1]! >= 0xd0 && bytes[at + 1]! <= 0xd7)))
    at = bytes.indexOf(0xff, at + 2);
  return at < 0 ? bytes.length : at;
}

/**
 * Refuses a file whose scans would take too long to decode. In a damaged file, jpeg-js may start a frame or a scan wherever the
 * two bytes of its marker occur; so all occurrences are counted, even within tables.
 */
function checkWork(where: string, file: Uint8Array, { width, height }: JpegHeader): void {
  const frames: number[] = [];
  let scans = 0;
  for (let at = file.indexOf(0xff); at >= 0; at = file.indexOf(0xff, at + 1)) {
    const marker = file[at + 1]!;
    if (marker === SCAN) scans++;
    if (marker >= 0xc0 && marker <= 0xc2 && frames.push(at) > 1)
      throw invalidFile(`${where}: the JPEG file has more than one picture, expected one; save it again`);
  }
  const [frame] = frames;
  const blocks = frame === undefined ? 0 : blocksOf(file, frame);
  if (scans * blocks <= MOST_BLOCKS) return;
  throw invalidFile(
    `${where}: the JPEG file has ${scans} scans of ${width} × ${height} pixels, expected at most ` +
      `${Math.floor(MOST_BLOCKS / blocks)}; save it again, not progressive`,
  );
}

/**
 * Returns the number of blocks of 8 × 8 pixels in a frame, over all components, each padded to whole MCUs (T.81, A.2.4),
 * by the sampling factors in the frame header (B.2.2).
 *
 * @param at index of the frame's marker
 */
function blocksOf(file: Uint8Array, at: number): number {
  const [height, width, count] = [
    256 * file[at + 5]! + file[at + 6]!,
    256 * file[at + 7]! + file[at + 8]!,
    file[at + 9]!,
  ];
  const factors = Array.from({ length: count }, (_, i) => file[at + 11 + 3 * i] ?? 0);
  const across = Math.max(1, ...factors.map((factor) => factor >> 4));
  const down = Math.max(1, ...factors.map((factor) => factor & 15));
  const groups = Math.ceil(width / 8 / across) * Math.ceil(height / 8 / down);
  return groups * factors.reduce((sum, factor) => sum + (factor >> 4) * (factor & 15), 0);
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
