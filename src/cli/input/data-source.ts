import { type Command, Option } from "commander";
import { LatentflowError, markedMessage } from "../../base/errors.ts";
import type { Limits } from "../../files/limits.ts";
import { ARRAY_FORMATS } from "../../files/read.ts";
import { type DataSplits, type Dataset, fashionMnist, mnist, segMnist } from "../../train/index.ts";
import { gives, refuseOptions, wrongUsage } from "../options/options.ts";
import { parseCount } from "../options/parse.ts";
import { limitsOf } from "./decoder-file.ts";
import { isStdin, readDatasetFile, shortPath, showFile } from "./files.ts";

/** Options of samples, as commander returns them. */
export interface DataOptions {
  readonly data?: string;
  readonly dataset?: keyof typeof loaders;
  readonly datasetFolder?: string;
  readonly limit?: number;
  readonly maxBytes?: number;
}

/** Samples in memory, with their source. */
export interface SourcedData {
  /** Name of the source in reports. */
  readonly source: string;
  /** Flag that gives the samples: `--data`, `--dataset mnist`. */
  readonly flag: string;
  /** Beginning of messages: the flag, with its file. */
  readonly at: string;
  /** Samples taken, the first ones. */
  readonly dataset: Dataset;
  /** Number of samples at the source. */
  readonly total: number;
}

/** Names of the formats of one array. */
export const formats = ARRAY_FORMATS.map(({ label }) => label);

/** Help for a file of samples. */
const dataHelp = `the samples: ${formats.join(" or ")}, gzipped or not, or FILE.npz#NAME; first axis: samples`;

/** Help for files of samples that are read in blocks. */
export const dataFilesHelp =
  `the samples: ${formats.join(", ")}, gzipped or not, FILE.npz#NAME, or Parquet, FILE.parquet#COLUMN; several files ` +
  "follow each other; first axis: samples";

/** Help for a file of starts. */
export const z0Help =
  "where the flows start, as latents.npy has it: a latent per sample, or one for all (default: the decoder's own start, else 0)";

/** Help for a file of weights. */
export const weightsHelp =
  "weights >= 0 of the values, in such a file, bytes as they are: for one sample, or for all";

/** Help for the values of samples. */
export const valuesHelp = `Bytes (uint8) of samples are divided by 255. For cross entropy values must lie
in [0, 1].
Missing values may be NaN where their weight is 0.`;

/** Help for stdin. */
export const stdinHelp = `One file of data may be -, standard input; -#NAME is the array NAME of a .npz
file that comes in there.`;

const loaders = { mnist, "fashion-mnist": fashionMnist, "seg-mnist": segMnist };

/** Adds the options of samples: a file, or a part of a data set that the library reads. */
export function addDataOptions(command: Command, part: keyof DataSplits, verb: string): Command {
  return command
    .addOption(gives(new Option("--data <file>", dataHelp), "y"))
    .addOption(
      gives(
        new Option(
          "--dataset <name>",
          `instead of a file, the ${part === "test" ? "test" : "training"} images of`,
        ),
        "y",
        "data",
      )
        .choices(Object.keys(loaders))
        .conflicts("data"),
    )
    .addOption(
      gives(
        new Option("--dataset-folder <dir>", "where its four IDX files are (default: where found)"),
        "folder",
      ),
    )
    .option("--limit <n>", `${verb} the first n samples (default: all)`, parseCount);
}

/** Refuses options of samples that contradict each other. */
export function checkDataOptions(command: Command): void {
  const { data, dataset } = command.opts<DataOptions>();
  if (data === undefined && dataset === undefined)
    wrongUsage(command, "expected --data <file> or --dataset <name>");
  if (dataset === undefined) refuseOptions(command, ["datasetFolder"], "--data");
}

/** Reads the samples that the options name. @param part part of a data set */
export async function readData(
  options: DataOptions,
  part: keyof DataSplits,
  signal: AbortSignal,
): Promise<SourcedData> {
  const { data, dataset, datasetFolder: folder, limit } = options;
  const limits = limitsOf(options, signal);
  if (dataset === undefined) return readDataFile("--data", data!, limits, limit);
  const { maxBytes } = limits;
  const splits = await loaders[dataset]({ maxBytes, signal, ...(folder && { folder }) }).catch((error) => {
    if (!(error instanceof LatentflowError)) throw error;
    const flag = folder === undefined ? `--dataset ${dataset}` : "--dataset-folder";
    throw new LatentflowError(error.code, `${flag}: ${markedMessage(error)}`, { cause: error });
  });
  const flag = `--dataset ${dataset}`;
  return { source: `${dataset}, ${part}`, flag, at: flag, ...firstOf(splits[part], limit) };
}

/** Reads the first samples of a file. */
export async function readDataFile(
  flag: string,
  file: string,
  limits: Limits,
  limit?: number,
): Promise<SourcedData> {
  const dataset = await readDatasetFile(flag, file, limits);
  const source = isStdin(file) ? "stdin" : shortPath(file);
  return { source, flag, at: showFile(flag, file), ...firstOf(dataset, limit) };
}

function firstOf(dataset: Dataset, limit = dataset.count) {
  return { dataset: dataset.slice(0, limit), total: dataset.count };
}
