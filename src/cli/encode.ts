import type { Command } from "commander";
import type { ActivationLike } from "../index.ts";
import { addRunOptions, amdOptionsOf, parseActivation, parseCount, type RunOptions } from "./options.ts";
import { runJob } from "./run.ts";

interface EncodeCommandOptions extends RunOptions {
  readonly data: string;
  readonly weights?: string;
  readonly activation?: ActivationLike;
  readonly outputActivation?: ActivationLike;
}

/** Adds `latentflow encode` to the program. */
export function addEncodeCommand(program: Command): void {
  const command = program
    .command("encode")
    .summary("encode a file of samples with a decoder of your own")
    .description(
      "Finds for each sample y of FILE the code z whose decoding D(z) is closest to it, and writes to DIR:\n" +
        "  latents.npy          the codes, samples × latent size, float32\n" +
        "  results.csv          losses and statuses, a line per sample\n" +
        "  reconstructions.png  original, reconstruction, difference (of images)\n" +
        "  steps.png            reconstructions on the way (of images)\n" +
        "Files of these names in DIR are replaced.",
    )
    .optionsGroup("What and where:")
    .requiredOption("--decoder <file>", "the decoder: safetensors, a path or a URL")
    .requiredOption(
      "--data <file>",
      "the samples: IDX, gzipped IDX, or .npy of float32 or uint8; first axis: samples",
    )
    .requiredOption("--out <dir>", "folder for the results, made if it is missing")
    .option("--limit <n>", "encode the first n samples (default: all)", parseCount)
    .option("--weights <file>", "weights >= 0 of the values, in such a file: for one sample, or for all")
    .optionsGroup("Decoder (default: what its file says):")
    .option(
      "--activation <name>",
      "between layers: elu, relu, leakyRelu, tanh, …; or leakyRelu:0.2",
      parseActivation,
    )
    .option("--output-activation <name>", "after the last layer: sigmoid, identity, …", parseActivation);
  addRunOptions(command).addHelpText(
    "after",
    `
Bytes (uint8) are divided by 255. For cross entropy the values must lie in [0, 1].
Missing values may be NaN where their weight is 0.

Exit codes: 0 done, 1 a file or value that cannot be used, 2 wrong usage, 130
ended by Ctrl-C: what was done is written, the other samples are "aborted".

Examples:
  $ latentflow encode --decoder D.safetensors --data digits-idx3-ubyte.gz --out codes
  $ latentflow encode --decoder D.safetensors --data samples.npy --out codes \\
      --loss squaredError --activation tanh --limit 10 --json`,
  );
  command.action(async ({ activation, outputActivation, ...options }: EncodeCommandOptions) => {
    const decoderOptions = {
      ...(activation && { activation }),
      ...(outputActivation && { outputActivation }),
    };
    await runJob({ ...options, decoderOptions, solver: amdOptionsOf(command, options) });
  });
}
