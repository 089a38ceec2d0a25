import { readFileSync } from "node:fs";
import type { ImageDataLike } from "../../src/images/index.ts";

// The pictures of test/fixtures/pictures, and their pixels as Pillow reads them.

const folder = new URL("../fixtures/pictures/", import.meta.url);

interface PillowPicture {
  readonly width: number;
  readonly height: number;
  readonly data: string;
}

const read = JSON.parse(readFileSync(new URL("pictures.json", folder), "utf8")) as Record<
  string,
  PillowPicture
>;

/** Names of the files. */
export const pictureFiles = Object.keys(read);

/** Bytes of a file. */
export function pictureBytes(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(name, folder)));
}

/** Pixels of a file by Pillow. */
export function byPillow(name: string): ImageDataLike {
  const { width, height, data } = read[name]!;
  const bytes = Uint8ClampedArray.from(Buffer.from(data, "base64"));
  return { width, height, data: name === "grey-16.png" ? new Uint16Array(bytes.buffer) : bytes };
}

/** grey.png in other sizes, "height × width", by PyTorch: bilinear with antialias. */
export const resizedByTorch = JSON.parse(readFileSync(new URL("resized.json", folder), "utf8")) as Record<
  string,
  readonly number[]
>;
