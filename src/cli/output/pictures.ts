import { joinValues } from "../../files/array.ts";
import { type ImageLayout, imageLayout } from "../../files/images.ts";
import { decode, encode } from "../../index.ts";
import { type Block, type EncodingInput, readBlock } from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import { encodeOptions, type Job } from "../options/job.ts";
import { backendOf } from "../options/options.ts";
import type { Part } from "../parts/part.ts";
import { drawGrid, greyScale, type Tile } from "./grid.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";

/** Job and input of the samples that pictures show. */
export interface PictureSource {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly signal: AbortSignal;
}

const reconstructionsName = "reconstructions.png";
const stepsName = "steps.png";

/** Names of the files of pictures. */
export const pictureNames = [reconstructionsName, stepsName] as const;

/** Accepted steps after which steps.png shows a reconstruction, before the one at the end. */
const shownSteps = [0, 1, 2, 5, 10, 20] as const;

/**
 * Most steps that a solver with `maxSteps` tries for steps.png: ten times as many as it shows, since Dormand-Prince counts
 * refused steps.
 */
const stepsTried = 200;

/** Numbers of samples in the pictures. */
const reconstructionCount = 12;
const stepsCount = 6;

/**
 * Draws the first samples of a run, if samples are images, and writes the pictures to a folder.
 *
 * @param part of the first unit
 * @returns the pictures written; none if there are no samples, or they are no images
 */
export async function writePictures(folder: string, source: PictureSource, part: Part): Promise<Output[]> {
  const layout = layoutOf(source.input);
  if (!layout || part.count === 0) return [];
  const pictures: OutputFile[] = [
    {
      name: reconstructionsName,
      bytes: await drawReconstructions(source, part, layout),
      content: "rows: original, reconstruction, difference (grey: none)",
    },
  ];
  const steps = await drawSteps(source, part, layout);
  if (steps) {
    const content = `columns: after ${shownSteps.join(", ")} steps, at the end, original`;
    pictures.push({ name: stepsName, bytes: steps, content });
  }
  return writeOutputs(folder, pictures);
}

/** The layout of samples that are images, by the decoder's output or by their file; undefined if they are none. */
function layoutOf({ decoder, fixed, samples }: EncodingInput): ImageLayout | undefined {
  if (fixed.points === undefined) return imageLayout(decoder.outputShape) ?? imageLayout(samples.shape);
  // Points × channels is no image, but points may be the pixels of one.
  const isList = samples.shape.length === 2 && samples.shape[0] === fixed.points;
  return isList ? undefined : imageLayout(samples.shape);
}

/** Draws samples, one a column: original, reconstruction, and their difference, grey if there is none. */
async function drawReconstructions(
  source: PictureSource,
  part: Part,
  layout: ImageLayout,
): Promise<Uint8Array> {
  const { block, z } = await firstSamples(source, part, reconstructionCount);
  const originals = originalsOf(block);
  const reconstructions = await reconstruct(source, block, z);
  const { low, span } = greyScale(originals);
  const grey = (value: number) => (value - low) / span;
  const differences = reconstructions.map((reconstruction, i) =>
    reconstruction.map((value, k) => 0.5 + (value - originals[i]![k]!) / span / 2),
  );
  const images = [originals, reconstructions].map((row) => row.map((tile) => tile.map(grey)));
  return drawGrid([...images, differences], layout);
}

/**
 * Draws samples, one a row: the reconstruction after 0, 1, 2, 5, 10 and 20 accepted steps and at the end, then the
 * original. A sample that ended sooner is shown as it ended.
 *
 * @returns a PNG; undefined if the signal has ended the work
 */
async function drawSteps(
  source: PictureSource,
  part: Part,
  layout: ImageLayout,
): Promise<Uint8Array | undefined> {
  const { block, z } = await firstSamples(source, part, stepsCount);
  const { job, input, signal } = source;
  const originals = originalsOf(block);
  const maxSteps = job.solver.description.maxSteps;
  const solver =
    typeof maxSteps === "number"
      ? job.solver.withOption("maxSteps", Math.min(maxSteps, stepsTried))
      : job.solver.value;
  const { trajectory } = await encode(input.decoder, block.y, {
    ...encodeOptions(job, input, block.weights, solver),
    ...fixedOptions(block.fixed),
    ...(block.z0 && { z0: block.z0 }),
    saveAt: "steps",
    signal,
    onAbort: "return",
  });
  if (signal.aborted) return undefined;

  const columns: Tile[][] = [];
  for (const steps of shownSteps) {
    const points = trajectory!.map(({ t, z }) =>
      row(z, Math.min(steps, t.length - 1), input.decoder.latentSize),
    );
    columns.push(await reconstruct(source, block, joinValues(points)));
  }
  columns.push(await reconstruct(source, block, z), originals);
  const { low, span } = greyScale(originals);
  const rows = originals.map((_, i) =>
    columns.map((column) => column[i]!.map((value) => (value - low) / span)),
  );
  return drawGrid(rows, layout);
}

/** The first samples of a part, and their codes. */
async function firstSamples({ input }: PictureSource, { first, count, results }: Part, atMost: number) {
  const shown = Math.min(count, atMost);
  const block = await readBlock(input, first, shown);
  return { block, z: results.z.subarray(0, shown * input.decoder.latentSize) };
}

function originalsOf({ y, count }: Block): Float32Array[] {
  return Array.from({ length: count }, (_, sample) => row(y, sample, y.length / count));
}

function row(values: Float32Array, index: number, size: number): Float32Array {
  return values.subarray(index * size, (index + 1) * size);
}

/** Decodes one latent for each sample of a block, with the block's fixed inputs. */
async function reconstruct(
  { input, job }: PictureSource,
  { fixed, count }: Block,
  z: Float32Array,
): Promise<Float32Array[]> {
  const decoded = await decode(input.decoder, z, { ...fixedOptions(fixed), backend: backendOf(job) });
  return Array.from({ length: count }, (_, index) => row(decoded, index, decoded.length / count));
}
