import { basename, extname } from "node:path";
import { invalidFile, showPath } from "../../base/check.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import { scalePixels } from "../../files/images.ts";
import type { Limits } from "../../files/limits.ts";
import { isReordered } from "../../graph/kind.ts";
import type { Decoder } from "../../index.ts";
import type { Dataset } from "../../train/dataset.ts";
import { say } from "../output/print.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { type DataLimits, openArray, rowsOf } from "./array-files/open.ts";
import type { SourcedData } from "./data-source.ts";
import { limitsOf } from "./decoder-file.ts";
import { readArrayFile, showFile } from "./files.ts";
import { type FixedInputs, type FixedSource, planFixedInputs, readFixedInputs } from "./fixed-inputs.ts";
import { expandFiles } from "./pictures/expand-files.ts";
import { openData, type PictureReading } from "./pictures/open-pictures.ts";
import type { PictureFlags } from "./pictures/picture-options.ts";

/** Samples that are taken from a file. */
export interface SamplesTaken {
  /** Number of samples taken, the first ones. */
  readonly count: number;
  /** Number of samples in the file. */
  readonly total: number;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Array of the samples; undefined for samples in memory that are no pictures. */
  readonly array?: ArrayFile | undefined;
}

/** Samples of files, read a block at a time. */
export interface SamplesFiles extends SamplesTaken {
  /** Flag that gives the files, or a name for the samples if no flag does. */
  readonly flag: string;
  /** Beginning of messages. */
  readonly at: string;
  /** Divisor of the values: 255 for bytes, else 1. */
  readonly dividedBy: Dataset["dividedBy"];
  readonly array: ArrayFile;
}

/**
 * Opens files whose first axis counts samples, to take the first `limit`.
 *
 * @param flag flag that gives the files, or a name for the samples if no flag does
 * @throws LatentflowError if a file cannot be read, or its samples have no axis
 */
export async function openSamples(
  flag: string,
  files: readonly string[],
  pictures: PictureReading,
  limits: DataLimits,
  limit = Infinity,
): Promise<SamplesFiles> {
  const array = await openData(flag, files, limits, pictures);
  const at = showFile(flag, files[0]!) + (files.length > 1 ? `, and ${files.length - 1} more` : "");
  const { count: total, shape } = rowsOf(at, array);
  const dividedBy = array.type === "uint8" ? 255 : 1;
  return { flag, at, count: Math.min(total, limit), total, shape, dividedBy, array };
}

/**
 * Refuses samples that differ from a decoder's output in size, or in the order of their axes.
 *
 * @param at beginning of messages
 * @param points number of points that sized the decoder, if it is over points
 */
export function checkSamples(
  at: string,
  shape: readonly number[],
  { outputSize, outputShape }: Decoder,
  points: number | undefined,
): void {
  const samples = `${at}: its samples are ${showLengths(shape)}`;
  if (elementCount(shape) !== outputSize) {
    const why = points === undefined ? "" : ` at ${points} points, ${showLengths(outputShape)}`;
    throw invalidFile(`${samples}, the decoder's output has ${outputSize} values${why}`);
  }
  if (isReordered(shape, outputShape)) {
    throw invalidFile(
      `${samples}, the decoder's output is ${showLengths(outputShape)}; put the axes in this order, by numpy's moveaxis, ` +
        "or give --layout for an ONNX file",
    );
  }
}

/**
 * Reads the fixed inputs of a data set's samples, and checks the samples by the decoder for their number of points.
 *
 * @param points value of --points, if it is given
 */
export async function readFixedOf(
  { dataset: { count, shape }, total, flag, at }: SourcedData,
  decoder: Decoder,
  sources: readonly FixedSource[],
  points: number | undefined,
): Promise<FixedInputs> {
  const rows = { count, total, samples: { flag, shape } };
  const fixed = await readFixedInputs(planFixedInputs(decoder, sources, points, rows), 0, count);
  checkSamples(at, shape, fixed.decoder, fixed.points);
  return fixed;
}

/** Reads samples: count × their size. */
export async function readSamples(
  { array, shape }: SamplesFiles,
  first: number,
  count: number,
): Promise<Float32Array> {
  const size = elementCount(shape);
  const data = await array.read(first * size, (first + count) * size);
  return data instanceof Uint8Array ? scalePixels(data) : data;
}

