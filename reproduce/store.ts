import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { hasCode } from "../src/base/errors.ts";
import { resolveOnce } from "../src/files/durable-file.ts";
import { type Lock, lockFile } from "../src/train/checkpoint-lock.ts";
import type { Kept, Settings } from "./element.ts";

/**
 * What the jobs of an element have found, a JSON file that is replaced as a whole: a kill leaves the old one or the new
 * one. It is committed with the pages, so that another sitting goes on from there.
 */
export class Store {
  private readonly file: string;
  private jobs: Record<string, Kept<unknown>>;

  constructor(folder: string, element: string, { quick }: Settings) {
    this.file = join(folder, "results", `${element}${quick ? ".quick" : ""}.json`);
    this.jobs = readJobs(this.file);
  }

  /** Is the job done? */
  has(id: string): boolean {
    return Object.hasOwn(this.jobs, id) && this.jobs[id]!.share === undefined;
  }

  /** Keeps what a job has found, or what it has found so far: less than is there is left out. */
  async add(id: string, kept: Kept<unknown>): Promise<void> {
    mkdirSync(join(this.file, ".."), { recursive: true });
    const lock = await lockWhenFree(this.file);
    try {
      // Another sitting may have kept something meanwhile, or somebody may have taken something out.
      this.jobs = readJobs(this.file);
      if (Object.hasOwn(this.jobs, id) && shareOf(this.jobs[id]!) > shareOf(kept)) return;
      this.jobs[id] = kept;
      const jobs = Object.fromEntries(Object.entries(this.jobs).sort(([a], [b]) => (a < b ? -1 : 1)));
      const part = `${this.file}.${process.pid}.part`;
      writeFileSync(part, `${JSON.stringify({ jobs }, undefined, 1)}\n`);
      renameSync(part, this.file);
    } finally {
      lock.release();
    }
  }

  /** The results of the jobs named that are there, of jobs that are not done what there is so far. */
  results(ids: readonly string[]): Map<string, never> {
    return new Map(this.entries(ids).map(([id, { result }]) => [id, result as never]));
  }

  /** What is kept of the jobs named. */
  kept(ids: readonly string[]): Map<string, Kept<unknown>> {
    return new Map(this.entries(ids));
  }

  private entries(ids: readonly string[]): [string, Kept<unknown>][] {
    return ids.filter((id) => Object.hasOwn(this.jobs, id)).map((id) => [id, this.jobs[id]!]);
  }
}

/** The lock of a file that another sitting may be reading and writing, which takes it milliseconds; waits for a minute. */
async function lockWhenFree(file: string): Promise<Lock> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      return lockFile(resolveOnce(file));
    } catch (error) {
      if (!hasCode(error, "locked") || performance.now() > end) throw error;
      await wait(20);
    }
  }
}

/** JSON has null in the place of what is not finite, and results have no other: NaN again. */
export function parseResults(text: string) {
  return JSON.parse(text, (_, value) => (value === null ? Number.NaN : value));
}

/** What is done is more than what may only have been about to end. */
const shareOf = ({ share }: Kept<unknown>) => share ?? Number.POSITIVE_INFINITY;

function readJobs(file: string): Record<string, Kept<unknown>> {
  if (!existsSync(file)) return {};
  try {
    const { jobs } = parseResults(readFileSync(file, "utf8"));
    if (isObject(jobs) && Object.values(jobs).every((kept) => isObject(kept) && isObject(kept.versions)))
      return jobs as Record<string, Kept<unknown>>;
    throw new Error("it holds no jobs");
  } catch (cause) {
    const advice = "take it back from git, or remove it to compute all of it anew";
    throw new Error(`${file} is not what this program has written; ${advice}`, { cause });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
