import { readFileSync } from "node:fs";
import { decode } from "fast-png";
import { createRandom } from "../../src/base/random.ts";

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

/** Each pixel as a square of so many times so many. */
export function enlarge(picture: Picture, times: number): Picture {
  return pick(times * picture.height, times * picture.width, picture, (row, column) => [
    Math.floor(row / times),
    Math.floor(column / times),
  ]);
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

/** Which half of so many pixels is known: exactly so many, at random; 1 where one is. */
export function knownHalf(pixels: number, seed: number): Uint8Array {
  const random = createRandom(seed);
  const order = Uint32Array.from({ length: pixels }, (_, i) => i);
  for (let i = pixels - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  const known = new Uint8Array(pixels);
  for (const pixel of order.subarray(0, Math.ceil(pixels / 2))) known[pixel] = 1;
  return known;
}

/**
 * The peak signal-to-noise ratio in dB, 10 log₁₀(1 / mean squared error), of values cut to 0 … 1.
 *
 * @param counted 1 for the pixels that are compared
 */
export function psnr(picture: Picture, values: Float32Array, counted: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (!counted[Math.floor(i / 3)]) continue;
    sum += (Math.min(Math.max(values[i]!, 0), 1) - picture.values[i]!) ** 2;
    count++;
  }
  return 10 * Math.log10(count / sum);
}
