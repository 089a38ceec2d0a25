import type { Command } from "commander";
import { exitCodesHelp } from "../exit-codes.ts";
import { interruptSignal, sayInterrupted } from "../interrupt.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { makeFolder, type Output, type OutputFile, writeOutputs } from "../output/output-files.ts";
import { PICTURES, pictureNames } from "../output/picture-names.ts";
import { print } from "../output/print.ts";
import { formatDuration, showProgress } from "../output/progress.ts";
import { type Figure, figure, formatCount, formatReport } from "../output/report.ts";
import { endFigures, lossFigures, samplingFigures, workFigures } from "../output/result-figures.ts";
import { findParts, openFolders } from "../parts/open-parts.ts";
import type { Part } from "../parts/part.ts";
import type { PartsFolder } from "../parts/parts-folder.ts";
import { RunSummariser, type RunSummary } from "../parts/run-summary.ts";
import { formatFlag, resultsFileNames, writeResults } from "../parts/write-results.ts";

const MERGE_FLAGS = {
  out: flag("<dir>", "folder for the results (default: the first DIR)"),
  format: formatFlag(),
  deleteParts: flag("", "remove the parts once the results are on the disk"),
  json: flag("", "print one JSON document on stdout instead of the table"),
  quiet: flag("", "show no progress on stderr"),
};

/** Adds `latentflow merge` to the program. */
export function addMergeCommand(program: Command): void {
  const command = program
    .command("merge")
    .summary("put the parts of encode --part together")
    .description(
      "Writes to DIR, or to --out, what encode --plain of all samples by one process\n" +
        "would have written, byte for byte, from the parts in DIR/parts:\n" +
        "latents.npy, results.csv and, where they were asked for, reconstructions.npy,\n" +
        "samples.npy and sample-weights.npy; or results.parquet; and, of images,\n" +
        "reconstructions.png, steps.png and samples.png. Files of these names there\n" +
        "are replaced; those that are not written are removed.",
    )
    .argument(
      "<dir...>",
      "the folder that was --out of the parts; several, where tasks had disks of their own",
    );
  addFlags(command, MERGE_FLAGS, "Where and how:").addHelpText(
    "after",
    `
Where parts are missing it says which and ends with 1. Parts of other options,
data or builds are refused.
${exitCodesHelp("nothing is written")}
Examples:
  $ latentflow merge results
  $ latentflow merge node1/results node2/results --out results \\
      --format parquet --delete-parts`,
  );
  command.action(merge);
}

async function merge(dirs: readonly string[], options: OptionsOf<typeof MERGE_FLAGS>): Promise<void> {
  const signal = interruptSignal();
  const folders = await openFolders(dirs);
  const [{ manifest }] = folders as [PartsFolder];
  const parts = await findParts(folders);
  const out = options.out ?? dirs[0]!;
  await makeFolder(out, [...resultsFileNames, ...pictureNames], {});

  const summariser = new RunSummariser();
  const title = `merging ${formatCount(manifest.samples)} samples`;
  const display = showProgress(title, manifest.samples, options.quiet, signal);
  const start = performance.now();
  let outputs: Output[];
  try {
    const onPart = (part: Part) => {
      signal.throwIfAborted();
      summariser.add(part);
      const done = part.first + part.count;
      const samplesPerSecond = (1000 * done) / (performance.now() - start);
      display.update({ done, meanLoss: summariser.mean("meanLoss"), samplesPerSecond });
    };
    const pictures = await readPictures(folders);
    outputs = await writeResults(out, options.format, manifest, parts(), pictureNames, onPart);
    outputs.push(...(await writeOutputs(out, pictures)));
  } catch (error) {
    if (!signal.aborted) throw error;
    sayInterrupted("stopped; nothing is written");
    return;
  } finally {
    display.stop();
  }
  if (options.deleteParts) for (const folder of folders) await folder.remove();
  print(formatReport(figuresOf(folders, summariser.summary()), outputs, options.json));
}

/**
 * Reads the run's pictures from the folders: the process that encoded the first part has written them into its own. Missing
 * pictures are left out.
 */
async function readPictures(folders: readonly PartsFolder[]): Promise<OutputFile[]> {
  const pictures: OutputFile[] = [];
  for (const name of pictureNames) {
    for (const folder of folders) {
      const bytes = await folder.readPicture(name);
      if (!bytes || pictures.some((picture) => picture.name === name)) continue;
      pictures.push({ name, bytes, content: PICTURES[name] });
    }
  }
  return pictures;
}

function figuresOf(folders: readonly PartsFolder[], summary: RunSummary): Figure[] {
  const [{ manifest }] = folders as [PartsFolder];
  const { samples, parts, idColumn } = manifest;
  return [
    figure("samples", formatCount(samples)),
    figure("parts", formatCount(parts), { parts, idColumn }),
    // Parts do not store the name of the loss.
    ...lossFigures(summary, { before: "mean loss before", after: "mean loss after", unit: "" }),
    ...endFigures(summary),
    ...samplingFigures(summary),
    // The text report leaves out the speed: the processes may have run at the same time, or been killed before they
    // ended.
    ...workFigures(summary).map(({ json = {} }) => ({ json })),
    figure("time of all parts", formatDuration(summary.seconds)),
  ];
}
