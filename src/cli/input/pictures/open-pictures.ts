import { createHash } from "node:crypto";
import { inTurns } from "../../../base/event-loop.ts";
import { throwIfAborted } from "../../../base/realms.ts";
import { invalid, invalidFile } from "../../../base/refuse.ts";
import { elementCount, showLengths } from "../../../files/array.ts";
import type { Limits } from "../../../files/limits.ts";
import { convertImages, convertMasks, HIDES } from "../../../images/from-image-data.ts";
import type {
  Fit,
  FromImageDataOptions,
  ImageDataLike,
  MaskOptions,
  PictureDecoder,
} from "../../../images/index.ts";
import { findLayout, type PictureLayout, placeOf } from "../../../images/picture.ts";
import { type Box, drawnBox, type Size } from "../../../images/resample.ts";
import type { ArrayFile, PicturesRead } from "../array-files/array-file.ts";
import { shortPath, showFile } from "../files.ts";
import { expandFiles, pairFiles } from "./expand-files.ts";
import { bytesOf, headerOf, isPictureFile, type PictureHeader, readImage } from "./picture-file.ts";

/** Settings for reading picture files as samples, as weights or as masks. */
export interface PictureReading {
  /**
   * Returns the shape of a sample, which pictures are scaled to, or undefined to use the pictures' own. Called only if
   * there are pictures.
   */
  readonly target: () => Promise<PictureDecoder | undefined> | PictureDecoder | undefined;
  readonly fit?: Fit | undefined;
  readonly invert?: boolean | undefined;
  /**
   * Meaning of the pixels: values of a sample, weights, or a mask. Transparent pixels of weights are 0. Default
   * `"sample"`.
   */
  readonly as?: "sample" | "weight" | "mask";
  /** Pixels of a mask that mark hidden pixels. Default `"black"`. */
  readonly hides?: MaskOptions["hides"];
  /** Masks of the samples, used when pictures are scaled, so that hidden pixels do not mix into others. Default: none. */
  readonly masks?: SampleMasks | undefined;
}

/** Masks that mark the hidden pixels of samples that are read from pictures. */
export interface SampleMasks {
  /** Option that gives the masks, for messages. */
  readonly flag: string;
  /** Files, folders and patterns of the masks; undefined if the samples' own opacity is the mask. */
  readonly files?: readonly string[] | undefined;
  readonly hides: MaskOptions["hides"];
}

/**
 * Opens picture files as one array with a row per file. The sizes of all are checked before the pixels of any are
 * decoded.
 *
 * @throws LatentflowError if a file is not a picture, or a size differs from the samples' and `fit` is not given
 */
export async function openPictures(
  flag: string,
  paths: readonly string[],
  reading: PictureReading,
  limits: Limits,
): Promise<ArrayFile> {
  const headers: PictureHeader[] = [];
  for (const path of paths) {
    throwIfAborted(limits.signal);
    headers.push(await headerOf(showFile(flag, path), path, limits));
  }
  const { fit } = reading;
  const decoder = shapeFor(flag, headers[0]!, await reading.target(), fit);
  const layout = findLayout(decoder)!;
  const files: PictureFiles = { ...reading, flag, paths, headers, decoder, layout, limits };
  const odd = headers.findIndex((size) => isScaled(files, size));
  if (odd >= 0 && fit === undefined) {
    const [found, others] = [headers[odd]!, odd > 0 ? `, as ${showFile(flag, paths[0]!)}` : ""];
    throw invalidFile(
      `${showFile(flag, paths[odd]!)}: the picture is ${found.width} × ${found.height} pixels, expected ` +
        `${layout.width} × ${layout.height}${others}; give --fit contain, cover or stretch to scale it`,
    );
  }
  return ARRAYS[reading.as ?? "sample"](files);
}

/** Picture files with their headers, how they are read, and the shape of the samples that they are converted to. */
interface PictureFiles extends PictureReading {
  readonly flag: string;
  readonly paths: readonly string[];
  readonly headers: readonly PictureHeader[];
  readonly decoder: PictureDecoder;
  readonly layout: PictureLayout;
  readonly limits: Limits;
}

/** Functions that open picture files as an array, by what pixels stand for. */
const ARRAYS = { sample: sampleArray, weight: weightArray, mask: maskArray };

