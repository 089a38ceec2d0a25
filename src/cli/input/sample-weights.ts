import { createHash } from "node:crypto";
import { basename } from "node:path";
import { invalidFile } from "../../base/refuse.ts";
import { showPath } from "../../base/show.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import { isReordered } from "../../graph/kind.ts";
import { findLayout, type PictureDecoder } from "../../images/picture.ts";
import type { Size } from "../../images/resample.ts";
import type { Decoder } from "../../index.ts";
import { say } from "../output/print.ts";
import { formatShare } from "../output/report.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { showFile } from "./files.ts";
import { type DataLimits, openData } from "./open-data.ts";
import { expandFiles, pairFiles } from "./pictures/expand-files.ts";
import type { WeightFlags } from "./pictures/picture-options.ts";
import { type NumbersFile, readNumbers, weightsOfMask, zeroShareIn } from "./sample-numbers.ts";
import { othersOf, type SamplesTaken } from "./samples.ts";

// Reads weights and masks of samples from files, or from the opacity of pictures.

/**
 * Opens weights or a mask: one number per value of a sample, shared by all samples, or one per value of every sample.
 * Without either, transparent and padding pixels of pictures have weight 0.
 *
 * @param flag option that gives the files, for messages
 * @param outputLayout layout of the decoder's output, for pictures
 * @returns undefined if no file is given and no pixel is transparent or padding
 * @throws LatentflowError if a file cannot be read, or its shape does not fit the samples
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
  const at = showFile(flag, files[0]!) + othersOf(files);
  const target = () => ({ outputShape: samples.shape, outputLayout });
  const as = isMask ? "mask" : "weight";
  const read = await openData(flag, files, limits, { target, fit, as, hides: maskHides });
  const array = forAllChannels(read, target(), samples.total);
  if (isMask) checkMaskShapes(flag, array, samples.array, target());
  const found = elementCount(array.shape);
  const isEach = found !== size;
  const ofAll = [samples.total, ...samples.shape];
  const expected = isEach ? ofAll : samples.shape;
  // In a transposed table, for example, another axis counts the samples.
  const isSampleFirst = !isEach || array.shape.length === 1 || array.shape[0] === samples.total;
  if (found === elementCount(expected) && isSampleFirst && !isReordered(array.shape, expected)) {
    const numbers: NumbersFile = { array, size, isEach, isMask, at };
    return withHiddenShare(flag, isMask ? withoutPadding(numbers, samples) : numbers, samples.count);
  }
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

/**
 * Repeats an array of height × width values, for all samples or for each, for all channels of pictures; returns any other array
 * unchanged.
 */
function forAllChannels(array: ArrayFile, decoder: PictureDecoder, total: number): ArrayFile {
  const layout = findLayout(decoder);
  const { height, width, channels } = layout ?? { height: 0, width: 0, channels: 1 };
  const own = String(withoutOnes(array.shape));
  const isOne = own === String(withoutOnes([height, width]));
  const isOfSample = own === String(withoutOnes(decoder.outputShape));
  if (
    !layout ||
    channels === 1 ||
    isOfSample ||
    !(isOne || own === String(withoutOnes([total, height, width])))
  )
    return array;
  const [pixels, size] = [height * width, height * width * channels];
  return {
    ...array,
    shape: isOne ? decoder.outputShape : [total, ...decoder.outputShape],
    async read(start, end) {
      const first = Math.floor(start / size);
      const planes = await array.read(first * pixels, Math.ceil(end / size) * pixels);
      const values =
        planes instanceof Uint8Array ? new Uint8Array(end - start) : new Float32Array(end - start);
      return values.map((_, i) => {
        const [sample, at] = [Math.floor((start + i) / size), (start + i) % size];
        const pixel = layout.isChannelsFirst ? at % pixels : Math.floor(at / channels);
        return planes[(sample - first) * pixels + pixel]!;
      });
    },
  };
}

/** Returns a shape without axes of length 1. */
function withoutOnes(shape: readonly number[]): number[] {
  return shape.filter((length) => length !== 1);
}

/**
 * Refuses mask pictures whose aspect ratio differs from that of the sample's picture: after scaling, a mask's pixels
 * would no longer lie on the picture's pixels that they mark. A mask of the decoder's size is also accepted.
 *
 * @param decoder shape of the samples
 */
