import type { PictureDecoder } from "../../images/index.ts";
import { findLayout } from "../../images/picture.ts";
import { decode } from "../../index.ts";
import type { Block, EncodingInput } from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import type { Job } from "../options/job.ts";
import { backendOf } from "../options/options.ts";

/** Job and input of the samples that pictures show. */
export interface PictureSource {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly signal: AbortSignal;
}

/** Shape of samples that are images, by the decoder's output or by their file; undefined if they are none. */
export function shapeOf({ decoder, fixed, samples }: EncodingInput): PictureDecoder | undefined {
  const ofSamples = { outputShape: samples.shape, outputLayout: decoder.outputLayout };
  if (fixed.points === undefined) return [decoder, ofSamples].find(isImage);
  // Points × channels is no image, but points may be the pixels of one.
  const isList = samples.shape.length === 2 && samples.shape[0] === fixed.points;
  return isList ? undefined : [ofSamples].find(isImage);
}

/** True for samples that are images of more than one row and column. */
export function isImage(decoder: PictureDecoder): boolean {
  const layout = findLayout(decoder);
  return layout !== undefined && layout.height > 1 && layout.width > 1;
}

/** Samples of a block, one array each. */
export function originalsOf({ y, count }: Block): Float32Array[] {
  return Array.from({ length: count }, (_, sample) => row(y, sample, y.length / count));
}

/** Samples as they are seen: NaN where the weight is 0. */
export function givenOf(block: Block): Float32Array[] {
  const { weights } = block;
  if (!weights) return originalsOf(block);
  return originalsOf(block).map((tile, i) =>
    tile.map((value, k) => (weights[(i * tile.length + k) % weights.length] === 0 ? Number.NaN : value)),
  );
}

/** Returns samples with their hidden values, NaN in `given`, replaced by the decoded ones. */
export function complete(given: readonly Float32Array[], decoded: readonly Float32Array[]): Float32Array[] {
  return given.map((tile, i) => tile.map((value, k) => (Number.isNaN(value) ? decoded[i]![k]! : value)));
}

/** Row `index` of rows of `size` values. */
export function row(values: Float32Array, index: number, size: number): Float32Array {
  return values.subarray(index * size, (index + 1) * size);
}

/** Decodes one latent for each sample of a block, with the block's fixed inputs. */
export async function reconstruct(
  { input, job }: PictureSource,
  { fixed, count }: Block,
  z: Float32Array,
): Promise<Float32Array[]> {
  const decoded = await decode(input.decoder, z, { ...fixedOptions(fixed), backend: backendOf(job) });
  return Array.from({ length: count }, (_, index) => row(decoded, index, decoded.length / count));
}