async function sampleArray(files: PictureFiles): Promise<ArrayFile> {
  const { paths, headers, layout, limits } = files;
  // For a decoder with an opacity channel, opacity is one of the values and hides nothing.
  const masks = layout.channels === 4 && !files.masks?.files ? undefined : files.masks;
  const maskFiles =
    masks && headers.some((size) => isScaled(files, size)) ? await maskFilesOf(masks, paths) : [];
  const array = arrayOf(files, "sample", async (i) => {
    const image = await imageOf(files, i);
    const maskFile = maskFiles.length > 1 ? maskFiles[i] : maskFiles[0];
    if (maskFile === undefined || !isScaled(files, image)) return sampleOf(files, image);
    const mask =
      maskFile === paths[i] ? image : await readImage(showFile(masks!.flag, maskFile), maskFile, limits);
    // A mask whose size differs from the picture's applies to the scaled sample only, not to the pixels before scaling.
    const isOwnSize = mask.width === image.width && mask.height === image.height;
    return sampleOf(files, image, isOwnSize ? { mask, hides: masks!.hides } : {});
  });
  return { ...array, pictures: await factsOf(files) };
}

function weightArray(files: PictureFiles): ArrayFile {
  return arrayOf(files, "weight", async (i) => sampleOf(files, await imageOf(files, i), { background: 0 }));
}

function maskArray(files: PictureFiles): ArrayFile {
  const { hides = "black" } = files;
  return arrayOf(files, `mask, ${hides} hides`, async (i) => {
    const weights = await weightsOf(files, i, hides);
    if (weights.includes(1)) return weights;
    throw invalidFile(
      `${showFile(files.flag, files.paths[i]!)}: the mask hides all pixels, as it is read with --mask-hides ${hides}; ` +
        `give another of ${HIDES.choices!.join(", ")}`,
    );
  });
}

/** Counts transparent and padding pixels of samples, and makes arrays of weights that are 0 there. */
async function factsOf(files: PictureFiles): Promise<PicturesRead> {
  const { flag, paths, headers, layout, limits, fit } = files;
  const { channels } = layout;
  const pixels = layout.width * layout.height;
  const boxes = headers.map((size) => drawnBox(size, layout, fit ?? "stretch"));
  const padded = boxes.map(({ width, height }) => pixels - width * height);
  const opacityOf = (i: number) => weightsOf(files, i, "transparent");
  const transparent: number[] = [];
  for (const [i, { mayBeTransparent }] of headers.entries()) {
    throwIfAborted(limits.signal);
    const isCounted = channels < 4 && mayBeTransparent;
    const hidden = isCounted
      ? (await opacityOf(i)).filter((value) => value === 0).length / channels
      : padded[i]!;
    transparent.push(hidden - padded[i]!);
  }
  const inBox = async (i: number) => boxWeights(boxes[i]!, layout);
  const seen = async (i: number) => {
    if (transparent[i] === 0) return inBox(i);
    if (transparent[i]! + padded[i]! < pixels) return opacityOf(i);
    throw invalidFile(
      `${showFile(flag, paths[i]!)}: all pixels are transparent, expected some that are seen; leave the picture out`,
    );
  };
  const hasPadding = padded.some((count) => count > 0);
  const hasHidden = hasPadding || transparent.some((count) => count > 0);
  return {
    transparent,
    padded,
    seen: hasHidden ? arrayOf(files, "opacity", seen) : undefined,
    unpadded: hasPadding ? arrayOf(files, "padding", inBox) : undefined,
    madeGrey: headers.map(({ isGrey }) => channels === 1 && !isGrey),
    boxes,
  };
}

/**
 * Makes an array whose rows are computed from one picture each.
 *
 * @param kind distinguishes its fingerprint from those of other arrays made of the same files
 * @param rowOf returns the values of a row
 */
