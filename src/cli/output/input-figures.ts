import { escapeText, showList, showPath, withoutSecrets } from "../../base/show.ts";
import { showLengths } from "../../files/array.ts";
import { isStackOfLayers } from "../../graph/layers.ts";
import type { Decoder } from "../../index.ts";
import type { Dataset } from "../../train/index.ts";
import type { ArrayFile, PicturesRead } from "../input/array-files/array-file.ts";
import { isStdin, shortPath } from "../input/files.ts";
import type { FixedInputsPlan } from "../input/fixed-inputs.ts";
import { type HidingFlags, hidesByOpacity, type WeightFlags } from "../input/pictures/picture-options.ts";
import type { SourcedData } from "../input/samples.ts";
import { showCategories } from "../input/tables/table.ts";
import { say } from "./print.ts";
import { countOf, type Figure, figure, formatCount, formatShare } from "./report.ts";

// Report entries on the input of a run, shared by several commands.

/**
 * Returns the JSON report's fields on a decoder.
 *
 * @param sized the decoder for the samples' number of points (coordinates at which it is evaluated), if it takes any number of
 *   points per sample
 */
export function decoderEntry(file: string, decoder: Decoder, sized = decoder) {
  const { latentSize, parameterCount, verified, start } = decoder;
  const { outputSize, outputShape } = sized;
  return {
    file: withoutSecrets(file),
    latentSize,
    outputSize,
    outputShape,
    parameterCount,
    verified,
    hasStart: start !== undefined,
  };
}

/**
 * Returns the report entry on a decoder.
 *
 * @param sized the decoder for the samples' number of points, if it takes any number of points per sample
 */
export function decoderFigure(file: string, decoder: Decoder, sized = decoder): Figure {
  return figure("decoder", showDecoder(file, decoder), { decoder: decoderEntry(file, decoder, sized) });
}

/** Formats a decoder's file and its layer sizes from latent to output: `D.safetensors: 20 → 150 → 784`. */
function showDecoder(file: string, decoder: Decoder): string {
  const withParameters = decoder.operations.filter((operation) => "weight" in operation);
  const sizes = withParameters.map(({ shape }) => shape.join("×"));
  if (isStackOfLayers(decoder)) sizes[sizes.length - 1] = String(decoder.outputSize);
  return `${shortPath(file)}: ${[decoder.latentSize, ...sizes].join(" → ")}`;
}

/** Returns the JSON report's fields on samples in memory. */
export function dataEntry({ source, dataset, total }: SourcedData) {
  const { count, shape, dividedBy } = dataset;
  return { source, samples: total, used: count, shape, dividedBy };
}

/** Makes the report entries on samples in memory. */
export function dataFigures(data: SourcedData, flags: HidingFlags): Figure[] {
  return [
    figure("data", data.source, { data: dataEntry(data) }),
    figure("samples", `${showCount(data)}, ${showValues(data.dataset)}`),
    ...tableFigures(data.array?.tables),
    ...pictureFigures(data.array?.pictures, data.dataset.count, hidesByOpacity(flags)),
  ];
}

/** Formats the numbers of samples used and available: `480 of 50,000`. */
export function showCount({ dataset, total }: SourcedData): string {
  return `${formatCount(dataset.count)} of ${formatCount(total)}`;
}

/** Formats the shape of a sample and the scaling of its values: `28 × 28 values each, bytes divided by 255`. */
export function showValues({ shape, dividedBy }: Pick<Dataset, "shape" | "dividedBy">): string {
  const values = shape.length === 0 ? "a single value" : `${showLengths(shape)} values`;
  return `${values} each${dividedBy === 1 ? "" : `, bytes divided by ${dividedBy}`}`;
}

/** Maximum number of characters that a report shows of a column's categories, to be copied into `--categories`. */
const LONGEST_CATEGORIES = 300;

