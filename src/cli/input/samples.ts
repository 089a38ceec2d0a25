import { createDataset, type Dataset } from "../../api/dataset.ts";
import { about } from "../../base/calling.ts";
import { elementCount, splitSamples } from "../../files/array.ts";
import { scalePixels } from "../../files/images.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { isStdin, shortPath, showFile } from "./files.ts";
import { type DataLimits, type DataReading, openData, readRows } from "./open-data.ts";
import { expandFiles } from "./pictures/expand-files.ts";

/** Samples of a run: the first `count` of the `total` in a source. */
export interface SamplesTaken {
  /** Number of samples used, the first ones of the source; `--limit` can lower it. */
  readonly count: number;
  /** Number of samples in the source. */
  readonly total: number;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Option that names the samples, `--data` or `--dataset mnist`, or a phrase for them if they come from no option. */
  readonly flag: string;
  /** Beginning of error messages: the option with its file. */
  readonly at: string;
  /** Array of the samples; undefined for samples that are in memory and were read from neither pictures nor tables. */
  readonly array?: ArrayFile | undefined;
}

/** Samples in memory, with the name of their source for reports. */
export interface SourcedData extends SamplesTaken {
  readonly source: string;
  readonly dataset: Dataset;
}

/** Samples in files, read a block at a time. */
export interface SamplesFiles extends SamplesTaken {
  /** Divisor that scales the values of samples: 255 for bytes, else 1. */
  readonly dividedBy: Dataset["dividedBy"];
  readonly array: ArrayFile;
}

/**
 * Opens files of samples; the first `limit` samples are used. The first axis counts samples, or is missing in an array that is
 * one sample of the decoder.
 *
 * @param flag option that names the files, or a phrase for the samples if they come from no option
 * @throws LatentflowError if a file cannot be read, or a sample has no axis or no values
 */
export async function openSamples(
  flag: string,
  files: readonly string[],
  reading: DataReading,
  limits: DataLimits,
  limit = Infinity,
): Promise<SamplesFiles> {
  const opened = await openData(flag, files, limits, reading);
  const isArray = !opened.names && !opened.tables;
  const array = isArray ? asSamples(opened, (await reading.target())?.outputShape) : opened;
  const at = showFile(flag, files[0]!) + othersOf(files);
  const { count: total, shape } = about(at, () => splitSamples(array.shape));
  const dividedBy = array.type === "uint8" ? 255 : 1;
  return { flag, at, count: Math.min(total, limit), total, shape, dividedBy, array };
}

/** Returns an array with an axis for the samples before its own, if those are the axes of one sample. */
function asSamples(array: ArrayFile, outputShape: readonly number[] | undefined): ArrayFile {
  const { shape } = array;
  if (!outputShape || elementCount(shape.slice(1)) === elementCount(outputShape)) return array;
  const [own, wanted] = [shape, outputShape].map((lengths) => lengths.filter((length) => length !== 1));
  return String(own) === String(wanted) ? { ...array, shape: [1, ...shape] } : array;
}

/** Returns ` and 2 more` for the files after the first one; "" if there are none. */
export function othersOf(files: readonly string[]): string {
  return files.length > 1 ? ` and ${files.length - 1} more` : "";
}

/**
 * Reads the first `limit` samples of files into memory.
 *
 * @param flag option that names the files, for messages
 */
export async function readSamplesFiles(
  flag: string,
  paths: readonly string[],
  reading: DataReading,
  limits: DataLimits,
  limit?: number,
): Promise<SourcedData> {
  const files = await expandFiles(flag, paths);
  const [file] = files as [string];
  const source = (isStdin(file) ? "stdin" : shortPath(file)) + othersOf(files);
  const { array, ...samples } = await openSamples(flag, files, reading, limits, limit);
  const { at, count, shape } = samples;
  const dataset = createDataset(await readRows(at, array, count, limits), { shape });
  return { ...samples, source, dataset, array: array.names || array.tables ? array : undefined };
}

/** Reads `count` samples from index `first` on, [count, size of a sample]. Bytes are divided by 255. */
export async function readSamples(
  { array, shape }: SamplesFiles,
  first: number,
  count: number,
): Promise<Float32Array> {
  const size = elementCount(shape);
  const data = await array.read(first * size, (first + count) * size);
  return data instanceof Uint8Array ? scalePixels(data) : data;
}
