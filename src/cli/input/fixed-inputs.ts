import type { Command } from "commander";
import { calling } from "../../base/calling.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { show, showList, showPath } from "../../base/show.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { checkFixedInput } from "../../decoder/fixed.ts";
import { atPoints } from "../../decoder/points.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import type { FixedInput } from "../../graph/graph.ts";
import { isReordered } from "../../graph/kind.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { type FixedArgument, parseCount, parseFixed } from "../options/parse.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { type DataLimits, openData } from "./open-data.ts";
import { type FixedSource, findPoints, type SampleRows } from "./points.ts";
import { valueNames } from "./tables/table.ts";

// Fixed inputs of decoders: values given with each sample, such as a class label, which encoding does not change. For
// decoders over points (evaluated at any number of points per sample), also that number.

const fixedFlags = (rows: string) => ({
  fixed: flag(
    "<name=file>",
    `fixed input, such as a class: NAME=FILE, an array of one row for all ${rows} or one for each, or NAME=NUMBER; once for each input`,
    { parse: parseFixed },
  ),
  points: flag(
    "<n>",
    "number of points of each sample, for a decoder over points (default: from the shapes of the files of samples and of --fixed)",
    { parse: parseCount },
  ),
});

/** Parsed options of fixed inputs. */
export type FixedFlags = OptionsOf<ReturnType<typeof fixedFlags>>;

/**
 * Adds the options of fixed inputs (values given with each sample) to the current help group.
 *
 * @param rows what the inputs are given with, for the help: "samples" or "latents"
 */
export function addFixedOptions(command: Command, rows: string): Command {
  return addFlags(command, fixedFlags(rows));
}

/**
 * Fixed inputs (values given with each sample, not optimised) after their shapes are checked and before their numbers are
 * read.
 */
export interface FixedInputsPlan<Input extends PlannedInput = PlannedInput> {
  /**
   * The decoder. If it is evaluated at points (coordinates given with each sample), it is sized for the samples' number of
   * points.
   */
  readonly decoder: Decoder;
  /** Number of points (coordinates at which the decoder is evaluated) in a sample; undefined for a decoder without points. */
  readonly points: number | undefined;
  readonly inputs: readonly Input[];
}

/** Fixed inputs of some samples, with their numbers in memory. */
export type FixedInputs = FixedInputsPlan<FixedNumbers>;

interface PlannedInput extends FixedArgument {
  /** Beginning of error messages about the input. */
  readonly at: string;
  readonly input: FixedInput;
  /** Number of values for one sample. */
  readonly size: number;
  /** True if the file has one row per sample; false if all samples share one row. */
  readonly isEach: boolean;
  /** Array in the input's file; undefined if the option gives a number. */
  readonly array: ArrayFile | undefined;
}

interface FixedNumbers extends PlannedInput {
  /** Values of the input: one row, shared by all samples, or one row per sample. */
  readonly numbers: Float32Array;
}

/**
 * Opens the files of a decoder's fixed inputs (values given with each sample).
 *
 * @param flag option that gives them, for messages
 * @returns the inputs in the decoder's order
 * @throws LatentflowError if the decoder has no input of a given name, or one of its inputs is not given
 */
export async function openFixed(
  { fixedInputs }: Decoder,
  fixed: FixedFlags["fixed"],
  limits: DataLimits,
  flag = "--fixed",
): Promise<FixedSource[]> {
  const names = fixedInputs.map(({ name }) => name);
  const shown = names.map((name) => show(name)).join(", ");
  const given = fixed ?? [];
  const unknown = given.find(({ name }) => !names.includes(name));
  if (unknown) {
    const has = names.length === 0 ? "it has none" : `those that it has are ${shown}`;
    throw invalid(`${flag}: the decoder has no fixed input ${show(unknown.name)}; ${has}`);
  }
  const missing = fixedInputs.filter(({ name }) => !given.some((each) => each.name === name));
  if (missing.length > 0) {
    const flags = missing.map(
      ({ name, shape }) => `${flag} ${quoted(name)}=${elementCount(shape) === 1 ? "NUMBER or FILE" : "FILE"}`,
    );
    throw invalid(
      `the decoder has fixed inputs, ${shown}, which are given with the samples; add ${flags.join(" ")}`,
    );
  }
  const sources: FixedSource[] = [];
  // One after the other, in the decoder's order, since one may be stdin.
  for (const name of names) {
    const argument = given.find((each) => each.name === name)!;
    const { value } = argument;
    const own = `${flag} ${showPath(name)}`;
    const array = typeof value === "string" ? await openData(own, [value], limits) : undefined;
    sources.push({ ...argument, flag: own, array });
  }
  return sources;
}

/** Quotes a name for a shell if it contains special characters. */
function quoted(name: string): string {
  return /^[\w.:/-]+$/.test(name) ? name : show(name);
}

/**
 * Checks the shapes of fixed inputs against the samples, sizes a decoder over points (coordinates given with each sample)
 * for the samples' number of points, and checks that the samples, if there are any, fit its output.
 *
 * @param points value of `--points`, if given; otherwise the number is derived from the files' shapes
 * @throws LatentflowError if a file's shape does not fit, or the number of points cannot be derived
 */
