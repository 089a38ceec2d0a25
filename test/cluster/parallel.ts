import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { chooseMoments, type Moment, waitFor } from "./killing.ts";
import { EXAMPLES, PARTS, type Run } from "./run.ts";

/**
 * Encodes by parallel.sh. Half of its tasks are killed; and parallel itself in one round of two, whose tasks work on while
 * another parallel starts.
 *
 * @returns what was killed, in words
 */
export async function byParallel(run: Run, random: Random, signal: AbortSignal): Promise<string> {
  const moments = chooseMoments(random);
  const killsParallel = random.below(2) === 1;
  const last = killsParallel ? moments.pop()! : undefined;
  let script = start(run, signal);
  const killed = Promise.all(moments.map((moment) => kill(moment, run, signal)));
  // Where the script fails, nobody waits for them.
  killed.catch(() => {});
  if (last) {
    await Promise.race([waitFor(last, run, signal), script.ended]);
    // It is killed with the shell; the tasks have groups of their own.
    process.kill(-script.pid, "SIGKILL");
    await script.ended;
    script = start(run, signal);
  }
  const code = await script.ended;
  if (code !== 0) throw new Error(`parallel.sh ended with ${code}\n${readFileSync(script.log, "utf8")}`);
  const pids = (await killed).filter((pid) => pid !== undefined);
  // The first parallel's tasks.
  while (run.running().length > 0) await delay(20, undefined, { signal });
  return `${PARTS} tasks, ${pids.length} killed${killsParallel ? ", and parallel itself" : ""}`;
}

async function kill(moment: Moment, run: Run, signal: AbortSignal): Promise<number | undefined> {
  const pid = await waitFor(moment, run, signal);
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  return pid;
}

function start(run: Run, signal: AbortSignal) {
  const log = join(run.folder, "parallel.log");
  const file = openSync(log, "a");
  const child = spawn(join(EXAMPLES, "parallel.sh"), [], {
    env: run.environment,
    cwd: run.folder,
    detached: true,
    signal,
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  const ended = once(child, "exit").then(([code, end]) => end ?? code);
  // Whoever waits for it hears of an abort otherwise, too.
  ended.catch(() => {});
  return { pid: child.pid!, ended, log };
}
