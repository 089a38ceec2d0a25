import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { LatentflowError } from "../../../base/errors.ts";
import { throwIfAborted } from "../../../base/realms.ts";
import { invalid, invalidFile } from "../../../base/refuse.ts";
import { elementCount, showLengths } from "../../../files/array.ts";
import { fileError } from "../../../files/durable-file.ts";
import { recognise } from "../../../files/file-kind.ts";
import { checkSize, type Limits } from "../../../files/limits.ts";
import { readFile } from "../../../files/local-file.ts";
import { splitArrayName } from "../../../files/npz.ts";
import {
  type Fit,
  fromImageData,
  type ImageDataLike,
  type MaskOptions,
  maskFrom,
  type PictureDecoder,
} from "../../../images/index.ts";
import { checkPixelCount, findLayout, type PictureLayout, placeOf } from "../../../images/picture.ts";
import { type Box, drawnBox, type Size } from "../../../images/resample.ts";
import type { ArrayFile } from "../array-files/array-file.ts";
import { type DataLimits, openArrays } from "../array-files/open.ts";
import { beginningOf, isStdin, shortPath, showFile } from "../files.ts";
import { expandFiles } from "./expand-files.ts";
import { pairFiles } from "./pair-files.ts";
import { isPictureName, type PictureHeader, pictureFormatOf } from "./read-picture.ts";

/** Pixels of a mask that may hide. */
export const MASK_HIDES = [
  "black",
  "white",
  "transparent",
  "painted",
] as const satisfies readonly MaskOptions["hides"][];

/** Reading of pictures as samples, weights or masks. */
export interface PictureReading {
  /** Shape of a sample; undefined for that of the pictures themselves. Called if there are pictures. */
  readonly target: () => Promise<PictureDecoder | undefined> | PictureDecoder | undefined;
  readonly fit?: Fit | undefined;
  readonly invert?: boolean | undefined;
  /** Meaning of a pixel. Weights and masks of transparent pixels are 0. Default: a value of a sample. */
  readonly as?: "sample" | "weight" | "mask";
  /** Pixels of a mask that hide. Default `"black"`. */
  readonly hides?: MaskOptions["hides"];
  /** Masks of samples, which keep hidden pixels out of pictures that are scaled. Default: none. */
  readonly masks?: SampleMasks | undefined;
}

/** Masks of samples that are read from pictures: which pixels of each are hidden. */
export interface SampleMasks {
  /** Flag of the masks. */
  readonly flag: string;
  /** Files, folders and patterns of masks; undefined for the pictures themselves. */
  readonly files?: readonly string[] | undefined;
  readonly hides: MaskOptions["hides"];
}

/** True if a path is a file of a picture, by its first bytes or its name. */
export async function isPictureFile(path: string): Promise<boolean> {
  const bytes = isStdin(path) ? undefined : await beginningOf(path);
  return bytes !== undefined && (pictureFormatOf(bytes) !== undefined || isPictureName(path));
}

/**
 * Opens files of pictures as an array, a sample a file. All sizes are compared before the first picture is read.
 *
 * @throws LatentflowError if a file is no picture, or has another size than the samples and `fit` is not given
 */
