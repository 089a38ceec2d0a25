import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { wideKernels } from "../src/cli/vectors.ts";
import { wasm } from "../src/index.ts";
import { type PlainBackend, plainRuns } from "./plain-runs.ts";

// The hashes of the plain build's runs. They are the same on every machine and in every engine; a change that is not meant to
// change results leaves them as they are, and one that is records them again.

const runsFile = fileURLToPath(new URL("baseline/runs.json", import.meta.url));

/** Keeps the hashes as they are now. */
export async function recordRuns(): Promise<void> {
  writeFileSync(runsFile, `${JSON.stringify(await hashRuns(narrow), undefined, 2)}\n`);
}

const narrow: PlainBackend = (threads) => wasm({ relaxed: false, threads });
/** The build with tiles for 256-bit vectors. */
const wide = (): PlainBackend => {
  const module = new WebAssembly.Module(wideKernels("plain"));
  return (threads) => wasm({ module, threads });
};

export const addRunsOptions = (command: Command) =>
  command.option("--wide", "with the kernels for 256-bit vectors");

/** Says which runs lead elsewhere than they did, or cost something else. */
export async function compareRuns({ isWide = false } = {}): Promise<void> {
  const { count, differences } = await findChangedRuns(isWide ? wide() : narrow);
  console.log(`plain runs: ${count - differences.length} of ${count} as they were`);
  for (const difference of differences) console.log(`  ${difference}`);
  process.exitCode = differences.length > 0 ? 1 : 0;
}

/**
 * Compares the runs with those kept.
 *
 * @returns how many there are in all, now or kept, and what has become of those that differ
 */
export async function findChangedRuns(
  plain: PlainBackend = narrow,
): Promise<{ count: number; differences: string[] }> {
  const kept: Record<string, string> = JSON.parse(readFileSync(runsFile, "utf8"));
  const runs = await hashRuns(plain);
  const names = Object.keys({ ...kept, ...runs });
  const differences = names.flatMap((name) => {
    if (!runs[name]) return `no longer there: ${name}`;
    if (!kept[name]) return `new: ${name}`;
    return kept[name] === runs[name] ? [] : `other bits: ${name}`;
  });
  return { count: names.length, differences };
}

async function hashRuns(plain: PlainBackend): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for await (const { name, values, costs, losses } of plainRuns(plain)) {
    hashes[name] = hashOf(values);
    if (costs) hashes[`${name}: costs`] = hashOf(costs);
    if (losses) hashes[`${name}: losses`] = hashOf(losses);
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
