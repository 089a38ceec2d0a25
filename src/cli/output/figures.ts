import { showPath } from "../../base/show.ts";
import { showLengths } from "../../files/array.ts";
import { isStackOfLayers } from "../../graph/layers.ts";
import type { Decoder, EncodeSummary, StandardLoss } from "../../index.ts";
import { lossTraits } from "../../terms/losses.ts";
import type { Dataset } from "../../train/index.ts";
import type { PicturesRead } from "../input/array-files/array-file.ts";
import type { SourcedData } from "../input/data-source.ts";
import { isStdin, shortPath } from "../input/files.ts";
import type { FixedInputsPlan } from "../input/fixed-inputs.ts";
import type { HidingFlags, WeightFlags } from "../input/pictures/picture-options.ts";
import type { ChosenFlowAndSolver } from "../options/solver-options.ts";
import { LOW_SAMPLE_SIZE, type RunSummary } from "../parts/run-summary.ts";
import { chosenVectors } from "../vectors.ts";
import { say } from "./print.ts";
import { countOf, type Figure, formatCount, formatMean, formatShare } from "./report.ts";

// Figures that the reports of several commands share.

/**
 * Entry of a document for a decoder.
 *
 * @param sized the decoder with the samples' number of points
 */
export function decoderEntry(file: string, decoder: Decoder, sized = decoder) {
  const { latentSize, parameterCount, verified, start } = decoder;
  const { outputSize, outputShape } = sized;
  return {
    file,
    latentSize,
    outputSize,
    outputShape,
    parameterCount,
    verified,
    hasStart: start !== undefined,
  };
}

/** Figure of a decoder. */
export function decoderFigure(file: string, decoder: Decoder, sized = decoder): Figure {
  return {
    json: { decoder: decoderEntry(file, decoder, sized) },
    row: ["decoder", showDecoder(file, decoder)],
  };
}

/** A decoder's sizes from latent to output, after its file: `D.safetensors: 20 → 150 → 784`. */
function showDecoder(file: string, decoder: Decoder): string {
  const withParameters = decoder.operations.filter((operation) => "weight" in operation);
  const sizes = withParameters.map(({ shape }) => shape.join("×"));
  if (isStackOfLayers(decoder)) sizes[sizes.length - 1] = String(decoder.outputSize);
  return `${shortPath(file)}: ${[decoder.latentSize, ...sizes].join(" → ")}`;
}

/** Entry of a document for samples in memory, the first ones of their file or data set. */
export function dataEntry({ source, dataset, total }: SourcedData) {
  const { count, shape, dividedBy } = dataset;
  return { source, samples: total, used: count, shape, dividedBy };
}

/**
 * Figures of samples in memory.
 *
 * @param options the command's, whose weights or mask hide values in place of transparent pixels
 */
export function dataFigures(
  data: SourcedData,
  { weights, mask, autoencoder, encoder }: HidingFlags,
): Figure[] {
  const isHidden = !(weights || mask || autoencoder || encoder);
  return [
    { json: { data: dataEntry(data) }, row: ["data", data.source] },
    { row: ["samples", `${showCount(data)}, ${showValues(data.dataset)}`] },
    ...pictureFigures(data.array?.pictures, data.dataset.count, isHidden),
  ];
}

/** Numbers of samples used and found: `480 of 50,000`. */
export function showCount({ dataset, total }: SourcedData): string {
  return `${formatCount(dataset.count)} of ${formatCount(total)}`;
}

/** Values of one sample: `28 × 28 values each, bytes divided by 255`. */
export function showValues({ shape, dividedBy }: Pick<Dataset, "shape" | "dividedBy">): string {
  const values = shape.length === 0 ? "a single value" : `${showLengths(shape)} values`;
  return `${values} each${dividedBy === 1 ? "" : `, bytes divided by ${dividedBy}`}`;
}

/**
 * Figures of pictures that are read as samples: those that became grey, and transparent pixels and padding, which are hidden.
 *
 * @param count number of samples taken
 * @param isHidden false where weights come from elsewhere
 */
export function pictureFigures(
  pictures: PicturesRead | undefined,
  count: number,
  isHidden: boolean,
): Figure[] {
  if (!pictures) return [];
  const madeGrey = pictures.madeGrey.slice(0, count).filter(Boolean).length;
  const hidden = isHidden ? hiddenIn(pictures, count) : [];
  return [
    {
      json: { madeGrey },
      row: [
        "colours",
        madeGrey > 0 ? `${countOf(madeGrey, "picture")} with colours read in grey` : undefined,
      ],
    },
    {
      json: { hiddenPixels: hidden.reduce((sum, { pixels }) => sum + pixels, 0) },
      row: ["hidden", hidden.length > 0 ? showHidden(hidden) : undefined],
    },
  ];
}

