import { invalidFile } from "../../base/refuse.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import { scalePixels } from "../../files/images.ts";
import { isReordered } from "../../graph/kind.ts";
import type { Decoder } from "../../index.ts";
import type { Dataset } from "../../train/dataset.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { type DataLimits, rowsOf } from "./array-files/open.ts";
import type { SamplesTaken } from "./data-source.ts";
import { showFile } from "./files.ts";
import {
  type FixedInputs,
  type FixedInputsPlan,
  type FixedSource,
  planFixedInputs,
  readFixedInputs,
} from "./fixed-inputs.ts";
import { openData } from "./open-data.ts";
import type { PictureReading } from "./pictures/open-pictures.ts";

/** Samples in files, read a block at a time. */
export interface SamplesFiles extends SamplesTaken {
  /** Divisor that scales the values of samples: 255 for bytes, else 1. */
  readonly dividedBy: Dataset["dividedBy"];
  readonly array: ArrayFile;
}

/**
 * Opens files of samples; the first `limit` samples are used. The first axis counts samples.
 *
 * @param flag option that names the files, or a phrase for the samples if they come from no option
 * @throws LatentflowError if a file cannot be read, or its array has only one axis
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
 * Refuses samples whose size, or order of axes, differs from that of the decoder's output for the samples' number of
 * points (coordinates at which the decoder is evaluated), if it has points.
 *
 * @throws LatentflowError `invalid_file`
 */
export function checkSamples({ at, shape }: SamplesTaken, { decoder, points }: FixedInputsPlan): void {
  const { latentSize, outputSize, outputShape } = decoder;
  const samples = `${at}: its samples are ${showLengths(shape)}`;
  if (elementCount(shape) !== outputSize) {
    const why = points === undefined ? "" : ` at ${points} points, ${showLengths(outputShape)}`;
    const isEncoder = elementCount(shape) === latentSize;
    const advice = isEncoder ? `, its latent ${latentSize}, as an encoder has them; give the decoder` : "";
    throw invalidFile(`${samples}, the decoder's output has ${outputSize} values${why}${advice}`);
  }
  if (isReordered(shape, outputShape)) {
    throw invalidFile(
      `${samples}, the decoder's output is ${showLengths(outputShape)}; put the axes in this order, by numpy's moveaxis, ` +
        "or give --layout for an ONNX file",
    );
  }
}

/**
 * Reads the fixed inputs of all samples into memory, and checks that the samples fit the decoder at their number of
 * points (coordinates at which the decoder is evaluated).
 *
 * @param points value of `--points`, if given
 */
export async function readFixedOf(
  samples: SamplesTaken,
  decoder: Decoder,
  sources: readonly FixedSource[],
  points: number | undefined,
): Promise<FixedInputs> {
  const plan = planFixedInputs(decoder, sources, points, samples);
  const fixed = await readFixedInputs(plan, 0, samples.count);
  checkSamples(samples, fixed);
  return fixed;
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
