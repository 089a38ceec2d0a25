import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plainRuns } from "./plain-runs.ts";

// The hashes of the plain build's runs, kept before a change that is not meant to change results, and compared after it
// on the same version of Node: times of grids are powers, which engines round each in its own way.

const runsFile = join("experiments", "baseline", "runs.json");

/** Keeps the hashes as they are now. */
export async function recordRuns(): Promise<void> {
  writeFileSync(runsFile, `${JSON.stringify(await hashRuns(), undefined, 2)}\n`);
}

/** Says which runs lead elsewhere than they did, or cost something else. */
export async function compareRuns(): Promise<void> {
  const kept: Record<string, string> = JSON.parse(readFileSync(runsFile, "utf8"));
  const runs = await hashRuns();
  const different = Object.keys(runs).filter((name) => kept[name] !== runs[name]);
  const missing = Object.keys(kept).filter((name) => !runs[name]);
  const count = Object.keys(runs).length;
  console.log(`plain runs: ${count - different.length} of ${count} as they were`);
  for (const name of different) console.log(`  ${kept[name] ? "other bits" : "new"}: ${name}`);
  for (const name of missing) console.log(`  no longer there: ${name}`);
}

async function hashRuns(): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for await (const { name, values, costs } of plainRuns()) {
    hashes[name] = hashOf(values);
    if (costs) hashes[`${name}: costs`] = hashOf(costs);
  }
  return hashes;
}

function hashOf(arrays: readonly ArrayBufferView[]): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of arrays) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}