export async function openPictures(
  flag: string,
  paths: readonly string[],
  { target, fit, invert, as = "sample", hides = "black", masks }: PictureReading,
  limits: Limits,
): Promise<ArrayFile> {
  const headers: PictureHeader[] = [];
  for (const path of paths) {
    throwIfAborted(limits.signal);
    headers.push(await headerOf(showFile(flag, path), path, limits));
  }
  const decoder = shapeFor(flag, headers[0]!, await target(), fit);
  const layout = findLayout(decoder)!;
  const { width, height, channels } = layout;
  const isScaled = (size: Size) => size.width !== width || size.height !== height;
  const odd = headers.findIndex(isScaled);
  if (odd >= 0 && fit === undefined) {
    const [found, others] = [headers[odd]!, odd > 0 ? `, as ${showFile(flag, paths[0]!)}` : ""];
    throw invalidFile(
      `${showFile(flag, paths[odd]!)}: the picture is ${found.width} × ${found.height} pixels, expected ${width} × ${height}` +
        `${others}; give --fit contain, cover or stretch to scale it`,
    );
  }
  const size = elementCount(decoder.outputShape);
  const imageIn = (path: string) => readImage(showFile(flag, path), path, limits);
  /** Samples that are made of one picture each. */
  const arrayOf = (kind: string, sample: (path: string, i: number) => Promise<Float32Array>): ArrayFile => ({
    shape: [paths.length, ...decoder.outputShape],
    type: "float32",
    names: paths.map(shortPath),
    async read(start, end) {
      const values = new Float32Array(end - start);
      for (let i = Math.floor(start / size); i * size < end; i++) {
        throwIfAborted(limits.signal);
        const all = await sample(paths[i]!, i);
        const [from, to] = [Math.max(start, i * size), Math.min(end, (i + 1) * size)];
        values.set(all.subarray(from - i * size, to - i * size), from - start);
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
  });
  if (as === "mask") {
    return arrayOf(`mask, ${hides} hides`, async (path) => {
      const weights = maskFrom(await imageIn(path), decoder, { fit, hides });
      if (weights.includes(1)) return weights;
      throw invalidFile(
        `${showFile(flag, path)}: the mask hides all pixels, as it is read with --mask-hides ${hides}; give another of ` +
          MASK_HIDES.join(", "),
      );
    });
  }
  const background = as === "weight" ? 0 : 1;
  const maskFiles = masks && odd >= 0 ? await maskFilesOf(masks, paths) : [];
  const array = arrayOf(as, async (path, i) => {
    const image = await imageIn(path);
    const options = { fit, invert, background };
    const maskFile = maskFiles.length > 1 ? maskFiles[i] : maskFiles[0];
    if (maskFile === undefined || !isScaled(image)) return fromImageData(image, decoder, options);
    const mask =
      maskFile === path ? image : await readImage(showFile(masks!.flag, maskFile), maskFile, limits);
    // A mask of another size says nothing of the picture's own pixels, only of the decoder's.
    const isOwnSize = mask.width === image.width && mask.height === image.height;
    return fromImageData(image, decoder, { ...options, ...(isOwnSize && { mask, hides: masks!.hides }) });
  });
  if (as === "weight") return array;

  const pixels = size / channels;
  const boxes = headers.map((each) => drawnBox(each, { width, height }, fit ?? "stretch"));
  const seenIn = async (path: string) =>
    maskFrom(await imageIn(path), decoder, { fit, hides: "transparent" });
  const [padded, transparent]: [number[], number[]] = [[], []];
  for (const [i, path] of paths.entries()) {
    throwIfAborted(limits.signal);
    const isTransparent = channels < 4 && headers[i]!.mayBeTransparent;
    padded.push(pixels - boxes[i]!.width * boxes[i]!.height);
    transparent.push(
      isTransparent ? (await seenIn(path)).filter((value) => value === 0).length / channels - padded[i]! : 0,
    );
  }
  const seen = arrayOf("opacity", async (path, i) => {
    if (transparent[i] === 0) return boxWeights(boxes[i]!, layout);
    if (transparent[i]! + padded[i]! < pixels) return seenIn(path);
    throw invalidFile(
      `${showFile(flag, path)}: all pixels are transparent, expected some that are seen; leave the picture out`,
    );
  });
  return {
    ...array,
    pictures: {
      transparent,
      padded,
      seen: [...transparent, ...padded].some((count) => count > 0) ? seen : undefined,
      madeGrey: headers.map(({ isGrey }) => channels === 1 && !isGrey),
      boxes,
    },
  };
}

/** Files of the samples' masks, one for each or one for all; none if they are arrays. */
async function maskFilesOf(
  { flag, files }: SampleMasks,
  pictures: readonly string[],
): Promise<readonly string[]> {
  if (!files) return pictures;
  // What is skipped is said where the masks become weights.
  const { paired } = pairFiles(await expandFiles(flag, files, () => {}), pictures);
  return (await isPictureFile(paired[0]!)) ? paired : [];
}

async function readImage(where: string, path: string, limits: Limits): Promise<ImageDataLike> {
  const bytes = await bytesOf(where, path, limits);
  return formatOf(where, path, bytes).read(where, bytes);
}

/** Weights of a sample whose picture fills a box: 1 there, and 0 for padding. */
function boxWeights({ left, top, width, height }: Box, layout: PictureLayout): Float32Array {
  const weights = new Float32Array(layout.width * layout.height * layout.channels);
  for (let pixel = 0; pixel < layout.width * layout.height; pixel++) {
    const [x, y] = [(pixel % layout.width) - left, Math.floor(pixel / layout.width) - top];
    if (x < 0 || x >= width || y < 0 || y >= height) continue;
    for (let channel = 0; channel < layout.channels; channel++) weights[placeOf(layout, pixel, channel)] = 1;
  }
  return weights;
}

/** Shape of samples made of pictures: the decoder's or, where its output is flat, the pictures' own. */
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

function formatOf(where: string, path: string, bytes: Uint8Array) {
  const format = pictureFormatOf(bytes);
  if (format) return format;
  const kind = recognise(bytes)?.name;
  if (kind) {
    const why = isPictureName(path) ? "which its name says" : "as the first file is";
    throw invalidFile(`${where}: it is ${kind}, expected a PNG or JPEG file, ${why}`);
  }
  throw invalidFile(
    isPictureName(path)
      ? `${where}: the file is damaged: it does not begin as PNG and JPEG files do`
      : `${where}: it is no PNG or JPEG file, as the first file is; give files of one kind`,
  );
}

function bytesOf(where: string, path: string, limits: Limits): Promise<Uint8Array> {
  return readFile(where, path, limits).catch((cause) => {
    throw limits.signal?.aborted ? cause : problemOf(where, cause);
  });
}

/** First bytes of a file that are read for its header; the rest is read if a JPEG's frame comes later. */
const BEGINNING = 2 ** 16;

async function headerOf(where: string, path: string, limits: Limits): Promise<PictureHeader> {
  const header = await readHeader(where, path, limits).catch((cause) => {
    throw limits.signal?.aborted ? cause : problemOf(where, cause);
  });
  checkPixelCount(where, header);
  checkSize(where, "its pixels take", header.width * header.height * header.pixelSize, limits.maxBytes);
  return header;
}

async function readHeader(where: string, path: string, limits: Limits): Promise<PictureHeader> {
  // To open a named pipe would hold up the run until something is written to it.
  if (!(await stat(path)).isFile())
    throw invalidFile(
      `${where}: it is a folder, a pipe or a device, expected a file, which can be read twice`,
    );
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(BEGINNING), 0, BEGINNING, 0);
    const bytes = buffer.subarray(0, bytesRead);
    const format = formatOf(where, path, bytes);
    try {
      return format.readHeader(where, bytes);
    } catch {
      return format.readHeader(where, await bytesOf(where, path, limits));
    }
  } finally {
    await handle.close();
  }
}

