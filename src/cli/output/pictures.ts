import { joinValues } from "../../files/array.ts";
import type { PictureDecoder } from "../../images/index.ts";
import { encode } from "../../index.ts";
import { type EncodingRun, readBlock } from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import { encodeOptions } from "../options/job.ts";
import type { Part } from "../parts/part.ts";
import { drawGrid, tonesBy } from "./grid.ts";
import { type Output, type OutputFile, writeOutputs } from "./output-files.ts";
import type { PictureName } from "./picture-names.ts";
import { complete, givenOf, originalsOf, reconstruct, row, shapeOf } from "./picture-source.ts";
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

/** A run whose samples are images, the results of its first part, and the shape of the images. */
interface Drawing extends EncodingRun {
  readonly part: Part;
  readonly shape: PictureDecoder;
}

/**
 * Draws the first samples of a run, if they are images, and writes the pictures to a folder.
 *
 * @param part results of the run's first samples
 * @returns the pictures written; none if there are no samples, or they are not images
 */
export async function writePictures(folder: string, source: EncodingRun, part: Part): Promise<Output[]> {
  const shape = shapeOf(source.input);
  if (!shape || part.count === 0) return [];
  const drawing = { ...source, part, shape };
  const pictures = [await drawReconstructions(drawing), await drawSteps(drawing), await drawSamples(drawing)];
  return writeOutputs(
    folder,
    pictures.filter((picture) => picture !== undefined),
  );
}

/**
 * Draws reconstructions.png, one sample per column. Rows: original, reconstruction, and their difference (grey where it
 * is zero). If weights of 0 hide values: visible values, these completed by the decoder, and the original.
 */
async function drawReconstructions(drawing: Drawing): Promise<OutputFile> {
  const name = "reconstructions.png" satisfies PictureName;
  const { block, z } = await firstSamples(drawing, reconstructionCount);
  const shown = showShown(drawing, block.count);
  const [originals, given] = [originalsOf(block), givenOf(block)];
  const reconstructions = await reconstruct(drawing, block, z);
  const { span, tones } = tonesBy(given);
  if (block.weights?.includes(0)) {
    const rows = [given, complete(given, reconstructions), originals].map(tones);
    // In the user's data, hidden pixels may hold anything; in the demo they are intact.
    const last = drawing.job.hidesBand ? "original" : "as in --data, hidden pixels, too";
    const content = `rows: given (hatched: hidden), completed by the decoder, ${last}${shown}`;
    return { name, bytes: drawGrid(rows, drawing.shape), content };
  }
  const differences = reconstructions.map((reconstruction, i) =>
    reconstruction.map((value, k) => 0.5 + (value - originals[i]![k]!) / span / 2),
  );
  const rows = [tones(originals), tones(reconstructions), differences];
  const content = `rows: original, reconstruction, difference (grey: none)${shown}`;
  return { name, bytes: drawGrid(rows, drawing.shape), content };
}

/**
 * Draws steps.png, one sample per row: reconstructions after 0, 1, 2, 5, 10 and 20 accepted steps and at the end, then the
 * original (with its hidden values marked). The last reconstruction of a sample that converged earlier is repeated.
 *
 * @returns undefined if the signal aborted
 */
async function drawSteps(drawing: Drawing): Promise<OutputFile | undefined> {
  const { block, z } = await firstSamples(drawing, stepsCount);
  const { job, input, signal } = drawing;
  const given = givenOf(block);
  const { value } = job.solver;
  const solver =
    "maxSteps" in value ? { ...value, maxSteps: Math.min(Number(value.maxSteps), stepsTried) } : value;
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
    columns.push(await reconstruct(drawing, block, joinValues(points)));
  }
  columns.push(await reconstruct(drawing, block, z), given);
  const { tones } = tonesBy(given);
  const rows = given.map((_, i) => tones(columns.map((column) => column[i]!)));
  const last = input.weights ? "given" : "original";
  const content = `columns: after ${shownSteps.join(", ")} steps, at the end, ${last}${showShown(drawing, block.count)}`;
  return { name: "steps.png" satisfies PictureName, bytes: drawGrid(rows, drawing.shape), content };
}

/** Formats how many samples a picture shows; "" if it shows all. */
function showShown({ input }: Drawing, shown: number): string {
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
async function drawSamples(drawing: Drawing): Promise<OutputFile | undefined> {
  const { part, signal, input } = drawing;
  const { sampling } = part.results;
  if (!sampling) return undefined;
  const { block } = await firstSamples(drawing, reconstructionCount);
  const { decoder } = input;
  const count = sampling.weights.length / part.count;
  /** Decodes one drawn code of each sample; `drawOf` returns its index. */
  const decoded = (drawOf: (sample: number) => number) => {
    const codes = Array.from({ length: block.count }, (_, sample) =>
      row(sampling.codes, sample * count + drawOf(sample), decoder.latentSize),
    );
    return reconstruct(drawing, block, joinValues(codes));
  };
  const means = originalsOf(block).map(({ length }) => new Float64Array(length));
  for (let draw = 0; draw < count; draw++) {
    if (signal.aborted) return undefined;
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
  const bytes = drawGrid([given, ...completed].map(tonesBy(given).tones), drawing.shape);
  const content = `rows: given${isHidden ? " (hatched: hidden)" : ""}, mean of ${count} draws, the ${Math.min(shownDraws, count)} draws with the largest weights${showShown(drawing, block.count)}`;
  return { name: "samples.png" satisfies PictureName, bytes, content };
}

/** Reads samples from index `first` on, at most `atMost` of the samples in the part, and selects their codes. */
async function firstSamples({ input, part }: Drawing, atMost: number) {
  const { first, count, results } = part;
  const shown = Math.min(count, atMost);
  const block = await readBlock(input, first, shown);
  return { block, z: results.z.subarray(0, shown * input.decoder.latentSize) };
}