/** Counts transparent and padded pixels, and the pictures that have them, among the first ones; leaves out what none has. */
function hiddenIn({ transparent, padded }: PicturesRead, count: number) {
  const kinds = [
    { noun: "transparent pixel", counts: transparent.slice(0, count) },
    { noun: "padded pixel", counts: padded.slice(0, count) },
  ];
  return kinds
    .map(({ noun, counts }) => ({
      noun,
      pixels: counts.reduce((sum, each) => sum + each, 0),
      files: counts.filter((each) => each > 0).length,
    }))
    .filter(({ pixels }) => pixels > 0);
}

/** Numbers of hidden pixels and their pictures: `123 transparent pixels of 4 pictures, 56 padded pixels of 1 picture`. */
function showHidden(hidden: ReturnType<typeof hiddenIn>): string {
  return hidden
    .map(({ noun, pixels, files }) => `${countOf(pixels, noun)} of ${countOf(files, "picture")}`)
    .join(", ");
}

/** Warns of transparent pixels and padding that count as white. @param why flag of what takes all values alike */
export function warnOfTransparency({ array, dataset, flag }: SourcedData, why: string): void {
  const found = array?.pictures ? hiddenIn(array.pictures, dataset.count) : [];
  if (found.length > 0)
    say(`warning: ${flag}: ${showHidden(found)} count as white, since ${why} takes all values alike`);
}

/** Name of a file of data in a report. */
export function sourceName(file: string): string {
  return isStdin(file) ? "stdin" : shortPath(file);
}

/** Figures of fixed inputs and of the number of points. */
export function fixedFigures({ inputs, points }: FixedInputsPlan): Figure[] {
  const fixed = inputs.map(({ name, value, isEach }) => ({
    name,
    ...(typeof value === "number" ? { value } : { file: value }),
    perSample: isEach,
  }));
  const texts = inputs.map(({ name, value, isEach }) =>
    typeof value === "number"
      ? `${showPath(name)}: ${value}`
      : `${showPath(name)}: ${showPath(sourceName(value))}, ${isEach ? "a row for each" : "one for all"}`,
  );
  return [
    { json: { fixed, points: points ?? null } },
    ...texts.map((text, i): Figure => ({ row: [i === 0 ? "fixed inputs" : "", text] })),
    { row: ["points", points === undefined ? undefined : formatCount(points)] },
  ];
}

/**
 * Figures of the files of weights and starts.
 *
 * @param decoder whose own start flows have without `z0`; undefined where no flow is followed
 * @param hiddenShare share of the values that the mask hides; undefined without a mask
 */
export function weightsAndStartFigures(
  { weights, mask, z0 }: WeightFlags & { readonly z0?: string },
  decoder: Decoder | undefined,
  hiddenShare: number | undefined,
): Figure[] {
  const ownStart = decoder?.start && "the decoder's own start";
  return [
    { json: { weights }, row: ["weights", weights && shortPath(weights)] },
    { json: { mask }, row: ["mask", mask?.map(shortPath).join(", ")] },
    {
      json: { hiddenShare },
      row: ["hidden", hiddenShare === undefined ? undefined : `${formatShare(hiddenShare)} of the values`],
    },
    { json: { z0 }, row: ["flows start at", z0 === undefined ? ownStart : shortPath(z0)] },
  ];
}

/** Figure of the flow and its solver. */
export function solverFigure({ flow, solver }: ChosenFlowAndSolver): Figure {
  return {
    json: { flow: flow.description, solver: solver.description },
    row: ["solver", `${solver.description.name}, ${flow.description.name} flow`],
  };
}

/** Words of a report for mean losses. */
export interface LossWords {
  /** Label of the mean loss where the flows start; undefined leaves its row out. */
  readonly before?: string;
  /** Label of the mean loss at the end. */
  readonly after: string;
  /** Name of the least loss that the targets allow, where there is one. */
  readonly floor?: string | undefined;
  readonly unit: string;
  /** Values that the losses are means over, where these are not all alike. */
  readonly over?: string | undefined;
}

/** Words for the values that losses are means over: those of a mask that are seen, or weighted ones; undefined for all alike. */
export function showOver(isWeighted: boolean, { weights }: Pick<WeightFlags, "weights">): string | undefined {
  if (!isWeighted) return undefined;
  return weights === undefined ? "of the values that are seen" : "of the values, by their weights";
}

/** Words for a loss: `mean cross entropy`, in nats. */
export function wordsOf(loss: StandardLoss): LossWords {
  const { title, unit, floor } = lossTraits(loss);
  const after = `mean ${loss.reduction === "sum" ? "summed " : ""}${title}`;
  return { after, floor: floor?.name, unit };
}