function arrayOf(
  { flag, paths, headers, decoder, limits, fit, invert }: PictureFiles,
  kind: string,
  rowOf: (index: number) => Promise<Float32Array>,
): ArrayFile {
  const size = elementCount(decoder.outputShape);
  return {
    shape: [paths.length, ...decoder.outputShape],
    type: "float32",
    names: paths.map(shortPath),
    sizes: headers,
    async read(start, end) {
      const values = new Float32Array(end - start);
      for (let i = Math.floor(start / size); i * size < end; i++) {
        throwIfAborted(limits.signal);
        const row = await rowOf(i);
        const [from, to] = [Math.max(start, i * size), Math.min(end, (i + 1) * size)];
        values.set(row.subarray(from - i * size, to - i * size), from - start);
      }
      return values;
    },
    async fingerprint() {
      const reading = { shape: decoder.outputShape, layout: decoder.outputLayout, fit, invert, as: kind };
      const hash = createHash("sha256").update(JSON.stringify(reading));
      for (const path of paths) {
        throwIfAborted(limits.signal);
        const bytes = await bytesOf(showFile(flag, path), path, limits);
        hash.update(createHash("sha256").update(bytes).digest());
      }
      return hash.digest("hex");
    },
  };
}

function isScaled({ layout }: PictureFiles, { width, height }: Size): boolean {
  return width !== layout.width || height !== layout.height;
}

/** Decodes the picture with index `i`; throws if its size is no longer that of the header, by which it is placed. */
async function imageOf({ flag, paths, headers, limits }: PictureFiles, i: number): Promise<ImageDataLike> {
  const where = showFile(flag, paths[i]!);
  const image = await readImage(where, paths[i]!, limits);
  const header = headers[i]!;
  if (image.width === header.width && image.height === header.height) return image;
  throw invalidFile(
    `${where}: the picture is ${image.width} × ${image.height} pixels, and was ${header.width} × ${header.height} when ` +
      "it was opened; do not change it during the run",
  );
}

/** Converts a picture to a sample. */
function sampleOf(
  { decoder, fit, invert, limits }: PictureFiles,
  image: ImageDataLike,
  more: FromImageDataOptions = {},
): Promise<Float32Array> {
  return inTurns(convertImages(image, decoder, { fit, invert, ...more }), limits.signal);
}

/** Converts the picture with index `i` to weights of 0 and 1. */
async function weightsOf(files: PictureFiles, i: number, hides: MaskOptions["hides"]): Promise<Float32Array> {
  const { decoder, fit, limits } = files;
  return inTurns(convertMasks(await imageOf(files, i), decoder, { fit, hides }), limits.signal);
}

/**
 * Returns the mask file of each sample, or one for all: the pictures themselves if their opacity is the mask; none if the
 * masks are array files.
 */
async function maskFilesOf(
  { flag, files }: SampleMasks,
  pictures: readonly string[],
): Promise<readonly string[]> {
  if (!files) return pictures;
  // Skipped files are reported later, when the masks are read as weights.
  const { paired } = pairFiles(await expandFiles(flag, files, () => {}), pictures);
  return (await isPictureFile(paired[0]!)) ? paired : [];
}

/** Returns the weights of a sample in which the picture covers a box: 1 in the box, 0 in the padding around it. */
function boxWeights({ left, top, width, height }: Box, layout: PictureLayout): Float32Array {
  const weights = new Float32Array(layout.width * layout.height * layout.channels);
  for (let pixel = 0; pixel < layout.width * layout.height; pixel++) {
    const [x, y] = [(pixel % layout.width) - left, Math.floor(pixel / layout.width) - top];
    if (x < 0 || x >= width || y < 0 || y >= height) continue;
    for (let channel = 0; channel < layout.channels; channel++) weights[placeOf(layout, pixel, channel)] = 1;
  }
  return weights;
}

/**
 * Returns the shape of samples read from pictures: the decoder's or, if its output is not a picture, that of the first
 * picture.
 *
 * @throws LatentflowError if `fit` is given and the decoder's output is not a picture
 */
function shapeFor(
  flag: string,
  { width, height, isGrey }: PictureHeader,
  decoder: PictureDecoder | undefined,
  fit: Fit | undefined,
): PictureDecoder {
  if (decoder && findLayout(decoder)) return decoder;
  if (fit !== undefined) {
    const found = decoder ? `the decoder's output is ${showLengths(decoder.outputShape)}, no picture` : "";
    throw invalid(
      `--fit ${fit}: ${found || "the size of the samples is not known"}; give --output-shape, 28,28 say, for ${flag}`,
    );
  }
  const pixels = width * height;
  const channels = decoder ? elementCount(decoder.outputShape) / pixels : isGrey ? 1 : 3;
  return { outputShape: channels === 3 ? [height, width, 3] : [height, width] };
}