/** Makes the report entries on samples from tables: the columns of the first one, and their categories. */
export function tableFigures(tables: ArrayFile["tables"]): Figure[] {
  const table = tables?.find((each) => each !== undefined);
  if (!table) return [];
  const { columns, columnsInFile, hasHeader } = table;
  const names = columns.map(({ name }) => name);
  const categories = columns.flatMap((column) =>
    column.categories ? [[column.name, column.categories] as const] : [],
  );
  const count = names.length < columnsInFile ? `${names.length} of ${columnsInFile}: ` : "";
  const shown = showList(names.map((name) => escapeText(name)));
  const texts = categories.map(([name, values]) =>
    escapeText(showCategories(name, values), LONGEST_CATEGORIES),
  );
  return [
    figure("columns", `${count}${shown}${hasHeader ? "" : ", counted: there is no header"}`, {
      columns: names,
      hasHeader,
    }),
    figure("categories", texts.length > 0 ? showList(texts) : undefined, {
      categories: Object.fromEntries(categories),
    }),
  ];
}

/**
 * Makes the report entry on missing values: their number, and their share of all.
 *
 * @param counts number of missing values of each sample, or of groups of samples
 * @param values number of all values
 */
export function missingFigure(counts: ArrayLike<number>, values: number): Figure {
  const missing = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const share = `${formatCount(missing)} (${formatShare(missing / values)})`;
  return figure("missing values", missing > 0 ? share : undefined, { missing });
}

/**
 * Makes the report entries on pictures read as samples: how many lost their colours, and how many transparent and padding
 * pixels are hidden.
 *
 * @param count number of samples used
 * @param isHidden false if weights or a mask are given, so that these pixels are not hidden as such
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
    figure(
      "colours",
      madeGrey > 0 ? `${countOf(madeGrey, "picture")} with colours read in grey` : undefined,
      { madeGrey },
    ),
    figure("hidden", hidden.length > 0 ? showHidden(hidden) : undefined, {
      hiddenPixels: hidden.reduce((sum, { pixels }) => sum + pixels, 0),
    }),
  ];
}

/**
 * Counts transparent and padding pixels of the first `count` pictures, and the pictures that have some; kinds without
 * pixels are left out.
 */
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

/**
 * Formats the numbers of hidden pixels and of their pictures:
 * `123 transparent pixels of 4 pictures, 56 padded pixels of 1 picture`.
 */
function showHidden(hidden: ReturnType<typeof hiddenIn>): string {
  return hidden
    .map(({ noun, pixels, files }) => `${countOf(pixels, noun)} of ${countOf(files, "picture")}`)
    .join(", ");
}

/**
 * Prints a warning if samples have transparent pixels or padding, which will count as white.
 *
 * @param why option that makes all pixels count
 */
export function warnOfTransparency({ array, dataset, flag }: SourcedData, why: string): void {
  const found = array?.pictures ? hiddenIn(array.pictures, dataset.count) : [];
  if (found.length > 0)
    say(`warning: ${flag}: ${showHidden(found)} count as white, since ${why} takes all values alike`);
}

/** Formats the name of a data file for a report: a short path, or "stdin". */
export function sourceName(file: string): string {
  return isStdin(file) ? "stdin" : shortPath(file);
}

/**
 * Makes the report entries on fixed inputs (values given with each sample, not optimised) and on the number of points per
 * sample.
 */
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
    ...texts.map((text, i): Figure => figure(i === 0 ? "fixed inputs" : "", text)),
    figure("points", points === undefined ? undefined : formatCount(points)),
  ];
}

/**
 * Makes the report entries on the files of weights, mask and start vectors z₀.
 *
 * @param decoder decoder whose own start is used without `z0`; undefined if no flow is followed
 * @param hiddenShare fraction of the values that the mask hides; undefined without a mask
 */
export function weightsAndStartFigures(
  { weights, mask, z0 }: WeightFlags & { readonly z0?: string | undefined },
  decoder: Decoder | undefined,
  hiddenShare: number | undefined,
): Figure[] {
  const ownStart = decoder?.start && "the decoder's own start";
  return [
    figure("weights", weights && shortPath(weights), { weights }),
    figure("mask", mask?.map(shortPath).join(", "), { mask }),
    figure("hidden", hiddenShare === undefined ? undefined : `${formatShare(hiddenShare)} of the values`, {
      hiddenShare,
    }),
    figure("flows start at", z0 === undefined ? ownStart : shortPath(z0), { z0 }),
  ];
}
