import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { unitsOf } from "../../src/cli/parts/shard-units.ts";
import { CUT, isShard, type Run, SHARDS } from "./run.ts";

/** When a shard's process is killed. */
export interface Moment {
  readonly shard: number;
  /** Once it has written so many parts, */
  readonly parts: number;
  /** and so many milliseconds later. */
  readonly later: number;
}

/** How often it is looked whether the moment has come, in milliseconds. */
const PAUSE = 2;
/** From its start to its first part a process takes a few tenths of a second. */
const STARTING = 400;
/** A part takes some 20 ms. */
const WRITING = 20;

/** Half of the shards, each with a moment: one in four at its start, the others when some of their parts are there. */
export function chooseMoments(random: Random): Moment[] {
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
  return Array.from({ length: SHARDS / 2 }, () => {
    const [shard] = shards.splice(random.below(shards.length), 1) as [number];
    const count = unitsOf(CUT, { index: shard, count: SHARDS }).length;
    // Not the last ones, beyond which it may have ended.
    const parts = random.below(4) === 0 ? 0 : 1 + random.below(count - 3);
    return { shard, parts, later: random.below(parts === 0 ? STARTING : WRITING) };
  });
}

/**
 * Waits for a moment.
 *
 * @returns the shard's process; undefined where it has ended before
 */
export async function waitFor(
  { shard, parts, later }: Moment,
  run: Run,
  signal: AbortSignal,
): Promise<number | undefined> {
  let pid: number | undefined;
  while (pid === undefined) {
    await delay(PAUSE, undefined, { signal });
    [pid] = run.processesOf(shard);
  }
  if (parts > 0) {
    const unit = unitsOf(CUT, { index: shard, count: SHARDS })[parts - 1]!;
    const name = `part-${String(unit.index).padStart(8, "0")}.safetensors`;
    while (!existsSync(join(run.out, "parts", name))) await delay(PAUSE, undefined, { signal });
  }
  await delay(later, undefined, { signal });
  return isShard(pid) ? pid : undefined;
}
