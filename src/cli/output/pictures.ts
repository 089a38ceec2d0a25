import { joinValues } from "../../files/array.ts";
import type { PictureDecoder } from "../../images/index.ts";
import { encode } from "../../index.ts";
import { readBlock } from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import { encodeOptions } from "../options/job.ts";
import type { Part } from "../parts/part.ts";
import { drawGrid, tonesBy } from "./grid.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";
import type { PictureName } from "./picture-names.ts";
import {
  complete,
  givenOf,
  originalsOf,
  type PictureSource,
  reconstruct,
  row,
  shapeOf,
} from "./picture-source.ts";
import { formatCount } from "./report.ts";

/** Numbers of accepted steps after which steps.png shows a reconstruction; it also shows the final one. */
const shownSteps = [0, 1, 2, 5, 10, 20] as const;

/**
 * Maximum number of solver steps for steps.png, ten times the accepted steps that it shows, since `maxSteps` of
 * Dormand-Prince also counts rejected ones.
 */
const stepsTried = 200;

/** Maximum number of samples shown in reconstructions.png. */
const reconstructionCount = 12;
const stepsCount = 6;

/**
 * Draws the first samples of a run, if they are images, and writes the pictures to a folder.
 *
 * @param part results of the run's first unit of samples (encoded and saved together)
 * @returns the pictures written; none if there are no samples, or they are not images
 */
export async function writePictures(folder: string, source: PictureSource, part: Part): Promise<Output[]> {
  const shape = shapeOf(source.input);
  if (!shape || part.count === 0) return [];
  const pictures: OutputFile[] = [await drawReconstructions(source, part, shape)];
  const steps = await drawSteps(source, part, shape);
  if (steps) {
    const shown = showShown(source, Math.min(stepsCount, part.count));
    const last = source.input.weights ? "given" : "original";
    const content = `columns: after ${shownSteps.join(", ")} steps, at the end, ${last}${shown}`;
    pictures.push({ name: "steps.png" satisfies PictureName, bytes: steps, content });
  }
  const samples = await drawSamples(source, part, shape);
  if (samples) pictures.push(samples);
  return writeOutputs(folder, pictures);
}

/**
 * Draws reconstructions.png, one sample per column. Rows: original, reconstruction, and their difference (grey where it
 * is zero). If weights of 0 hide values: visible values, these completed by the decoder, and the original.
 */
async function drawReconstructions(
  source: PictureSource,
  part: Part,
  shape: PictureDecoder,
): Promise<OutputFile> {
  const name = "reconstructions.png" satisfies PictureName;
  const { block, z } = await firstSamples(source, part, reconstructionCount);
  const shown = showShown(source, block.count);
  const [originals, given] = [originalsOf(block), givenOf(block)];
  const reconstructions = await reconstruct(source, block, z);
  const { span, tones } = tonesBy(given);
  if (block.weights?.includes(0)) {
    const rows = [given, complete(given, reconstructions), originals].map(tones);
    // In the user's data, hidden pixels may hold anything; in the demo they are intact.
    const last = source.job.missing ? "original" : "as in --data, hidden pixels, too";
    const content = `rows: given (hatched: hidden), completed by the decoder, ${last}${shown}`;
    return { name, bytes: drawGrid(rows, shape), content };
  }
  const differences = reconstructions.map((reconstruction, i) =>
    reconstruction.map((value, k) => 0.5 + (value - originals[i]![k]!) / span / 2),
  );
  const rows = [tones(originals), tones(reconstructions), differences];
  const content = `rows: original, reconstruction, difference (grey: none)${shown}`;
  return { name, bytes: drawGrid(rows, shape), content };
}

/**
 * Draws steps.png, one sample per row: reconstructions after 0, 1, 2, 5, 10 and 20 accepted steps and at the end, then the
 * original (with its hidden values marked). The last reconstruction of a sample that converged earlier is repeated.
 *
 * @returns the PNG file's bytes; undefined if the signal aborted
 */
