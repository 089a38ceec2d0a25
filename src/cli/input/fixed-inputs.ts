import type { Command } from "commander";
import { callOf } from "../../base/message.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { show, showPath } from "../../base/show.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { checkFixedInput } from "../../decoder/fixed.ts";
import { atPoints } from "../../decoder/points.ts";
import { elementCount, showLengths } from "../../files/array.ts";
import type { FixedInput } from "../../graph/graph.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { type FixedArgument, parseCount, parseFixed } from "../options/parse.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { type DataLimits, openArray } from "./array-files/open.ts";
import { findPoints, type PointsSource, type SampleRows } from "./points.ts";

// Fixed inputs: values that come with samples and are not sought. And the number of points of a sample.

const fixedFlags = (rows: string) => ({
  fixed: flag(
    "<name=file>",
    `an input that is given and not sought: NAME=FILE, .npy, one row for all ${rows} or one for each; or NAME=NUMBER; once for each input`,
    { parse: parseFixed },
  ),
  points: flag(
    "<n>",
    "of a decoder over points: how many there are (default: as many as the files have, where their shapes tell)",
    { parse: parseCount },
  ),
});

/** Options of fixed inputs, as commander returns them. */
export type FixedFlags = OptionsOf<ReturnType<typeof fixedFlags>>;

/** Adds the options of fixed inputs to the current group. @param rows name of the things that they come with */
export function addFixedOptions(command: Command, rows: string): Command {
  return addFlags(command, fixedFlags(rows));
}

/** Fixed inputs whose sizes are known and whose numbers have not been read. */
export interface FixedInputsPlan<Input extends PlannedInput = PlannedInput> {
  /** The decoder; one over points is for the samples' number of points. */
  readonly decoder: Decoder;
  /** Number of points of a sample; undefined for a decoder that is not over points. */
  readonly points: number | undefined;
  readonly inputs: readonly Input[];
}

/** Fixed inputs of samples, with their numbers. */
export type FixedInputs = FixedInputsPlan<FixedNumbers>;

interface PlannedInput extends FixedArgument {
  /** Beginning of messages. */
  readonly at: string;
  readonly input: FixedInput;
  /** Numbers of one sample. */
  readonly size: number;
  /** True if each sample has a row of its own; false if all share one. */
  readonly isEach: boolean;
  /** Array of the file; undefined for a number. */
  readonly array: ArrayFile | undefined;
}

interface FixedNumbers extends PlannedInput {
  /** One row for all samples, or a row for each. */
  readonly numbers: Float32Array;
}

/** Value of `--fixed`, with its file's array if it names a file. */
export interface FixedSource extends FixedArgument, PointsSource {}

/**
 * Opens the files of fixed inputs.
 *
 * @throws LatentflowError if the decoder has no such input, or has one without a value
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
  // In sequence, in the decoder's order, since one may be stdin.
  for (const name of names) {
    const argument = given.find((each) => each.name === name)!;
    const { value } = argument;
    const own = `${flag} ${showPath(name)}`;
    const array = typeof value === "string" ? await openArray(own, value, limits) : undefined;
    sources.push({ ...argument, flag: own, array });
  }
  return sources;
}

/** Quotes a name for a shell, if needed. */
function quoted(name: string): string {
  return /^[\w.:/-]+$/.test(name) ? name : show(name);
}

/**
 * Matches files of fixed inputs with samples.
 *
 * @param points value of --points, if it is given
 * @throws LatentflowError if a file's shape does not fit, or the number of points is unknown
 */
export function planFixedInputs(
  decoder: Decoder,
  sources: readonly FixedSource[],
  points: number | undefined,
  rows: SampleRows,
): FixedInputsPlan {
  const isOverPoints = decoder.fixedInputs.some(({ hasPoints }) => hasPoints);
  const count = points ?? (isOverPoints ? findPoints(decoder, sources, rows) : undefined);
  const sized = atPoints(callOf("encode"), decoder, count);
  const inputs = sources.map((source, i) => planInput(sized.fixedInputs[i]!, source, rows));
  return { decoder: sized, points: count, inputs };
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
 * Reads the fixed inputs of some samples.
 *
 * @throws LatentflowError if an input does not take a number
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

/**
 * Tells a file with a row for each sample (true) from one with a row for all of them (false).
 *
 * @param found shape of the file
 * @param shape shape of a row
 * @param counts numbers of rows that are a row for each sample
 * @returns undefined if neither fits
 */
function hasRowForEach(
  found: readonly number[],
  shape: readonly number[],
  counts: readonly number[],
): boolean | undefined {
  // Axes of length 1 are ignored, and a row may be flat.
  const key = (lengths: readonly number[]) => lengths.filter((length) => length !== 1).join();
  const isRow = (lengths: readonly number[]) =>
    key(lengths) === key(shape) || key(lengths) === key([elementCount(shape)]);
  if (isRow(found)) return false;
  const [first, ...rest] = found;
  return counts.includes(first!) && isRow(rest) ? true : undefined;
}

/** The option `fixed` of `encode`, `decode` or `evaluate`; none where the decoder has no fixed inputs. */
export function fixedValues({ inputs }: FixedInputs) {
  const fixed = inputs.map(({ name, numbers }) => [name, numbers] as const);
  return inputs.length > 0 && { fixed: Object.fromEntries(fixed) };
}

/** The options `fixed` and `points` of `encode`, `decode` or `evaluate`. */
export function fixedOptions(inputs: FixedInputs) {
  const { points } = inputs;
  return { ...fixedValues(inputs), ...(points !== undefined && { points }) };
}
