import type { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { describe } from "../index.ts";
import { addDecoderOptions, type DecoderFlags, readDecoder } from "./decoder-file.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { interruptSignal, unlessInterrupted } from "./interrupt.ts";
import { requiredOption } from "./options.ts";
import { print } from "./print.ts";

interface DescribeCommandOptions extends DecoderFlags {
  readonly json?: boolean;
}

/** Adds `latentflow describe` to the program. */
export function addDescribeCommand(program: Command): void {
  const command = program
    .command("describe")
    .summary("say what a decoder is made of")
    .description(
      "Prints a decoder's operations with their shapes, parameters and multiplications for a sample, and totals.",
    )
    .optionsGroup("What and how:")
    .addOption(requiredOption("--decoder <file>", "the decoder: safetensors, a path or a URL"))
    .option("--json", "print one JSON document");
  addDecoderOptions(command).addHelpText(
    "after",
    `
${exitCodesHelp("nothing is printed")}
Example:
  $ latentflow describe --decoder D.safetensors`,
  );
  command.action(runDescribe);
}

async function runDescribe(options: DescribeCommandOptions): Promise<void> {
  const signal = interruptSignal();
  const decoder = await unlessInterrupted(signal, readDecoder(options, signal), "stopped");
  if (!decoder) return;
  const description = describe(decoder);
  const { verified, unverifiedReason } = decoder;
  const document = { latentflow: packageJson.version, file: options.decoder, verified, ...description };
  const note = verified === false ? `\nnot verified: ${unverifiedReason}\n` : "";
  const text = `${description}\n${note}`;
  print(options.json ? `${JSON.stringify(document, null, 2)}\n` : text);
}
