import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { isTask, PARTS, type Run } from "./run.ts";

/** When a task's process is killed: so many milliseconds after its start. */
export interface Moment {
  readonly part: number;
  readonly later: number;
}

/** How often it is looked whether the task has started, in milliseconds. */
const PAUSE = 2;
/** From its start to its end a process takes about a second and a half: it may also end before it is killed. */
const LATEST = 1200;

/** Half of the parts, each with a moment. */
export function chooseMoments(random: Random): Moment[] {
  const parts = Array.from({ length: PARTS }, (_, part) => part);
  return Array.from({ length: PARTS / 2 }, () => {
    const [part] = parts.splice(random.below(parts.length), 1) as [number];
    return { part, later: random.below(LATEST) };
  });
}

/**
 * Waits for a moment.
 *
 * @returns the task's process; undefined where it has ended before
 */
export async function waitFor(
  { part, later }: Moment,
  run: Run,
  signal: AbortSignal,
): Promise<number | undefined> {
  let pid: number | undefined;
  while (pid === undefined) {
    await delay(PAUSE, undefined, { signal });
    [pid] = run.processesOf(part);
  }
  await delay(later, undefined, { signal });
  return isTask(pid) ? pid : undefined;
}
