import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

  has(id: string): boolean {
    return Object.hasOwn(this.jobs, id);
  }

  add(id: string, kept: Kept<unknown>): void {
    mkdirSync(join(this.file, ".."), { recursive: true });
    // Another sitting may have kept something meanwhile, or somebody may have taken something out.
    this.jobs = { ...readJobs(this.file), [id]: kept };
    const jobs = Object.fromEntries(Object.entries(this.jobs).sort(([a], [b]) => (a < b ? -1 : 1)));
    const part = `${this.file}.${process.pid}.part`;
    writeFileSync(part, `${JSON.stringify({ jobs }, undefined, 1)}\n`);
    renameSync(part, this.file);
  }

  /** The results of the jobs named that are there. */
  results(ids: readonly string[]): Map<string, never> {
    return new Map(ids.filter((id) => this.has(id)).map((id) => [id, this.jobs[id]!.result as never]));
  }

  /** How long the jobs named have taken, and by what. */
  kept(ids: readonly string[]): Kept<unknown>[] {
    return ids.filter((id) => this.has(id)).map((id) => this.jobs[id]!);
  }
}

function readJobs(file: string): Record<string, Kept<unknown>> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8")).jobs;
  } catch (cause) {
    throw new Error(`${file} is no JSON; take it back from git, or remove it to compute all of it anew`, {
      cause,
    });
  }
}
