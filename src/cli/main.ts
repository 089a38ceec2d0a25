#!/usr/bin/env node
import { exitCodes } from "./exit-codes.ts";
import { watchOutput } from "./output/print.ts";
import { runProgram, sayDefect } from "./program.ts";

watchOutput();
process.on("uncaughtException", (error) => {
  sayDefect(error);
  process.exit(exitCodes.failed);
});
// A signal or a failed output may have set an exit code, which 0 must not replace.
process.exitCode = (await runProgram(process.argv.slice(2))) ?? process.exitCode;
