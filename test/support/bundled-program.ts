import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/**
 * The program `latentflow` as one file of JavaScript, which starts in a tenth of the time that its source does. It has
 * one thread: the workers' file is not there.
 */
export class BundledProgram {
  readonly file: string;
  readonly #started: ChildProcess[] = [];

  constructor(folder: string) {
    this.file = join(folder, "latentflow.mjs");
    buildSync({
      entryPoints: [fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))],
      outfile: this.file,
      bundle: true,
      format: "esm",
      platform: "node",
      banner: {
        js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
      },
    });
  }

  /** Starts it, with pipes unless the options say otherwise. */
  start(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const stdio = { stdio: ["ignore", "pipe", "pipe"] } satisfies SpawnOptions;
    const child = spawn(process.execPath, [this.file, ...args], { ...stdio, ...options });
    this.#started.push(child);
    return child;
  }

  /** Kills what a failed test has left running, or stopped: the file of tests would wait for it. */
  killAll(): void {
    for (const child of this.#started) child.kill("SIGKILL");
  }

  /** Starts it by a shell's words, in which "$@" is the program with its arguments. */
  startInShell(words: string, args: readonly string[]): ChildProcess {
    const command = ["-c", words, "sh", process.execPath, this.file, ...args];
    return spawn("sh", command, { stdio: ["ignore", "pipe", "pipe"] });
  }
}
