import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";

interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end.
 *
 * @returns its standard output, without white space at its ends
 * @throws Error with what it printed, where it ends with anything but 0
 */
export async function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const ended = new Promise<string | number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(signal ?? code));
  });
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (end === 0) return stdout.trim();
  throw new Error(`${program} ${args.join(" ")} ended with ${end}\n${stdout}${stderr}`.trimEnd());
}

/**
 * Kills all processes but this one that were started with a line in their environment, or in a folder.
 *
 * @param line NAME=VALUE
 * @returns how many there were
 */
export function killStartedWith(line: string, folder: string): number {
  let count = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
      if (!environment.includes(line) && readlinkSync(`/proc/${name}/cwd`) !== folder) continue;
      process.kill(Number(name), "SIGKILL");
      count++;
    } catch {
      // It has ended meanwhile, or is somebody else's.
    }
  }
  return count;
}