function checkMaskShapes(
  flag: string,
  { names, sizes }: ArrayFile,
  pictures: ArrayFile | undefined,
  decoder: PictureDecoder,
): void {
  const layout = findLayout(decoder);
  if (!names || !sizes || !pictures?.sizes || !layout) return;
  const isForAll = sizes.length === 1;
  for (const [i, picture] of pictures.sizes.entries()) {
    const mask = sizes[isForAll ? 0 : i];
    if (!mask || isSameShape(mask, picture) || (mask.width === layout.width && mask.height === layout.height))
      continue;
    throw invalidFile(
      `${flag} ${showPath(names[isForAll ? 0 : i]!)}: the mask is ${mask.width} × ${mask.height} pixels, ` +
        `${showPath(pictures.names![i]!)} is ${picture.width} × ${picture.height}; give a mask of the picture's shape, or of ` +
        `the decoder's size, ${layout.width} × ${layout.height}`,
    );
  }
}

/** True if two pictures have the same aspect ratio, up to one pixel of the smaller one. */
function isSameShape(a: Size, b: Size): boolean {
  const [small, large] = a.height < b.height ? [a, b] : [b, a];
  return Math.abs((large.width * small.height) / large.height - small.width) < 1;
}

/**
 * Multiplies a mask by 0 in the padding of the samples' pictures, since a mask of the decoder's size need not hide the
 * padding.
 */
function withoutPadding(mask: NumbersFile, samples: SamplesTaken): NumbersFile {
  const unpadded = samples.array?.pictures?.unpadded;
  if (!unpadded) return mask;
  const { size, isEach } = mask;
  const array: ArrayFile = {
    ...unpadded,
    async read(start, end) {
      const weights = await unpadded.read(start, end);
      const given = weightsOfMask(
        await (isEach ? mask.array.read(start, end) : mask.array.read(0, size)),
        mask.at,
      );
      return weights.map((weight, i) => weight * given[isEach ? i : (start + i) % size]!);
    },
    async fingerprint() {
      const both = [await mask.array.fingerprint(), await unpadded.fingerprint()];
      return createHash("sha256").update(both.join()).digest("hex");
    },
  };
  return { ...mask, array, isEach: true };
}

/** Fraction of hidden values above which a mask is probably inverted. */
const NEARLY_ALL = 0.98;

/** Computes the fraction of values that a mask hides, and prints a warning if that is zero or close to one. */
async function withHiddenShare(flag: string, numbers: NumbersFile, count: number): Promise<NumbersFile> {
  if (!numbers.isMask || count === 0) return numbers;
  const hiddenShare = await zeroShareIn(numbers, count);
  const way = numbers.array.names
    ? "--mask-hides says which pixels of masks hide: black, white, transparent or painted"
    : "0 hides, and any other number is seen";
  if (hiddenShare === 0) say(`warning: ${flag}: nothing is hidden; ${way}`);
  if (hiddenShare > NEARLY_ALL)
    say(`warning: ${flag}: ${formatShare(hiddenShare)} of the values are hidden; ${way}`);
  return { ...numbers, hiddenShare };
}

/** Sorts picture files in the order of the samples, by name; prints a warning if the names do not match. */
function pairedFiles(flag: string, files: readonly string[], names: readonly string[] | undefined) {
  const { paired, doubtful } = pairFiles(files, names);
  if (doubtful !== undefined) {
    say(
      `warning: ${flag}: the files' names differ from those of the samples, so they are paired by position: ` +
        `${showPath(basename(paired[doubtful]!))} with ${showPath(basename(names![doubtful]!))}, say`,
    );
  }
  return paired;
}

/**
 * Reads the weights or the mask of all samples; returns undefined if no file is given and no pixel is transparent or
 * padding.
 *
 * @param flag option that gives the files, for messages
 */
export async function readWeightsOf(
  samples: SamplesTaken,
  flags: WeightFlags,
  outputLayout: Decoder["outputLayout"] | undefined,
  limits: DataLimits,
  flag = weightsFlag(flags),
): Promise<Float32Array | undefined> {
  const weights = await openWeights(flag, flags, samples, outputLayout, limits);
  return weights && readNumbers(weights, 0, samples.count);
}

/** Returns the option that gives the weights: `--mask` or `--weights`. */
export function weightsFlag({ mask }: WeightFlags): string {
  return mask ? "--mask" : "--weights";
}
