import { invalidFile } from "../../base/refuse.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import { showFile } from "./files.ts";
import { type DataLimits, openData, readRows } from "./open-data.ts";
import { blocksOfNumbers, type NumbersFile, readNumbers } from "./sample-numbers.ts";
import type { SamplesTaken } from "./samples.ts";

// Latents read from files: known codes, and start vectors z₀ of flows.

/**
 * Reads a file of codes, as `encode` and `train` write them.
 *
 * @param mostAxes maximum number of axes; 3 also accepts several codes drawn for each sample, samples × draws × latent
 *   size
 * @param limit number of codes needed; the rest of the file is not read
 * @returns the first codes, at least `limit` of them if there are so many, [codes, latentSize], and the number in the file
 * @throws LatentflowError if the file cannot be read, or the latent size differs
 */
export async function readCodes(
  flag: string,
  file: string,
  latentSize: number,
  limits: DataLimits,
  mostAxes: 2 | 3 = 2,
  limit = Number.POSITIVE_INFINITY,
): Promise<{ readonly values: Float32Array; readonly count: number }> {
  const at = showFile(flag, file);
  const array = await openData(flag, [file], limits);
  const { shape, type } = array;
  const isOfCodes = shape.length >= 2 && shape.length <= mostAxes && shape.at(-1) === latentSize;
  if (type !== "uint8" && isOfCodes) {
    const codesInRow = elementCount(shape.slice(1, -1));
    const rows = Math.min(shape[0]!, Math.ceil(limit / codesInRow));
    const values = await readRows(at, array, rows, limits);
    if (values instanceof Float32Array) return { values, count: shape[0]! * codesInRow };
  }
  throw invalidFile(
    `${at}: its shape is ${showLengths(shape)} of ${type === "uint8" ? "bytes" : "floats"}, ` +
      `expected floats, any number × ${latentSize} (the decoder's latent size)`,
  );
}

/** Reads the start vectors z₀ of all samples, one row or one per sample; undefined without a file. */
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
 * Opens a file of start vectors z₀: one for all samples, one per sample used, or one per sample in the data file.
 *
 * @param count number of samples used
 * @param total number of samples in the data file
 * @throws LatentflowError if the file cannot be read, has another number of vectors, or values that are not finite
 */
export async function openZ0(
  file: string,
  { count, total }: Pick<SamplesTaken, "count" | "total">,
  latentSize: number,
  limits: DataLimits,
): Promise<NumbersFile> {
  const array = await openData("--z0", [file], limits);
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

/** Throws if a number is not finite. Called before the run, which may take hours to reach the sample with that number. */
async function checkFiniteNumbers(at: string, numbers: NumbersFile, count: number): Promise<void> {
  const { isEach, size } = numbers;
  for await (const [first, values] of blocksOfNumbers(numbers, count)) {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const sample = isEach ? `sample ${first + Math.floor(bad / size)}, ` : "";
    throw invalidFile(`${at} has ${values[bad]} at ${sample}element ${bad % size}, expected finite numbers`);
  }
}