async function drawSteps(
  source: PictureSource,
  part: Part,
  shape: PictureDecoder,
): Promise<Uint8Array | undefined> {
  const { block, z } = await firstSamples(source, part, stepsCount);
  const { job, input, signal } = source;
  const given = givenOf(block);
  const maxSteps = job.solver.description.maxSteps;
  const solver =
    typeof maxSteps === "number"
      ? job.solver.withOption("maxSteps", Math.min(maxSteps, stepsTried))
      : job.solver.value;
  const { trajectory } = await encode(input.decoder, block.y, {
    ...encodeOptions(job, input, block.weights, solver),
    ...fixedOptions(block.fixed),
    z0: block.z0,
    saveAt: "steps",
    signal,
    onAbort: "return",
  });
  if (signal.aborted) return undefined;

  const columns: Float32Array[][] = [];
  for (const steps of shownSteps) {
    const points = trajectory!.map(({ t, z }) =>
      row(z, Math.min(steps, t.length - 1), input.decoder.latentSize),
    );
    columns.push(await reconstruct(source, block, joinValues(points)));
  }
  columns.push(await reconstruct(source, block, z), given);
  const { tones } = tonesBy(given);
  const rows = given.map((_, i) => tones(columns.map((column) => column[i]!)));
  return drawGrid(rows, shape);
}

/** Formats how many samples a picture shows; "" if it shows all. */
function showShown({ input }: PictureSource, shown: number): string {
  const { count } = input.samples;
  return shown < count ? `; the first ${shown} of ${formatCount(count)}` : "";
}

/** Number of drawn codes whose decodings samples.png shows for each sample. */
const shownDraws = 4;

/**
 * Draws samples.png, one sample per column. Rows: the given sample, the weighted mean of the decodings of its drawn
 * codes, and the decodings of the four codes with the largest weights. If pixels are hidden, decodings only fill in
 * these.
 *
 * @returns undefined if no codes were drawn, or the signal aborted
 */
async function drawSamples(
  source: PictureSource,
  part: Part,
  shape: PictureDecoder,
): Promise<OutputFile | undefined> {
  const { sampling } = part.results;
  if (!sampling) return undefined;
  const { block } = await firstSamples(source, part, reconstructionCount);
  const { decoder } = source.input;
  const count = sampling.weights.length / part.count;
  /** Decodes one drawn code of each sample; `drawOf` returns its index. */
  const decoded = (drawOf: (sample: number) => number) => {
    const codes = Array.from({ length: block.count }, (_, sample) =>
      row(sampling.codes, sample * count + drawOf(sample), decoder.latentSize),
    );
    return reconstruct(source, block, joinValues(codes));
  };
  const means = originalsOf(block).map(({ length }) => new Float64Array(length));
  for (let draw = 0; draw < count; draw++) {
    if (source.signal.aborted) return undefined;
    for (const [sample, tile] of (await decoded(() => draw)).entries()) {
      const weight = sampling.weights[sample * count + draw]!;
      for (const [k, value] of tile.entries()) means[sample]![k]! += weight * value;
    }
  }
  const heaviest = means.map((_, sample) => {
    const weights = sampling.weights.subarray(sample * count, (sample + 1) * count);
    return Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  });
  const rows: Float32Array[][] = [means.map((mean) => Float32Array.from(mean))];
  for (let rank = 0; rank < Math.min(shownDraws, count); rank++)
    rows.push(await decoded((sample) => heaviest[sample]![rank]!));
  const given = givenOf(block);
  const isHidden = block.weights?.includes(0) ?? false;
  const completed = isHidden ? rows.map((tiles) => complete(given, tiles)) : rows;
  const bytes = drawGrid([given, ...completed].map(tonesBy(given).tones), shape);
  const content = `rows: given${isHidden ? " (hatched: hidden)" : ""}, mean of ${count} draws, the ${Math.min(shownDraws, count)} draws with the largest weights${showShown(source, block.count)}`;
  return { name: "samples.png" satisfies PictureName, bytes, content };
}

/** Reads samples from index `first` on, at most `atMost` of the samples in `results`, and selects their codes. */
async function firstSamples({ input }: PictureSource, { first, count, results }: Part, atMost: number) {
  const shown = Math.min(count, atMost);
  const block = await readBlock(input, first, shown);
  return { block, z: results.z.subarray(0, shown * input.decoder.latentSize) };
}
