import { Dataset } from "../api/dataset.ts";
import { about, calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { throwIfAborted } from "../base/realms.ts";
import { invalidFile, refused } from "../base/refuse.ts";
import { show, showLocation } from "../base/show.ts";
import { type DataArray, showLengths, splitSamples } from "../files/array.ts";
import { checkReading, type ReadingOptions, readingOptions } from "../files/limits.ts";
import { splitArrayName } from "../files/npz.ts";
import { readArray } from "../files/read.ts";
import { bytesOf, type FileSource, locationOf, readSource } from "../files/source.ts";
import { isZip } from "../files/zip.ts";

/** Options of `readDataset`. */
export interface ReadDatasetOptions extends ReadingOptions {
  /** Name of the array to read from a .npz file, as in `file.npz#name`. Default: its only array. */
  array?: string | undefined;
  /**
   * Labels, one for each sample, integers from 0 to 255: a file, or for a .npz file the name of their array in it. Default:
   * none.
   */
  labels?: FileSource | undefined;
}

/**
 * Reads a data set from a file, IDX or .npy, gzipped or not, or from an array of a .npz file. The first axis is that of the
 * samples. Values of type uint8 stand for value / 255; all others are used unchanged, true as 1, rounded to float32.
 *
 * @param source the file's bytes, a Blob, a URL, or a string: in Node a path unless it begins with http:, https: or file:,
 *   elsewhere a URL; `file.npz#name` for an array of a .npz file. Bytes are copied; do not change or transfer them before
 *   the promise has settled.
 * @throws LatentflowError `not_found` when a file cannot be read; `unreachable` when its server fails; `invalid_file` when
 *   it has no data set, more than `maxBytes`, or not one label for each sample; `invalid_argument` on a wrong option, and if
 *   a .npz file has several arrays and none is named
 * @example
 * const images = await readDataset("images-idx3-ubyte.gz", { labels: "labels-idx1-ubyte.gz" });
 * const { z } = await encode(decoder, images.slice(0, 100).toFloat32());
 */
export async function readDataset(source: FileSource, options: ReadDatasetOptions = {}): Promise<Dataset> {
  return calling("readDataset", () => readDatasetAs(source, options));
}

/**
 * Reads a data set as `readDataset` does.
 */
export async function readDatasetAs(source: FileSource, options: ReadDatasetOptions = {}): Promise<Dataset> {
  checkOptions(options, { labels: true, array: true, ...readingOptions });
  const { labels, array } = options;
  if (array !== undefined && typeof array !== "string") {
    throw refused("array", "is", show(array), "the name of an array");
  }
  const limits = checkReading(options);
  throwIfAborted(limits.signal);
  const place = placeOf(source);
  const { bytes, data, count, shape } = await about(place.name, async () => {
    // Bytes are taken synchronously, before the caller can transfer them.
    const bytes = bytesOf(source) ?? (await readSource(place.file, limits));
    const { shape, data } = await readArray(bytes, { array: array ?? place.array, ...limits });
    return { bytes, data, ...splitSamples(shape) };
  });
  if (labels === undefined) return new Dataset(data, shape);
  const isArrayName = typeof labels === "string" && isZip(bytes);
  const from = isArrayName ? { file: bytes, array: labels } : placeOf(labels);
  const names = isArrayName ? [place.name, "labels"] : ["labels", placeOf(labels).name];
  return about(names.filter(Boolean).join(": "), async () => {
    const labelBytes = bytesOf(from.file) ?? (await readSource(from.file, limits));
    const found = await readArray(labelBytes, { array: from.array, ...limits });
    return new Dataset(data, shape, checkLabels(found, count));
  });
}

/** File to read: its name in messages, "" for one in memory; its source; and the array requested from it, if any. */
interface Place {
  readonly name: string;
  readonly file: FileSource;
  readonly array: string | undefined;
}

function placeOf(source: FileSource): Place {
  const location = locationOf(source);
  if (location === undefined) return { name: "", file: source, array: undefined };
  const { file, array } = splitArrayName(location);
  const isUrl = /^(https?|file):/i.test(file);
  return { name: showLocation(location), file, array: array && isUrl ? decode(array) : array };
}

/** Decodes %-escapes in a name from a URL; returns an invalid encoding unchanged. */
function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/**
 * Returns labels as bytes: a one-dimensional array of any integer type (numpy's default is int64), with `count` values from
 * 0 to 255.
 *
 * @throws LatentflowError `invalid_file`
 */
function checkLabels({ shape, data, type }: DataArray, count: number): Uint8Array {
  const isInteger = /^u?int/.test(type) && data.every((label) => label >= 0 && label <= 255);
  if (isInteger && shape.length === 1 && shape[0] === count) return Uint8Array.from(data);
  throw invalidFile(
    `found ${showLengths(shape)} (${type}), expected ${count} integers from 0 to 255, one per sample`,
  );
}