function problemOf(where: string, cause: unknown): LatentflowError {
  return cause instanceof LatentflowError ? cause : fileError(where, cause);
}

/**
 * Opens files of arrays, or of pictures, as one array.
 *
 * @param paths without folders and patterns, see `expandFiles`
 * @throws LatentflowError if a file cannot be read, or options of pictures are given for other files
 */
export async function openData(
  flag: string,
  paths: readonly string[],
  limits: DataLimits,
  pictures: PictureReading,
): Promise<ArrayFile> {
  if (await isPictureFile(paths[0]!)) return openPictures(flag, paths, pictures, limits);
  await refusePictureOptions(flag, paths[0]!, pictures);
  return openArrays(flag, paths, limits);
}

/** Refuses options of pictures for a file that is none, or that does not exist. */
export async function refusePictureOptions(
  flag: string,
  path: string,
  { fit, invert, hides, as = "sample" }: PictureReading,
): Promise<void> {
  const ofSamples = fit ? "--fit" : invert && "--invert";
  const given = as === "sample" ? ofSamples : hides && "--mask-hides";
  if (!given) return;
  const at = showFile(flag, path);
  if (!isStdin(path) && !/^(https?|file):/i.test(path)) {
    await stat(splitArrayName(path).file).catch((cause) => {
      throw fileError(at, cause);
    });
  }
  throw invalid(`${given} is for PNG and JPEG files, and ${at} is none; leave it out`);
}
