import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Values that take long to work out, kept in build/test/ for the run of the same files on another Node.

const compiled = fileURLToPath(new URL("../../build/test", import.meta.url));
const place = join(compiled, "kept");

/** Folder of what these very modules have worked out; undefined for a file that is not run compiled. */
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
 * Returns what `work` does, or has done in another process of the same modules. JSON has to keep it.
 *
 * @param given all that it depends on, besides modules
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
