import type { PictureDecoder } from "../../images/index.ts";
import { findLayout } from "../../images/picture.ts";
import { decode } from "../../index.ts";
import type { Block, EncodingInput, EncodingRun } from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import { backendOf } from "../options/running.ts";

/**
 * Returns the shape of samples that are images, from the decoder's output or from the data; undefined if they are not
 * images.
 */
export function shapeOf({ decoder, fixed, samples }: EncodingInput): PictureDecoder | undefined {
  const ofSamples = { outputShape: samples.shape, outputLayout: decoder.outputLayout };
  if (fixed.points === undefined) return [decoder, ofSamples].find(isImage);
  // An array of points × channels is not an image, but points may be the pixels of one.
  const isList = samples.shape.length === 2 && samples.shape[0] === fixed.points;
  return isList ? undefined : [ofSamples].find(isImage);
}

/** True if samples are images with more than one row and more than one column. */
export function isImage(decoder: PictureDecoder): boolean {
  const layout = findLayout(decoder);
  return layout !== undefined && layout.height > 1 && layout.width > 1;
}

/** Splits the samples of a block into one array each. */
export function originalsOf({ y, count }: Block): Float32Array[] {
  return Array.from({ length: count }, (_, sample) => row(y, sample, y.length / count));
}

/** Returns the samples of a block, one array each, with NaN in place of hidden values: those with a weight of 0. */
export function givenOf(block: Block): Float32Array[] {
  const { weights } = block;
  if (!weights) return originalsOf(block);
  return originalsOf(block).map((tile, i) =>
    tile.map((value, k) => (weights[(i * tile.length + k) % weights.length] === 0 ? Number.NaN : value)),
  );
}

/** Returns samples in which hidden values, NaN in `given`, are replaced by decoded ones. */
export function complete(given: readonly Float32Array[], decoded: readonly Float32Array[]): Float32Array[] {
  return given.map((tile, i) => tile.map((value, k) => (Number.isNaN(value) ? decoded[i]![k]! : value)));
}

/** Returns row `index` of an array with `size` values per row, as a view. */
export function row(values: Float32Array, index: number, size: number): Float32Array {
  return values.subarray(index * size, (index + 1) * size);
}

/** Decodes one latent per sample of a block, using the block's fixed inputs. Returns one array per sample. */
export async function reconstruct(run: EncodingRun, block: Block, z: Float32Array): Promise<Float32Array[]> {
  const [decoded, { count }] = [await decodeBlock(run, block, z), block];
  return Array.from({ length: count }, (_, index) => row(decoded, index, decoded.length / count));
}

/** Decodes one latent per sample of a block, using the block's fixed inputs. */
export function decodeBlock(
  { input, job }: EncodingRun,
  { fixed }: Block,
  z: Float32Array,
): Promise<Float32Array> {
  return decode(input.decoder, z, { ...fixedOptions(fixed), backend: backendOf(job) });
}
