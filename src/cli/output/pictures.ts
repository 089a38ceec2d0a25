import { joinValues } from "../../files/array.ts";
import type { ImageLayout } from "../../files/images.ts";
import { decode, encode } from "../../index.ts";
import { type Block, type EncodingInput, readBlock } from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import { encodeOptions, type Job } from "../options/job.ts";
import { backendOf } from "../options/options.ts";
import type { Part } from "../parts/part.ts";
import { drawGrid, greyScale, type Tile } from "./grid.ts";

/** What the samples of a picture are read, encoded and decoded with. */
export interface PictureSource {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly signal: AbortSignal;
}

/** Accepted steps after which steps.png shows a reconstruction, before that at the end. */
export const shownSteps = [0, 1, 2, 5, 10, 20] as const;

/**
 * The most steps that a solver with `maxSteps` tries for steps.png. Dormand-Prince counts the steps that it refuses, so
 * there are ten times as many as the picture shows.
 */
const stepsTried = 200;

/** How many samples each picture shows. */
const reconstructionCount = 12;
const stepsCount = 6;

/**
 * Draws the first samples, one a column: the original, its reconstruction, and the
 * reconstruction minus the original, grey where they are equal.
 *
 * @param part of the first unit
 * @returns a PNG
 */
export async function drawReconstructions(
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
  const rows = [
    originals.map((tile) => tile.map(grey)),
    reconstructions.map((tile) => tile.map(grey)),
    differences,
  ];
  return drawGrid(rows, layout);
}

/**
 * Draws a few samples, one a row: the reconstruction after 0, 1, 2, 5, 10 and 20 accepted steps and at the
 * end, then the original. A sample that ended sooner is shown as it ended.
 *
 * @param part of the first unit
 * @returns a PNG; undefined when the signal has ended it
 */
export async function drawSteps(
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
  const options = {
    ...encodeOptions(job, input, block.weights, solver),
    ...fixedOptions(block.fixed),
    ...(block.z0 && { z0: block.z0 }),
    saveAt: "steps" as const,
  };
  const { trajectory } = await encode(input.decoder, block.y, { ...options, signal, onAbort: "return" });
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

/** What latents are decoded to, with what is given with these samples. */
async function reconstruct(
  { input, job }: PictureSource,
  { fixed, count }: Block,
  z: Float32Array,
): Promise<Float32Array[]> {
  const decoded = await decode(input.decoder, z, { ...fixedOptions(fixed), backend: backendOf(job) });
  return Array.from({ length: count }, (_, index) => row(decoded, index, decoded.length / count));
}
