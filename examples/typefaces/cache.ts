// Arrays that are computed once, in a folder that git ignores.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("./", import.meta.url));

/** Folder of what is computed. */
export const outFolder = join(here, "../../out/typefaces");

/** Files that decide what is computed. */
const SOURCES = [
  ...["families.json", "styles.ts", "variations.ts", "basis.ts"],
  ...["geometry/cell.ts", "geometry/outline.ts", "geometry/fields.ts", "geometry/typeface.ts"],
];

/** Reads an array that was computed before from the same sources, or computes and keeps it, and says how long it took. */
export async function cached(
  name: string,
  compute: () => Float32Array | Promise<Float32Array>,
): Promise<Float32Array> {
  const file = join(outFolder, `${name}-${sourcesHash()}.bin`);
  if (!existsSync(file)) {
    const start = process.cpuUsage();
    const values = await compute();
    mkdirSync(outFolder, { recursive: true });
    // Under its own name only once it is whole; another run may write the same.
    const part = `${file}.${process.pid}.part`;
    writeFileSync(part, values);
    renameSync(part, file);
    const { user, system } = process.cpuUsage(start);
    console.log(`${name}: ${((user + system) / 1e6).toFixed(0)} CPU seconds`);
  }
  return readFloats(file);
}

/** Reads a value that was computed before from the same sources, or computes it and keeps it as JSON. */
export async function cachedJson<T>(name: string, compute: () => T | Promise<T>): Promise<T> {
  const file = join(outFolder, `${name}-${sourcesHash()}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  const value = await compute();
  mkdirSync(outFolder, { recursive: true });
  writeFileSync(file, JSON.stringify(value));
  return value;
}

/** Reads a file of float32 numbers. */
export function readFloats(file: string): Float32Array {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
}

let hash: string | undefined;

/** Hash of the families and of the code that computes fields and coefficients. */
export function sourcesHash(): string {
  if (hash !== undefined) return hash;
  const sum = createHash("sha256");
  for (const source of SOURCES) sum.update(readFileSync(join(here, source)));
  hash = sum.digest("hex").slice(0, 12);
  return hash;
}
