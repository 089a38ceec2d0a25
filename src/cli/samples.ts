import { invalidFile } from "../check.ts";
import { type DataArray, elementCount, showLengths } from "../data/array.ts";
import { scalePixels } from "../data/images.ts";
import type { Decoder } from "../index.ts";
import type { Limits } from "../source.ts";
import type { SourcedData } from "./data-source.ts";
import { limitsOf } from "./decoder-file.ts";
import { readArrayFile, showFile } from "./files.ts";

/** What there is of samples in a file. */
export interface SamplesTaken {
  /** How many are taken, the first ones, of how many the file holds. */
  readonly count: number;
  readonly total: number;
  /** The shape of one. */
  readonly shape: readonly number[];
}

/** The samples of a file that are to be encoded. */
export interface Samples extends SamplesTaken {
  readonly file: string;
  /** count × the decoder's output size. */
  readonly y: Float32Array;
  /** Whether the file holds bytes, which have been divided by 255. */
  readonly scaled: boolean;
}

/** What a file holds, of which the first samples are to be taken. */
export interface SamplesFile extends SamplesTaken {
  /** The flag that gives it, or what it is where none does. */
  readonly flag: string;
  readonly file: string;
  readonly data: DataArray["data"];
}

/**
 * Reads a file whose first axis counts samples, of which the first `limit` are to be taken.
 *
 * @param flag that gives the file, or what it is where none does
 * @throws LatentflowError when the file cannot be read, or its samples have no axis
 */
export async function readSamplesFile(
  flag: string,
  file: string,
  limits: Limits,
  limit = Infinity,
): Promise<SamplesFile> {
  const { shape, data } = await readArrayFile(flag, file, limits);
  const [total = 0, ...sampleShape] = shape;
  if (sampleShape.length === 0) {
    throw invalidFile(
      `${showFile(flag, file)}: its shape is ${showLengths(shape)}, expected an axis for the samples and at least ` +
        "one for their values; of one sample, numpy's y[None] is that",
    );
  }
  return { flag, file, count: Math.min(total, limit), total, shape: sampleShape, data };
}

/**
 * Its samples, for a decoder.
 *
 * @throws LatentflowError when they are not of the size of its output
 */
export function takeSamples(
  { flag, data, ...taken }: SamplesFile,
  { outputSize, outputShape }: Decoder,
  points: number | undefined,
): Samples {
  const { file, count, shape } = taken;
  if (elementCount(shape) !== outputSize) {
    const why = points === undefined ? "" : ` at ${points} points, ${showLengths(outputShape)}`;
    throw invalidFile(
      `${showFile(flag, file)}: its samples are ${showLengths(shape)}, the decoder's output has ${outputSize} values${why}`,
    );
  }
  checkOrder(showFile(flag, file), shape, outputShape);
  return { ...taken, ...toFloat(data.subarray(0, count * outputSize)) };
}

/** Refuses pictures whose channels lie at the other end: nothing else would tell. */
function checkOrder(at: string, shape: readonly number[], outputShape: readonly number[]): void {
  const isSame = String(shape) === String(outputShape);
  if (isSame || shape.length !== 3 || outputShape.length !== 3) return;
  const [first, second, third] = shape;
  const others = [
    [third, first, second],
    [second, third, first],
  ];
  if (!others.some((other) => String(other) === String(outputShape))) return;
  throw invalidFile(
    `${at}: its samples are ${showLengths(shape)}, the decoder's output is ${showLengths(outputShape)}; put the axes in ` +
      "this order, by numpy's moveaxis, or give --layout for an ONNX file",
  );
}

function toFloat(data: DataArray["data"]): { y: Float32Array; scaled: boolean } {
  return data instanceof Uint8Array ? { y: scalePixels(data), scaled: true } : { y: data, scaled: false };
}

/**
 * Reads weights for these samples: one per value of a sample, or one per value of each sample in their file.
 * Bytes are taken as they are, so that a mask may be 0 and 1.
 *
 * @throws LatentflowError when the file cannot be read or holds another number of weights
 */
export async function readWeights(
  file: string,
  samples: SamplesTaken,
  limits: Limits,
): Promise<Float32Array> {
  const { shape, data } = await readArrayFile("--weights", file, limits);
  const sampleSize = elementCount(samples.shape);
  const weights = Float32Array.from(data);
  if (weights.length === sampleSize) return weights;
  if (weights.length === samples.total * sampleSize) return weights.subarray(0, samples.count * sampleSize);
  throw invalidFile(
    `${showFile("--weights", file)}: its shape is ${showLengths(shape)}, expected ${showLengths(samples.shape)} ` +
      `or ${showLengths([samples.total, ...samples.shape])}, as the data have`,
  );
}

/** The weights of a data set's samples, where the options name a file of them. */
export async function readWeightsOf(
  { dataset: { count, shape }, total }: SourcedData,
  options: { readonly weights?: string; readonly maxBytes?: number },
  signal: AbortSignal,
): Promise<Float32Array | undefined> {
  if (options.weights === undefined) return undefined;
  return readWeights(options.weights, { count, shape, total }, limitsOf(options, signal));
}

/**
 * Reads a file of codes, as encode and train write them.
 *
 * @returns count × latentSize values
 * @throws LatentflowError when the file cannot be read or is not of this latent size
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

/**
 * Reads where the flows of these samples start: a latent for each of them, or for each in their file.
 *
 * @throws LatentflowError when the file cannot be read or holds another number of latents
 */
export async function readZ0(
  file: string,
  { count, total }: SamplesTaken,
  latentSize: number,
  limits: Limits,
): Promise<Float32Array> {
  const { shape, data } = await readArrayFile("--z0", file, limits);
  const isOfSamples = shape[0] === count || shape[0] === total;
  if (data instanceof Float32Array && shape.length === 2 && shape[1] === latentSize && isOfSamples) {
    return data.subarray(0, count * latentSize);
  }
  throw invalidFile(
    `${showFile("--z0", file)}: its shape is ${showLengths(shape)} of ${data instanceof Float32Array ? "floats" : "bytes"}, expected ` +
      `floats, ${showLengths([count, latentSize])} (the samples and the decoder's latent size), as encode writes them`,
  );
}
