import type { Decoder } from "latentflow";
import { readDataset } from "latentflow/data";
import { fromImageData } from "latentflow/images";
import { parseDecoder, rangeOf } from "../engine/handlers.ts";
import { visitorsMessageOf } from "../message-of.ts";
import { MOST_PIXELS } from "../picture-layout.ts";

// A visitor's files as decoders and samples. Nothing here asks a server for anything.

/** Largest file that is read: a page holds it, its weights as float32 and a copy of these for the kernels. */
export const MOST_BYTES = 200e6;
/** Largest number of samples: their codes are found in a minute or so by a small decoder. */
const MOST_SAMPLES = 1000;

/** Reads a decoder from an ONNX or a safetensors file, whatever its name is. */
export async function readDecoder(file: File, signal: AbortSignal): Promise<Decoder> {
  const decoder = await namingIn(file, parseDecoder(await bytesOf(file), signal), signal);
  const needed = decoder.fixedInputs.map(({ name }) => name).join(", ");
  if (needed === "") return decoder;
  decoder.dispose();
  throw new Error(
    `${file.name} needs ${needed} with each sample, and this page gives samples alone. encode has the option fixed for it.`,
  );
}

/** Reads samples of a decoder from a picture, scaled to its size, or from an array: .npy, .npz or IDX. */
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
  const wrong = y.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return y;
  const place = `sample ${Math.floor(wrong / outputSize)}, element ${wrong % outputSize}`;
  throw new Error(
    `${file.name} has ${y[wrong]} at ${place}, expected finite numbers. Leave such samples out.`,
  );
}

/** Names the file in the message of the function that reads its bytes, which knows no name. */
async function namingIn<T>(file: File, reading: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(`${file.name}: ${visitorsMessageOf(error)}`, { cause: error });
  }
}

/** Refuses samples whose axes are the decoder's in another order: channels last for channels first, say. */
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

/** PNG, JPEG, GIF or WebP, told by their first bytes. */
function isPicture(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  return PICTURES.some((signature) => start.startsWith(signature));
}

/** Width and height in the header of a PNG, so that a huge one is refused before it is decoded; 0 × 0 of other formats. */
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

/** Reads a picture as one sample. */
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
