#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { LatentflowError } from "../index.ts";
import { addDecodeCommand } from "./decode.ts";
import { addDemoCommand } from "./demo.ts";
import { addEncodeCommand } from "./encode.ts";
import { addEvaluateCommand } from "./evaluate.ts";
import { addTrainCommand } from "./train.ts";

const program = new Command("latentflow")
  .description("Encodes data with a decoder alone: gradient flow encoding in SIMD WebAssembly.")
  .version(packageJson.version)
  .configureOutput({
    outputError: (message, write) => write(message.replace(/^error: /, "latentflow: ")),
  })
  .showHelpAfterError("(--help says how)")
  .addHelpText("after", "\nStart with: latentflow demo. For a command's options: latentflow encode --help")
  .exitOverride();
addDemoCommand(program);
addEncodeCommand(program);
addDecodeCommand(program);
addTrainCommand(program);
addEvaluateCommand(program);

// Whoever reads our output may stop reading, as `head` does: that is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** 0 after help and version, 2 on wrong usage, 1 on input that cannot be used; everything else is a defect. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof LatentflowError)) throw error;
  process.stderr.write(`latentflow: ${error.message}\n`);
  return 1;
}
