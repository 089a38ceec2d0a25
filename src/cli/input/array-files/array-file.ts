import { createHash } from "node:crypto";
import { invalidFile } from "../../../base/refuse.ts";
import { bytesIn, type ValueType } from "../../../base/values.ts";
import { type DataArray, elementCount, showLengths } from "../../../files/array.ts";
import type { Box, Size } from "../../../images/resample.ts";
import type { Table } from "../tables/table.ts";
import type { Rewritable } from "./rewritable.ts";

/** Facts about pictures that were read as samples. */
export interface PicturesRead {
  /** Number of transparent pixels of each picture; 0 if the decoder has an opacity channel. */
  readonly transparent: readonly number[];
  /** Number of pixels of padding around each picture, which `--fit contain` adds. */
  readonly padded: readonly number[];
  /** Weights in the samples' shape: 0 for transparent pixels and padding, 1 elsewhere; undefined if no pixel is either. */
  readonly seen: ArrayFile | undefined;
  /** Weights in the samples' shape: 0 for padding, 1 elsewhere; undefined if no picture has padding. */
  readonly unpadded: ArrayFile | undefined;
  /** For each picture file: true if it has colours but was read as greyscale. */
  readonly madeGrey: readonly boolean[];
  /** Rectangle of each sample that its picture covers; the rest is padding. */
  readonly boxes: readonly Box[];
}

/** An array in a file, read piece by piece. */
export interface ArrayFile {
  readonly shape: readonly number[];
  /** Number type of the values in the file. */
  readonly type: ValueType;
  /** File names of the pictures, one per row of the array; undefined if the array was not read from pictures. */
  readonly names?: readonly string[];
  /** Size of each picture in its file, one per row of the array; undefined if the array was not read from pictures. */
  readonly sizes?: readonly Size[];
  /**
   * Facts about the pictures, if they were read as samples; undefined for other files, and for pictures read as weights
   * or masks.
   */
  readonly pictures?: PicturesRead;
  /** Table of each file, undefined for a file of another format; undefined if none is a table. */
  readonly tables?: readonly (Table | undefined)[] | undefined;
  /** Each file as it can be written again; undefined if that was not asked for, or one of them cannot. */
  readonly rewritable?: readonly Rewritable[] | undefined;
  /**
   * Reads the values with indices from `start` up to `end` (exclusive) in row-major order: a Uint8Array for uint8, else a
   * Float32Array.
   *
   * @throws LatentflowError `invalid_file` if float32 cannot represent a value, or the file has changed since it was
   *   opened
   */
  read(start: number, end: number): Promise<DataArray["data"]>;
  /** Returns the SHA-256 of the contents in hexadecimal; of large files, a sample of the bytes (`fingerprintOf`). */
  fingerprint(): Promise<string>;
}

/** Wraps an array that is already in memory, read from stdin or from a file that cannot be read piece by piece. */
export function wholeFile({ shape, type, data }: DataArray): ArrayFile {
  const bytes = bytesIn(data);
  return {
    shape,
    type,
    read: async (start, end) => data.subarray(start, end),
    fingerprint: () =>
      fingerprintOf(`${type} ${shape}`, bytes.length, async (start, end) => bytes.subarray(start, end)),
  };
}

/**
 * Concatenates the arrays of several files along the first axis.
 *
 * @param places name of each file, for messages
 * @throws LatentflowError `invalid_file` if the shapes of their rows differ, or only some are of type uint8
 */
export function joinFiles(places: readonly string[], files: readonly ArrayFile[]): ArrayFile {
  const [first] = files as [ArrayFile];
  if (files.length === 1) return first;
  const [, ...rowShape] = first.shape;
  for (const [i, { shape, type }] of files.entries()) {
    if (String(shape.slice(1)) !== String(rowShape)) {
      throw invalidFile(
        `${places[i]}: its rows are ${showLengths(shape.slice(1))}, those of ${places[0]} are ${showLengths(rowShape)}`,
      );
    }
    if ((type === "uint8") !== (first.type === "uint8")) {
      throw invalidFile(
        `${places[i]}: its values are of the type ${type}, those of ${places[0]} ${first.type}; bytes are divided by ` +
          "255 and others are not: save them as one type",
      );
    }
  }
  const sizes = files.map(({ shape }) => elementCount(shape));
  return {
    shape: [files.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...rowShape],
    type: first.type,
    tables: files.some(({ tables }) => tables) ? files.map(({ tables }) => tables?.[0]) : undefined,
    rewritable: files.every((file) => file.rewritable)
      ? files.flatMap(({ rewritable }) => rewritable!)
      : undefined,
    async read(start, end) {
      const data: DataArray["data"] =
        first.type === "uint8" ? new Uint8Array(end - start) : new Float32Array(end - start);
      let before = 0;
      for (const [i, file] of files.entries()) {
        const [from, to] = [Math.max(start, before), Math.min(end, before + sizes[i]!)];
        if (from < to) data.set(await file.read(from - before, to - before), from - start);
        before += sizes[i]!;
      }
      return data;
    },
    async fingerprint() {
      const hash = createHash("sha256");
      for (const file of files) hash.update(await file.fingerprint());
      return hash.digest("hex");
    },
  };
}

// Fingerprints tell the data of two runs apart. Up to 256 MiB, every byte is hashed. For a larger file, the size and 256
// evenly spaced pieces of 1 MiB are hashed, so that each of a thousand processes need not read terabytes.

const PIECE = 2 ** 20;
const PIECES = 256;

/**
 * Returns the SHA-256 of bytes and of their interpretation, in hexadecimal; above 256 MiB, of 256 pieces of 1 MiB.
 *
 * @param kind interpretation of the bytes, such as their number type and shape
 * @param size number of bytes
 * @param read reads the bytes from `start` up to `end` (exclusive)
 */
export async function fingerprintOf(
  kind: string,
  size: number,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<string> {
  const hash = createHash("sha256").update(`${kind} ${size}\n`);
  for (const start of pieceStarts(size)) hash.update(await read(start, Math.min(start + PIECE, size)));
  return hash.digest("hex");
}

function* pieceStarts(size: number): Generator<number> {
  if (size <= PIECE * PIECES) {
    for (let start = 0; start < size; start += PIECE) yield start;
    return;
  }
  for (let i = 0; i < PIECES; i++) yield Math.floor((i * (size - PIECE)) / (PIECES - 1));
}
