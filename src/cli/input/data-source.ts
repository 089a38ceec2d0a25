import type { Command } from "commander";
import { LatentflowError, markedMessage } from "../../base/errors.ts";
import { checkSize } from "../../files/limits.ts";
import { ARRAY_FORMATS } from "../../files/read.ts";
import {
  createDataset,
  type DataSplits,
  type Dataset,
  fashionMnist,
  mnist,
  segMnist,
} from "../../train/index.ts";
import { flag, type OptionsOf } from "../options/flag-table.ts";
import { refuseOptions, wrongUsage } from "../options/options.ts";
import { parseCount } from "../options/parse.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import { type DataLimits, rowsOf } from "./array-files/open.ts";
import { limitsOf } from "./decoder-file.ts";
import { isStdin, readDatasetFile, shortPath, showFile } from "./files.ts";
import { openData, refusePictureOptions } from "./open-data.ts";
import { expandFiles } from "./pictures/expand-files.ts";
import type { PictureReading } from "./pictures/open-pictures.ts";
import { isPictureFile } from "./pictures/picture-file.ts";
import { type HidingFlags, type PictureFlags, readingOf, type Target } from "./pictures/picture-options.ts";

/** Samples of a run: the first `count` of the `total` in a source. */
export interface SamplesTaken {
  /** Number of samples used, the first ones of the source; `--limit` can lower it. */
  readonly count: number;
  /** Number of samples in the source. */
  readonly total: number;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Option that names the samples, `--data` or `--dataset mnist`, or a phrase for them if they come from no option. */
  readonly flag: string;
  /** Beginning of error messages: the option with its file. */
  readonly at: string;
  /** Array of the samples; undefined for samples that are in memory and were not read from pictures. */
  readonly array?: ArrayFile | undefined;
}

/** Samples in memory, with the name of their source for reports. */
export interface SourcedData extends SamplesTaken {
  readonly source: string;
  readonly dataset: Dataset;
}

/** Names of the file formats that store a single array. */
export const formats = ARRAY_FORMATS.map(({ label }) => label);

/** Help text for the option of a file of samples. */
const dataHelp =
  `the samples: ${formats.join(" or ")}, gzipped or not, or FILE.npz#NAME; first axis: samples; or ` +
  "PNG and JPEG files, folders of them, or '*.png' in quotes";

/** Help text for the option of files of samples that are read piece by piece. */
export const dataFilesHelp =
  `the samples: ${formats.join(", ")}, gzipped or not, FILE.npz#NAME, or Parquet, FILE.parquet#COLUMN; several files ` +
  "follow each other; first axis: samples; or PNG and JPEG files, folders of them, or '*.png' in quotes";

/** Help text for the option of a file of start vectors z₀. */
export const z0Help =
  "where the flows start, as latents.npy has it: a latent per sample, or one for all (default: the decoder's own start, else 0)";

/** Help text for the option of a file of weights. */
export const weightsHelp =
  "weights >= 0 of the values, in such a file, bytes of 0 and 1, or a picture: for one sample, or for all";

/** Help text on how values of samples are read. */
export const valuesHelp = `Bytes (uint8) of samples are divided by 255. For cross entropy values must lie
in [0, 1].
Missing values may be NaN where their weight is 0.`;

/** Help text on reading data from standard input. */
export const stdinHelp = `One file of data may be -, standard input; -#NAME is the array NAME of a .npz
file that comes in there.`;

const loaders = { mnist, "fashion-mnist": fashionMnist, "seg-mnist": segMnist };

/**
 * Makes the options that name samples: a file, or one part (training or test) of a data set that the library can read.
 *
 * @param verb what the command does with the samples, for the help
 */
export const dataFlags = (part: keyof DataSplits, verb: string) => ({
  data: flag("<files...>", dataHelp, { gives: ["y"] }),
  dataset: flag("<name>", `instead of a file, the ${part === "test" ? "test" : "training"} images of`, {
    choices: Object.keys(loaders) as (keyof typeof loaders)[],
    gives: ["y", "data"],
    conflicts: "data",
  }),
  datasetFolder: flag("<dir>", "where its four IDX files are (default: where found)", { gives: ["folder"] }),
  limit: flag("<n>", `${verb} the first n samples (default: all)`, { parse: parseCount }),
});

/** Parsed options that name the samples. */
export interface DataOptions extends PictureFlags, OptionsOf<ReturnType<typeof dataFlags>> {
  readonly maxBytes?: number | undefined;
}

/** Exits with an error of usage if no samples are named, or options that name them contradict each other. */
export function checkDataOptions(command: Command): void {
  const { data, dataset, resume } = command.opts<DataOptions & { readonly resume?: true }>();
  if (data === undefined && dataset === undefined) {
    const advice = resume ? "; --resume takes the options that the run began with, all of them" : "";
    wrongUsage(command, `expected --data <files...> or --dataset <name>${advice}`);
  }
  if (dataset === undefined) refuseOptions(command, ["datasetFolder"], "--data");
  else refuseOptions(command, ["fit", "invert"], "--dataset, whose pictures are of one size");
}

/**
 * Reads the samples that the options name into memory.
 *
 * @param part training or test part of a data set given by `--dataset`
 * @param target returns the shape of a sample, which pictures are scaled to
 */
export async function readData(
  options: DataOptions & HidingFlags,
  part: keyof DataSplits,
  target: Target,
  signal: AbortSignal,
): Promise<SourcedData> {
  const { data, dataset, datasetFolder: folder, limit } = options;
  const limits = limitsOf(options, signal);
  if (dataset === undefined) return readDataFile("--data", data!, readingOf(options, target), limits, limit);
  const { maxBytes } = limits;
  const splits = await loaders[dataset]({ maxBytes, signal, ...(folder && { folder }) }).catch((error) => {
    if (!(error instanceof LatentflowError)) throw error;
    const flag = folder === undefined ? `--dataset ${dataset}` : "--dataset-folder";
    throw new LatentflowError(error.code, `${flag}: ${markedMessage(error)}`, { cause: error });
  });
  const flag = `--dataset ${dataset}`;
  return { source: `${dataset}, ${part}`, flag, at: flag, ...firstOf(splits[part], limit) };
}

/**
 * Reads the first `limit` samples of files of arrays or pictures into memory.
 *
 * @param flag option that names the files, for messages
 */
export async function readDataFile(
  flag: string,
  paths: readonly string[],
  pictures: PictureReading,
  limits: DataLimits,
  limit?: number,
): Promise<SourcedData> {
  const files = await expandFiles(flag, paths);
  const [file] = files as [string];
  const source = isStdin(file) ? "stdin" : shortPath(file);
  const at = showFile(flag, file);
  if (files.length === 1 && !(await isPictureFile(file))) {
    await refusePictureOptions(flag, file, pictures);
    return { source, flag, at, ...firstOf(await readDatasetFile(flag, file, limits), limit) };
  }
  const array = await openData(flag, files, limits, pictures);
  const { count: total, shape, size } = rowsOf(at, array);
  const count = Math.min(total, limit ?? total);
  checkSize(at, "the samples take", 4 * count * size, limits.maxBytes);
  const dataset = createDataset(await array.read(0, count * size), { shape });
  const others = files.length > 1 ? ` and ${files.length - 1} more` : "";
  return { source: source + others, flag, at, dataset, count, total, shape, array: array.names && array };
}

function firstOf(all: Dataset, limit = all.count) {
  const dataset = all.slice(0, limit);
  return { dataset, count: dataset.count, total: all.count, shape: dataset.shape };
}
