import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Stores slow reference values in build/test/, for the run of the same test files on another version of Node.

const compiled = fileURLToPath(new URL("../../build/test", import.meta.url));
const place = join(compiled, "kept");

/** Folder of the values that this compilation of the modules has computed; undefined for a file that runs uncompiled. */
const folder = process.argv[1]?.startsWith(compiled) ? folderOf(join(compiled, "compiled.json")) : undefined;

/** @param stamps the file that has the time and the size of each compiled module: one that changes leaves nothing valid */
function folderOf(stamps: string): string {
  const name = hashOf(readFileSync(stamps));
  mkdirSync(place, { recursive: true });
  for (const other of readdirSync(place)) {
    if (other !== name) rmSync(join(place, other), { recursive: true, force: true });
  }
  return join(place, name);
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 32);
}

/**
 * Returns the result of `work`, or the stored result of an earlier call with the same `given` and the same modules.
 *
 * @param work returns finite numbers in plain arrays and objects, which JSON restores exactly
 * @param given everything that the result depends on, besides the modules
 */
export function keptOf<Value>(work: () => Value, given: unknown): Value {
  if (!folder) return work();
  const file = join(folder, `${hashOf(JSON.stringify(given))}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Value;
  const value = work();
  // A run of newer modules may have removed it.
  mkdirSync(folder, { recursive: true });
  // As a whole: another process may read it at any time.
  const own = join(folder, `${process.pid}.own`);
  writeFileSync(own, JSON.stringify(value));
  renameSync(own, file);
  return value;
}
