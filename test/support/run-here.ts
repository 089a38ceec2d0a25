import { runProgram } from "../../src/cli/program.ts";

/**
 * Runs the program `latentflow` in this process, in a fraction of the time that a process of its own takes.
 *
 * @returns its exit code, after a signal the code for that, and what it printed
 */
export async function runHere(...args: string[]) {
  let [stdout, stderr] = ["", ""];
  const [out, err] = [process.stdout.write, process.stderr.write];
  process.stdout.write = (chunk) => {
    stdout += chunk;
    return true;
  };
  process.stderr.write = (chunk) => {
    stderr += chunk;
    return true;
  };
  try {
    const exit = (await runProgram(args)) ?? Number(process.exitCode ?? 0);
    return { exit, stdout, stderr };
  } finally {
    process.stdout.write = out;
    process.stderr.write = err;
    for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
    process.exitCode = 0;
  }
}
