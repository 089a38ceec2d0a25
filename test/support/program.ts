import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { toNpy } from "../../src/files/npy.ts";

const built = fileURLToPath(new URL("../../build/lib/cli.js", import.meta.url));

/** Starts the program `latentflow` as `npm run build` has built it: its source takes ten times as long to start. */
export function start(args: readonly string[], flagsOfNode: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...flagsOfNode, built, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

/** How a command ended: its exit code, or the name of the signal that killed it, and what it printed. */
export async function endOf(child: ChildProcess) {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close"),
  ]);
  return { exit: code ?? signal, stdout, stderr };
}

/** Runs the program to its end. */
export const run = (...args: string[]) => endOf(start(args));

const MEMORY = "/dev/shm";

/** Linux's disk in memory, where a gibibyte is free, else the disk: on that the thousands of fsync take minutes of waiting. */
export function quickFolder(): string {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize > 2 ** 30 ? MEMORY : tmpdir();
}

/** A folder for a test file's outputs. */
export class Workplace {
  readonly folder = mkdtempSync(join(quickFolder(), "latentflow-cli-"));
  private count = 0;

  /** The path of a folder, or a file, that is not there yet. */
  newPath(): string {
    return join(this.folder, `${this.count++}`);
  }

  /** Writes a .npy file; returns its path. */
  writeFloats(values: Float32Array, shape: readonly number[]): string {
    const file = `${this.newPath()}.npy`;
    writeFileSync(file, toNpy(values, shape));
    return file;
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** The lines of a CSV file, the first of names, each split at its commas. */
export function readCsv(file: string): string[][] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => line.split(","));
}

/** The values under a name. */
export function column(table: string[][], name: string): string[] {
  return table.slice(1).map((row) => row[table[0]!.indexOf(name)]!);
}
