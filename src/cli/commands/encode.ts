import { dirname, join } from "node:path";
import type { Command } from "commander";
import { showPath } from "../../base/show.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { addNotes } from "../help.ts";
import { stdinHelp, valuesHelp } from "../input/data-source.ts";
import { wholePath } from "../input/files.ts";
import { piecesHelp } from "../input/open-data.ts";
import { expandFiles } from "../input/pictures/expand-files.ts";
import { checkMaskOptions } from "../input/pictures/picture-options.ts";
import { addFlags, type OptionsOf } from "../options/flag-table.ts";
import { addEncodingOptions, ENCODE_FLAGS, type Job, PART_FLAGS } from "../options/job.ts";
import { checkPriorOptions } from "../options/prior.ts";
import { refuseOptions, wrongUsage } from "../options/running.ts";
import { chosenFlowAndSolver } from "../options/solver-options.ts";
import { completedName } from "../output/completed-pictures.ts";
import { replacedHelp } from "../output/output-files.ts";
import { batchSystemsHelp, chosenPart } from "../parts/part-flag.ts";
import { runJob } from "./run-encoding.ts";

type EncodeCommandOptions = Omit<Job, "part" | "flow" | "solver"> & OptionsOf<typeof PART_FLAGS>;

/** Adds `latentflow encode` to the program. */
export function addEncodeCommand(program: Command): void {
  const command = program
    .command("encode")
    .summary("encode a file of samples with a decoder of your own")
    .description(
      "Finds for each sample y of FILE the code z whose decoding D(z) is closest to it,\n" +
        "and writes to DIR:\n" +
        "  latents.npy          the codes, samples × latent size, float32\n" +
        "  results.csv          a line per sample: losses, gradient norm, status, steps\n" +
        "                       and t; with a prior its value and the objective, too\n" +
        "  reconstructions.npy  D(z) in the samples' shape (with --reconstructions)\n" +
        "  samples.npy          codes drawn for each sample, samples × N × latent size,\n" +
        "                       float32 (with --samples N)\n" +
        "  sample-weights.npy   their weights, samples × N, float64 (with --samples N);\n" +
        "                       results.csv then has effective sample sizes\n" +
        "  results.parquet      all of these in one file (with --format parquet)\n" +
        "  reconstructions.png  original, reconstruction, difference (of images); if\n" +
        "                       values are hidden: given, completed, original\n" +
        "  steps.png            reconstructions on the way (of images)\n" +
        "  samples.png          given, mean of the draws, and the four draws with the\n" +
        "                       largest weights (of images, with --samples)\n" +
        "  completed/NAME       the data, missing and hidden values by the decoder, and\n" +
        "                       which these are; pictures as .png (without --part);\n" +
        "                       files of other names there stay\n" +
        `${replacedHelp}\n` +
        "Work of more than some minutes is done in parts, and those that are done are\n" +
        "kept in DIR/parts until all are: the same command goes on from there.",
    );
  addFlags(command, ENCODE_FLAGS, "What and where:");
  addFlags(command, PART_FLAGS, "Large runs:");
  command.optionsGroup("Given with the samples:");
  addEncodingOptions(command, "encode");
  addNotes(
    command,
    `
${valuesHelp}
${piecesHelp}
${stdinHelp}
--part auto takes I from the batch system's variable of the environment:
${batchSystemsHelp}
latentflow merge puts the parts together, or says which are missing.
${exitCodesHelp("of one part nothing is written; of more, whole parts are kept in DIR/parts")}`,
    `  $ latentflow encode --decoder D.safetensors --data digits.npy --out codes
  $ latentflow encode --decoder D.safetensors --data samples.npy --out codes \\
      --loss squaredError --activation tanh --limit 10 --json
  $ latentflow encode --decoder D.safetensors --data damaged/ --out completed \\
      --mask masks/ --fit contain
  $ latentflow encode --decoder D.onnx --data samples.npy --out codes \\
      --loss mse --fixed label=labels.npy \\
      --fixed xyz=points.npy --points 2000
  $ latentflow encode --decoder D.onnx --data part-*.parquet --out codes \\
      --id-column name --part 0/16`,
  );
  command.action(async ({ part: given, ...options }: EncodeCommandOptions) => {
    checkPriorOptions(command);
    checkMaskOptions(command);
    if (options.samples === undefined)
      refuseOptions(command, ["samplesSeed"], "encoding alone: it is the seed of --samples <n>, give it too");
    if (given && given !== "auto")
      refuseOptions(
        command,
        ["parts"],
        `--part ${given.index}/${given.count}, which says how many there are`,
      );
    const part = chosenPart(given, options.parts, process.env);
    if (part) {
      refuseOptions(command, ["format"], "--part, which writes no results; give it to latentflow merge");
      refuseOptions(
        command,
        ["complete"],
        `--part, which writes no results; when all parts are there, give it to encode --plain --parts ${part.count}`,
      );
    }
    const pair = chosenFlowAndSolver(command);
    const data = await expandFiles("--data", options.data);
    refuseFolderOfData(command, options.data, data, options.out);
    // Clusters mix processors, between which results of the build with relaxed SIMD may differ in the last bits; the
    // plain build gives the same bits on all.
    await runJob({ ...options, data, ...pair, ...(part && { part, plain: true }) });
  });
}

/**
 * Refuses an output folder in which the input pictures lie: results written there would be overwritten by the next run,
 * or read as samples.
 */
function refuseFolderOfData(
  command: Command,
  data: readonly string[],
  files: readonly string[],
  out: string,
): void {
  if (data.some((path) => wholePath(path) === wholePath(out))) {
    const isFile = files.some((path) => wholePath(path) === wholePath(out));
    const what = isFile ? "the file of --data, and is to be a folder" : "the folder of --data";
    wrongUsage(command, `--out ${showPath(out)} is ${what}; give another folder`);
  }
  const completed = join(out, completedName);
  if (files.some((path) => dirname(wholePath(path)) === wholePath(completed)))
    wrongUsage(command, `--out ${showPath(out)}: --data are in ${showPath(completed)}; give another folder`);
}