/** Mean losses of samples, over the finite values. */
export interface MeanLosses {
  /** Null where no flow is followed. */
  readonly meanInitialLoss: number | null;
  readonly meanLoss: number;
  /** Least mean loss that the targets allow; null for losses whose least is 0. */
  readonly meanTargetEntropy: number | null;
  readonly meanExcessLoss: number | null;
  /** Null without a prior. */
  readonly meanPrior: number | null;
  readonly meanObjective: number;
}

/** Figures of the mean losses and, with a prior, of its mean and of the objective's. */
export function lossFigures(means: MeanLosses, { before, after, floor, unit, over }: LossWords): Figure[] {
  const { meanInitialLoss, meanLoss, meanTargetEntropy, meanExcessLoss, meanPrior, meanObjective } = means;
  const show = (mean: number | null) => (mean === null ? undefined : formatMean(mean, unit));
  const showOfValues = (mean: number | null) =>
    mean === null ? undefined : `${formatMean(mean, unit)}${over ? `, ${over}` : ""}`;
  // The prior counts as prior/N, N what the loss is divided by.
  const showPrior = (mean: number) =>
    `${formatMean(mean, " nats")}, which adds ${formatMean(meanObjective - meanLoss, unit)} to the mean objective`;
  return [
    { json: { meanInitialLoss }, row: [before, showOfValues(meanInitialLoss)] },
    { json: { meanLoss }, row: [after, showOfValues(meanLoss)] },
    { json: { meanTargetEntropy, meanExcessLoss }, row: [floor && `above ${floor}`, show(meanExcessLoss)] },
    {
      json: { meanPrior },
      row: ["mean weighted prior", meanPrior === null ? undefined : showPrior(meanPrior)],
    },
    {
      json: { meanObjective },
      row: [meanPrior === null ? undefined : "mean objective", show(meanObjective)],
    },
  ];
}

/** Figures of how samples ended, and after how many steps. */
export function endFigures({
  meanAcceptedSteps,
  meanBacktracks,
  statuses,
}: Pick<EncodeSummary, "meanAcceptedSteps" | "meanBacktracks" | "statuses">): Figure[] {
  return [
    { json: { meanAcceptedSteps }, row: ["mean accepted steps", formatMean(meanAcceptedSteps)] },
    { json: { meanBacktracks }, row: ["mean backtracks", formatMean(meanBacktracks)] },
    { json: { statuses }, row: ["statuses", showStatuses(statuses) || "none"] },
  ];
}

/** Figures of the codes drawn for each sample; none where none are drawn. */
export function samplingFigures({ sampling }: Pick<RunSummary, "sampling">): Figure[] {
  if (!sampling) return [];
  const { codesPerSample, medianEffectiveSampleSize, leastEffectiveSampleSize, lowEffectiveSampleSizes } =
    sampling;
  const sizes =
    `median ${formatMean(medianEffectiveSampleSize)} of ${formatCount(codesPerSample)} codes, ` +
    `least ${formatMean(leastEffectiveSampleSize)}, below ${LOW_SAMPLE_SIZE} in ${countOf(lowEffectiveSampleSizes, "sample")}`;
  return [{ json: sampling, row: ["effective sample size", sizes] }];
}

/** Numbers of samples with each status: `58 converged, 2 stalled`. */
export function showStatuses(statuses: EncodeSummary["statuses"]): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${formatCount(count)} ${status}`)
    .join(", ");
}

/** Figures of the time that encoding took, and of the kernels and threads that did it. */
export function workFigures({
  samples,
  seconds,
  samplesPerSecond,
  backend,
  build,
  threads,
}: Pick<
  EncodeSummary,
  "samples" | "seconds" | "samplesPerSecond" | "backend" | "build" | "threads"
>): Figure[] {
  const speed = showSpeed(samplesPerSecond, seconds);
  return [
    { json: { samples, seconds, samplesPerSecond }, row: ["samples per second", speed] },
    {
      json: { backend, build, threads, vectors: chosenVectors()?.bits },
      // A run that was stopped before its first sample has no threads.
      row: ["WASM", threads ? `${build} SIMD, ${showVectors()}${countOf(threads, "thread")}` : undefined],
    },
  ];
}

/** Vectors as `--vectors auto` has chosen them: `256-bit vectors, `; nothing if it was not given. */
function showVectors(): string {
  const { bits, reason } = chosenVectors() ?? {};
  if (bits === undefined) return "";
  return `${bits}-bit vectors${reason === undefined ? "" : ` (${reason})`}, `;
}

/** Speed and time: `62 (0.32 s)`; "none" where nothing was done. */
export function showSpeed(perSecond: number, seconds: number): string {
  if (Number.isNaN(perSecond)) return "none";
  return `${formatCount(Math.round(perSecond))} (${seconds.toFixed(2)} s)`;
}
