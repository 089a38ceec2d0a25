import { invalidFile } from "../../base/refuse.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import type { Limits } from "../../files/limits.ts";
import { type DataLimits, openArray } from "./array-files/open.ts";
import type { SamplesTaken } from "./data-source.ts";
import { readArrayFile, showFile } from "./files.ts";
import { blocksOfNumbers, type NumbersFile, readNumbers } from "./sample-numbers.ts";

// Latents from files: codes that were found before, and starts of flows.

/**
 * Reads a file of codes, as encode and train write them.
 *
 * @param mostAxes 3 for codes drawn for each sample, samples × draws × latent size, too
 * @returns count × latentSize values
 * @throws LatentflowError if the file cannot be read, or is for another latent size
 */
export async function readCodes(
  flag: string,
  file: string,
  latentSize: number,
  limits: Limits,
  mostAxes: 2 | 3 = 2,
): Promise<{ readonly values: Float32Array; readonly count: number }> {
  const { shape, data } = await readArrayFile(flag, file, limits);
  const isOfCodes = shape.length >= 2 && shape.length <= mostAxes && shape.at(-1) === latentSize;
  if (data instanceof Float32Array && isOfCodes)
    return { values: data, count: elementCount(shape.slice(0, -1)) };
  throw invalidFile(
    `${showFile(flag, file)}: its shape is ${showLengths(shape)} of ${data instanceof Float32Array ? "floats" : "bytes"}, ` +
      `expected floats, any number × ${latentSize} (the decoder's latent size)`,
  );
}

/** Reads the starts of all samples; undefined without a file. */
export async function readZ0Of(
  samples: SamplesTaken,
  latentSize: number,
  file: string | undefined,
  limits: DataLimits,
): Promise<Float32Array | undefined> {
  if (file === undefined) return undefined;
  return readNumbers(await openZ0(file, samples, latentSize, limits), 0, samples.count);
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

/** Refuses numbers that are not finite, before a run that may take hours until their sample. */
async function checkFiniteNumbers(at: string, numbers: NumbersFile, count: number): Promise<void> {
  const { isEach, size } = numbers;
  for await (const [first, values] of blocksOfNumbers(numbers, count)) {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const sample = isEach ? `sample ${first + Math.floor(bad / size)}, ` : "";
    throw invalidFile(`${at} has ${values[bad]} at ${sample}element ${bad % size}, expected finite numbers`);
  }
}