/** Options of weights, as commander returns them: a file, or a mask. */
export interface WeightFlags extends PictureFlags {
  readonly weights?: string;
}

/** Numbers that come with samples, read a block at a time. */
export interface NumbersFile {
  readonly array: ArrayFile;
  /** True if each sample has a row of its own; false if all share one. */
  readonly isEach: boolean;
  readonly size: number;
  /** True for a mask, of which any other number than 0 is 1. */
  readonly isMask?: boolean;
  /** Beginning of messages, of weights and masks. */
  readonly at?: string;
}

/**
 * Opens weights of samples, or a mask: one per value of a sample, or one per value of each sample in their files. Without
 * either, transparent pixels of pictures have weight 0.
 *
 * @param flag flag that gives the files
 * @param outputLayout of the decoder, for pictures
 * @returns undefined without files and transparent pixels
 * @throws LatentflowError if a file cannot be read, or the shape does not fit the samples
 */
export async function openWeights(
  flag: string,
  { weights, mask, maskHides, fit }: WeightFlags,
  samples: SamplesTaken,
  outputLayout: Decoder["outputLayout"] | undefined,
  limits: DataLimits,
): Promise<NumbersFile | undefined> {
  const given = mask ?? (weights === undefined ? undefined : [weights]);
  const size = elementCount(samples.shape);
  if (!given) {
    const seen = samples.array?.pictures?.seen;
    return seen && { array: seen, size, isEach: true, isMask: true };
  }
  const isMask = mask !== undefined;
  const files = pairedFiles(flag, await expandFiles(flag, given), samples.array?.names);
  const at = showFile(flag, files[0]!) + (files.length > 1 ? ` and ${files.length - 1} more` : "");
  const target = () => ({ outputShape: samples.shape, outputLayout });
  const as = isMask ? "mask" : "weight";
  const array = await openData(flag, files, limits, {
    target,
    fit,
    as,
    ...(maskHides && { hides: maskHides }),
  });
  const found = elementCount(array.shape);
  const isEach = found !== size;
  const ofAll = [samples.total, ...samples.shape];
  const expected = isEach ? ofAll : samples.shape;
  // A transposed table, say, has its samples on another axis.
  const isSampleFirst = !isEach || array.shape.length === 1 || array.shape[0] === samples.total;
  if (found === elementCount(expected) && isSampleFirst && !isReordered(array.shape, expected))
    return { array, size, isEach, isMask, at };
  if (array.names && files.length !== samples.total) {
    throw invalidFile(
      `${at}: there are ${files.length} pictures, expected 1, for all samples, or ${samples.total}, one for each`,
    );
  }
  throw invalidFile(
    `${at}: ${files.length > 1 ? "their" : "its"} shape is ${showLengths(array.shape)}, expected ${showLengths(samples.shape)} ` +
      `or ${showLengths(ofAll)}, as the data have`,
  );
}

/** Name of a file without its folder and its ending. */
const stem = (path: string) => basename(path, extname(path));

/**
 * Orders files of pictures by the samples' names, if both have the same names, without folders and endings. Else files are
 * paired by position, and a warning is printed if their names differ.
 */
function pairedFiles(flag: string, files: readonly string[], names: readonly string[] | undefined) {
  if (!names || files.length < 2 || files.length !== names.length) return files;
  const odd = files.findIndex((file, i) => stem(file) !== stem(names[i]!));
  if (odd < 0) return files;
  const byStem = new Map(files.map((file) => [stem(file), file]));
  const paired = names.map((name) => byStem.get(stem(name)));
  if (new Set(paired).size === names.length && !paired.includes(undefined)) return paired as string[];
  say(
    `warning: ${flag}: the files' names differ from those of the samples, so they are paired by position: ` +
      `${showPath(basename(files[odd]!))} with ${showPath(basename(names[odd]!))}, say`,
  );
  return files;
}

