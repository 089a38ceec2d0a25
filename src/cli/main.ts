#!/usr/bin/env node
import { exitCodes } from "./exit-codes.ts";
import { watchOutput } from "./output/print.ts";
import { runProgram, sayDefect } from "./program.ts";

watchOutput();
process.on("uncaughtException", (error) => {
  sayDefect(error);
  process.exit(exitCodes.failed);
});
// 0 might come after an output that could not be written, or a signal.
process.exitCode = (await runProgram(process.argv.slice(2))) ?? process.exitCode;
