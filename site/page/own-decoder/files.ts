import type { Decoder } from "latentflow";
import { readDataset } from "latentflow/data";
import { fromImageData } from "latentflow/images";
import { parseDecoder, rangeOf } from "../engine/handlers.ts";
import { visitorsMessageOf } from "../message-of.ts";
import { MOST_PIXELS } from "../picture-layout.ts";

// Reads a visitor's files as decoders and samples, without any requests to a server.

/** Maximum file size in bytes: the page holds the file, its weights as float32 and a copy of these for the kernels. */
export const MOST_BYTES = 200e6;
/** Maximum number of samples; a small decoder encodes them in about a minute. */
const MOST_SAMPLES = 1000;

/**
 * Reads a decoder from an ONNX or safetensors file, recognised by its bytes.
 *
 * @throws Error if it is not a decoder, or needs fixed inputs, which the page cannot provide
 */
export async function readDecoder(file: File, signal: AbortSignal): Promise<Decoder> {
  const decoder = await namingIn(file, parseDecoder(await bytesOf(file), signal), signal);
  const needed = decoder.fixedInputs.map(({ name }) => name).join(", ");
  if (needed === "") return decoder;
  decoder.dispose();
  throw new Error(
    `${file.name} needs ${needed} with each sample, and this page gives samples alone. encode has the option fixed for it.`,
  );
}

/**
 * Reads samples for a decoder from a picture, which is scaled to the decoder's size, or from an array: .npy, .npz or IDX.
 *
 * @throws Error if the file is not valid or does not fit the decoder
 */
export async function readSamples(file: File, decoder: Decoder, signal: AbortSignal): Promise<Float32Array> {
  const bytes = await bytesOf(file);
  if (isPicture(bytes)) {
    checkSize(file, ...pngSize(bytes));
    return readPicture(file, decoder);
  }
  if (file.type.startsWith("image/")) {
    throw new Error(`${file.name} is of type ${file.type}, expected PNG, JPEG, GIF or WebP. Save it as PNG.`);
  }
  const dataset = await namingIn(file, readDataset(bytes, { signal }), signal);
  const { outputSize } = decoder;
  const values = dataset.count * dataset.size;
  if (values === 0 || values % outputSize !== 0) {
    const lengths = [dataset.count, ...dataset.shape].join(" × ");
    throw new Error(
      `${file.name} has ${lengths} values, expected a multiple of ${outputSize}, more than 0: samples of ${decoder.outputShape.join(" × ")}.`,
    );
  }
  checkOrder(file, [dataset.count, ...dataset.shape], decoder.outputShape);
  if (values > MOST_SAMPLES * outputSize) {
    throw new Error(
      `${file.name} has ${values / outputSize} samples, expected at most ${MOST_SAMPLES}. latentflow encode of the command line takes any number.`,
    );
  }
  const y = dataset.toFloat32();
  const wrong = y.findIndex((value) => Math.abs(value) === Number.POSITIVE_INFINITY);
  if (wrong < 0) return y;
  const place = `sample ${Math.floor(wrong / outputSize)}, element ${wrong % outputSize}`;
  throw new Error(
    `${file.name} has ${y[wrong]} at ${place}, expected finite numbers, or NaN where a value is missing.`,
  );
}

/** Adds the file's name to the messages of a function that only reads bytes. */
async function namingIn<T>(file: File, reading: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(`${file.name}: ${visitorsMessageOf(error)}`, { cause: error });
  }
}

/** Throws if the axes of samples are a permutation of the decoder's, such as channels last instead of channels first. */
function checkOrder(file: File, lengths: readonly number[], outputShape: readonly number[]): void {
  const inSample = outputShape.filter((length) => length !== 1);
  const given = lengths.filter((length) => length !== 1).slice(-inSample.length);
  const isReordered = `${[...given].sort()}` === `${[...inSample].sort()}` && `${given}` !== `${inSample}`;
  if (!isReordered) return;
  throw new Error(
    `${file.name} has samples of ${given.join(" × ")}, expected ${inSample.join(" × ")}. Put the axes in this order: numpy.transpose does it.`,
  );
}

const PICTURES = ["\x89PNG", "\xff\xd8\xff", "GIF8", "RIFF"];

/** True for PNG, JPEG, GIF and WebP files, judged by their first bytes. */
function isPicture(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  return PICTURES.some((signature) => start.startsWith(signature));
}

/**
 * Returns the width and height in a PNG file's header, so that huge pictures are refused before they are decoded; 0 × 0
 * for other formats.
 */
function pngSize(bytes: Uint8Array): [width: number, height: number] {
  if (bytes[0] !== 0x89 || bytes.length < 24) return [0, 0];
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  return [header.getUint32(16), header.getUint32(20)];
}

function checkSize(file: File, width: number, height: number): void {
  if (width * height <= MOST_PIXELS) return;
  throw new Error(
    `${file.name} has ${width} × ${height} pixels, expected at most ${MOST_PIXELS}. Make it smaller.`,
  );
}

/** Decodes a picture file, and converts it to one sample. */
async function readPicture(file: File, decoder: Decoder): Promise<Float32Array> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} cannot be read as a picture: it is damaged, or cut short.`);
  });
  try {
    checkSize(file, bitmap.width, bitmap.height);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")!.drawImage(bitmap, 0, 0);
    return fromImageData(canvas, decoder, { fit: "cover", range: rangeOf(decoder) });
  } finally {
    bitmap.close();
  }
}

async function bytesOf(file: File): Promise<Uint8Array> {
  if (file.size > MOST_BYTES) {
    const megabytes = Math.ceil(file.size / 1e6);
    throw new Error(
      `${file.name} has ${megabytes} MB, expected at most ${MOST_BYTES / 1e6}. The package reads it in Node, or with the option maxBytes.`,
    );
  }
  return new Uint8Array(await file.arrayBuffer());
}
