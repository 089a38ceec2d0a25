import { readFileSync, renameSync, writeFileSync } from "node:fs";

// JSON that a killed job goes on from.

/** What the file holds. What has been lost or torn is undefined, and is begun anew: the rest of the work is worth more. */
export function readKept<Value>(file: string): Value | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Replaces the file as a whole: a kill leaves the old one or the new one. */
export function writeKept(file: string, value: unknown): void {
  writeFileSync(`${file}.part`, JSON.stringify(value));
  renameSync(`${file}.part`, file);
}