export function planFixedInputs(
  decoder: Decoder,
  sources: readonly FixedSource[],
  points: number | undefined,
  rows: SampleRows,
): FixedInputsPlan {
  const isOverPoints = decoder.fixedInputs.some(({ hasPoints }) => hasPoints);
  const count = points ?? (isOverPoints ? findPoints(decoder, sources, rows) : undefined);
  const sized = calling("encode", () => atPoints(decoder, count));
  const inputs = sources.map((source, i) => planInput(sized.fixedInputs[i]!, source, rows));
  if (rows.shape) checkSamples(rows, rows.shape, { decoder: sized, points: count });
  return { decoder: sized, points: count, inputs };
}

/**
 * Refuses samples whose size, or order of axes, differs from that of the decoder's output for the samples' number of points, if
 * it has points.
 *
 * @throws LatentflowError `invalid_file`
 */
function checkSamples(
  { at, array }: SampleRows,
  shape: readonly number[],
  { decoder, points }: Pick<FixedInputsPlan, "decoder" | "points">,
): void {
  const { latentSize, outputSize, outputShape } = decoder;
  const samples = `${at}: its samples are ${showLengths(shape)}`;
  if (elementCount(shape) !== outputSize) {
    const why = points === undefined ? "" : ` at ${points} points, ${showLengths(outputShape)}`;
    const table = array?.tables?.[0];
    if (table) {
      throw invalidFile(
        `${samples} values, ${showList(valueNames(table).map((name) => show(name)))}; the decoder's output has ${outputSize}${why}; ` +
          "give --columns, --id-column and --categories so that the columns are those that it was trained with",
      );
    }
    const advice =
      elementCount(shape) === latentSize
        ? `, its latent ${latentSize}: are the samples codes, which latentflow decode takes, or is the decoder an encoder?`
        : "";
    throw invalidFile(`${samples}, the decoder's output has ${outputSize} values${why}${advice}`);
  }
  if (isReordered(shape, outputShape)) {
    throw invalidFile(
      `${samples}, the decoder's output is ${showLengths(outputShape)}; put the axes in this order, by numpy's moveaxis, ` +
        "or give --layout for an ONNX file",
    );
  }
}

function planInput(
  input: FixedInput,
  { array, name, value, flag }: FixedSource,
  { count, total }: SampleRows,
): PlannedInput {
  const { shape } = input;
  const size = elementCount(shape);
  const at = `${flag}=${showPath(`${value}`)}`;
  const planned = { name, value, at, input, size, array };
  if (array === undefined) {
    if (size === 1) return { ...planned, isEach: false };
    throw invalid(`${at}: a number, expected ${showLengths(shape)} of them in a file: ${flag}=FILE`);
  }
  const isEach = hasRowForEach(array.shape, shape, [total, count]);
  if (isEach !== undefined) return { ...planned, isEach };
  const samples = count === total ? `${total}` : `${total} or ${count}`;
  throw invalidFile(
    `${at}: its shape is ${showLengths(array.shape)}, expected ${showLengths(shape)}, one row for all samples, ` +
      `or ${samples} × ${showLengths(shape)}, one for each`,
  );
}

/**
 * Reads the fixed inputs of `count` samples from index `first` on.
 *
 * @throws LatentflowError if a value is not valid for its input, such as a class index that is out of range
 */
export async function readFixedInputs(
  plan: FixedInputsPlan,
  first: number,
  count: number,
): Promise<FixedInputs> {
  const inputs: FixedNumbers[] = [];
  for (const planned of plan.inputs) {
    const { array, at, input, size, isEach, value } = planned;
    const [start, end] = isEach ? [first * size, (first + count) * size] : [0, size];
    const taken = array ? await array.read(start, end) : Float32Array.of(Number(value));
    const numbers = taken instanceof Float32Array ? taken : Float32Array.from(taken);
    checkFixedInput(at, input, array ? numbers : value, count, start);
    inputs.push({ ...planned, numbers });
  }
  return { ...plan, inputs };
}

/** Reads the fixed inputs of all samples into memory, after the checks of `planFixedInputs`. */
export function readFixedOf(
  rows: SampleRows,
  decoder: Decoder,
  sources: readonly FixedSource[],
  points: number | undefined,
): Promise<FixedInputs> {
  return readFixedInputs(planFixedInputs(decoder, sources, points, rows), 0, rows.count);
}

/**
 * Distinguishes a file with one row per sample (true) from a file with one row for all samples (false).
 *
 * @param found shape of the file's array
 * @param shape shape of a row
 * @param counts numbers of samples that the first axis may have
 * @returns undefined if neither fits
 */
function hasRowForEach(
  found: readonly number[],
  shape: readonly number[],
  counts: readonly number[],
): boolean | undefined {
  // Axes of length 1 are ignored, and a row may be flattened.
  const key = (lengths: readonly number[]) => lengths.filter((length) => length !== 1).join();
  const isRow = (lengths: readonly number[]) =>
    key(lengths) === key(shape) || key(lengths) === key([elementCount(shape)]);
  if (isRow(found)) return false;
  const [first, ...rest] = found;
  return counts.includes(first!) && isRow(rest) ? true : undefined;
}

/**
 * Returns the option `fixed` for `encode`, `decode` or `evaluate`, to be spread; false if the decoder has no fixed
 * inputs.
 */
export function fixedValues({ inputs }: FixedInputs) {
  const fixed = inputs.map(({ name, numbers }) => [name, numbers] as const);
  return inputs.length > 0 && { fixed: Object.fromEntries(fixed) };
}

/** Returns the options `fixed` and `points` for `encode`, `decode` or `evaluate`, to be spread. */
export function fixedOptions(inputs: FixedInputs) {
  const { points } = inputs;
  return { ...fixedValues(inputs), ...(points !== undefined && { points }) };
}