/** Reads the numbers of samples. Bytes are not divided, so that they may be 0 and 1. */
export async function readNumbers(
  { array, isEach, size, isMask, at }: NumbersFile,
  first: number,
  count: number,
): Promise<Float32Array> {
  const data = await (isEach ? array.read(first * size, (first + count) * size) : array.read(0, size));
  if (isMask) return Float32Array.from(data, (value) => (value ? 1 : 0));
  const odd = at && data instanceof Uint8Array ? data.findIndex((value) => value > 1) : -1;
  if (odd >= 0) {
    const element = `element ${odd % size}${isEach ? ` of sample ${first + Math.floor(odd / size)}` : ""}`;
    throw invalidFile(
      `${at} has ${data[odd]} at ${element}, expected bytes of 0 and 1; give a mask by --mask, or save floats`,
    );
  }
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/** Reads the weights or the mask of a data set's samples; undefined without a file and transparent pixels. */
export async function readWeightsOf(
  { dataset: { count, shape }, total, array }: SourcedData,
  flags: WeightFlags,
  outputLayout: Decoder["outputLayout"] | undefined,
  limits: DataLimits,
  flag = weightsFlag(flags),
): Promise<Float32Array | undefined> {
  const weights = await openWeights(flag, flags, { count, shape, total, array }, outputLayout, limits);
  return weights && readNumbers(weights, 0, count);
}

/** Flag that gives the weights. */
export function weightsFlag({ mask }: WeightFlags): string {
  return mask ? "--mask" : "--weights";
}

/**
 * Reads a file of codes, as encode and train write them.
 *
 * @returns count × latentSize values
 * @throws LatentflowError if the file cannot be read, or is for another latent size
 */
export async function readCodes(
  flag: string,
  file: string,
  latentSize: number,
  limits: Limits,
): Promise<{ readonly values: Float32Array; readonly count: number }> {
  const { shape, data } = await readArrayFile(flag, file, limits);
  const [count = 0, size] = shape;
  if (data instanceof Float32Array && shape.length === 2 && size === latentSize)
    return { values: data, count };
  throw invalidFile(
    `${showFile(flag, file)}: its shape is ${showLengths(shape)} of ${data instanceof Float32Array ? "floats" : "bytes"}, ` +
      `expected floats, any number × ${latentSize} (the decoder's latent size)`,
  );
}

/** Reads the starts of a data set's samples; undefined without a file. */
export async function readZ0Of(
  { dataset: { count }, total }: SourcedData,
  latentSize: number,
  options: { readonly z0?: string; readonly maxBytes?: number },
  signal: AbortSignal,
): Promise<Float32Array | undefined> {
  if (options.z0 === undefined) return undefined;
  const z0 = await openZ0(options.z0, { count, total }, latentSize, limitsOf(options, signal));
  return readNumbers(z0, 0, count);
}

/**
 * Opens the starts of samples: a latent for all, for each sample taken, or for each in their file.
 *
 * @throws LatentflowError if the file cannot be read, holds another number of latents, or values that are not finite
 */
export async function openZ0(
  file: string,
  { count, total }: Pick<SamplesTaken, "count" | "total">,
  latentSize: number,
  limits: DataLimits,
): Promise<NumbersFile> {
  const array = await openArray("--z0", file, limits);
  const { shape, type } = array;
  const [rows = 1] = shape.length === 1 ? [] : shape;
  const isOfLatents = type !== "uint8" && shape.length <= 2 && shape.at(-1) === latentSize;
  const isEach = rows === count || rows === total;
  if (isOfLatents && (isEach || rows === 1)) {
    const z0 = { array, size: latentSize, isEach };
    await checkFiniteNumbers(showFile("--z0", file), z0, count);
    return z0;
  }
  throw invalidFile(
    `${showFile("--z0", file)}: its shape is ${showLengths(shape)} of ${type === "uint8" ? "bytes" : "floats"}, expected ` +
      `floats, ${showLengths([count, latentSize])} (the samples and the decoder's latent size), as encode writes them, ` +
      `or ${showLengths([1, latentSize])}, one latent for all`,
  );
}

/** Values that are checked at once. */
const VALUES_AT_ONCE = 2 ** 20;

/** Refuses numbers that are not finite, before a run that may take hours until their sample. */
async function checkFiniteNumbers(at: string, numbers: NumbersFile, count: number): Promise<void> {
  const { isEach, size } = numbers;
  const rows = isEach ? count : 1;
  const atOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / size));
  for (let first = 0; first < rows; first += atOnce) {
    const values = await readNumbers(numbers, first, Math.min(atOnce, rows - first));
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const sample = isEach ? `sample ${first + Math.floor(bad / size)}, ` : "";
    throw invalidFile(`${at} has ${values[bad]} at ${sample}element ${bad % size}, expected finite numbers`);
  }
}
