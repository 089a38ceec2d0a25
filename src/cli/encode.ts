import type { Command } from "commander";
import { dataHelp, stdinHelp, weightsHelp } from "./data-source.ts";
import { addDecoderOptions, addLossOptions, decoderHelp } from "./decoder-file.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { addFixedOptions } from "./fixed-inputs.ts";
import type { EncodingOptions } from "./job.ts";
import { addBatchSizeOption, addRunningOptions, requiredOption } from "./options.ts";
import { parseCount } from "./parse.ts";
import { addPriorOptions, checkPriorOptions } from "./prior-options.ts";
import { runJob } from "./run.ts";
import { addFlowAndSolverOptions, chosenFlowAndSolver } from "./solver-options.ts";

interface EncodeCommandOptions extends EncodingOptions {
  readonly data: string;
  readonly weights?: string;
  readonly z0?: string;
  readonly reconstructions?: true;
}

/** Adds `latentflow encode` to the program. */
export function addEncodeCommand(program: Command): void {
  const command = program
    .command("encode")
    .summary("encode a file of samples with a decoder of your own")
    .description(
      "Finds for each sample y of FILE the code z whose decoding D(z) is closest to it, and writes to DIR:\n" +
        "  latents.npy          the codes, samples × latent size, float32\n" +
        "  results.csv          losses, gradient norm, status, steps and t, a line per sample; of a prior its\n" +
        "                       value and the objective, too\n" +
        "  reconstructions.npy  D(z) in the samples' shape (with --reconstructions)\n" +
        "  reconstructions.png  original, reconstruction, difference (of images)\n" +
        "  steps.png            reconstructions on the way (of images)\n" +
        "Files of these names in DIR are replaced.",
    )
    .optionsGroup("What and where:")
    .addOption(requiredOption("--decoder <file>", decoderHelp))
    .addOption(requiredOption("--data <file>", dataHelp))
    .addOption(requiredOption("--out <dir>", "folder for the results, made if it is missing"))
    .option("--limit <n>", "encode the first n samples (default: all)", parseCount)
    .option("--weights <file>", weightsHelp)
    .option("--z0 <file>", "where the flows start, as latents.npy has it: one latent per sample (default: 0)")
    .option("--reconstructions", "also write reconstructions.npy, what the codes are decoded to");
  addFixedOptions(command, "samples");
  addDecoderOptions(command);
  addBatchSizeOption(addRunningOptions(command));
  addLossOptions(command);
  addPriorOptions(command);
  addFlowAndSolverOptions(command).addHelpText(
    "after",
    `
Bytes (uint8) are divided by 255. For cross entropy the values must lie in [0, 1].
Missing values may be NaN where their weight is 0.
${stdinHelp}
${exitCodesHelp('what was done is written, the other samples are "aborted"')}
Examples:
  $ latentflow encode --decoder D.safetensors --data digits-idx3-ubyte.gz --out codes
  $ latentflow encode --decoder D.safetensors --data samples.npy --out codes \\
      --loss squaredError --activation tanh --limit 10 --json
  $ latentflow encode --decoder D.safetensors --data samples.npy --out codes \\
      --flow nesterov --solver rk4 --t1 30 --slices 100
  $ latentflow encode --decoder D.onnx --data samples.npy --out codes --loss mse \\
      --fixed label=labels.npy --fixed xyz=points.npy --points 2000
  $ latentflow encode --decoder vae.safetensors --data samples.npy --out codes --prior gaussian`,
  );
  command.action(async (options: EncodeCommandOptions) => {
    checkPriorOptions(command);
    await runJob({ ...options, ...chosenFlowAndSolver(command) });
  });
}
