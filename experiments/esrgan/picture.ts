import { readFileSync } from "node:fs";
import { decode } from "fast-png";

/** A colour picture. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  /** [height, width, 3], red, green and blue from 0 to 1. */
  readonly values: Float32Array;
}

/**
 * Reads a PNG of 8 bits and three channels, or four where nothing is transparent.
 *
 * @throws Error on any other
 */
export function readPicture(file: string): Picture {
  const { height, width, channels, depth, data } = decode(readFileSync(file));
  if (depth !== 8 || (channels !== 3 && channels !== 4)) {
    throw new Error(`${file}: ${channels} channels of ${depth} bits, expected 3 or 4 of 8`);
  }
  if (channels === 4 && data.some((value, i) => i % 4 === 3 && value !== 255)) {
    throw new Error(`${file}: it is transparent in parts, expected an opaque picture`);
  }
  const values = new Float32Array(height * width * 3);
  for (let i = 0; i < values.length; i++) values[i] = data[Math.floor(i / 3) * channels + (i % 3)]! / 255;
  return { height, width, values };
}

/** The middle of a picture. */
export function middle(picture: Picture, height: number, width: number): Picture {
  const top = Math.floor((picture.height - height) / 2);
  const left = Math.floor((picture.width - width) / 2);
  return pick(height, width, picture, (row, column) => [top + row, left + column]);
}

/** A picture each of whose pixels is one of another. */
function pick(
  height: number,
  width: number,
  from: Picture,
  at: (row: number, column: number) => readonly [row: number, column: number],
): Picture {
  const values = new Float32Array(height * width * 3);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const [row, column] = at(Math.floor(pixel / width), pixel % width);
    const first = (row * from.width + column) * 3;
    values.set(from.values.subarray(first, first + 3), pixel * 3);
  }
  return { height, width, values };
}
