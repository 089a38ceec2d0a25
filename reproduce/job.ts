import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cpuSeconds } from "../bench/timing.ts";
import { hasCode } from "../src/base/errors.ts";
import { codeOf } from "../src/base/realms.ts";
import type { Job, JobContext, Kept } from "./element.ts";
import { readKept, writeKept } from "./kept-file.ts";
import { versions } from "./versions.ts";

// At once: what is changed in the repository while a job runs has no part in it.
const VERSIONS = versions();

/** How often the seconds so far are kept. */
const KEPT_EVERY_SECONDS = 20;

/** Where a job runs, and whom it tells. */
export interface JobPlace<Result> {
  /** See JobContext. */
  readonly folder: string;
  progress(share: number): void;
  soFar(kept: Kept<Result>): void;
}

/**
 * Runs a job, or goes on with it where a killed one has left something in its folder, which the caller removes when what
 * is returned has been kept.
 *
 * @returns what the job has found, with the seconds of computing over all sittings
 */
export async function runJob<Result>(job: Job<Result>, place: JobPlace<Result>): Promise<Kept<Result>> {
  const { folder } = place;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "job.seconds.json");
  const before = readKept<number>(file) ?? 0;
  const start = cpuSeconds();
  const seconds = () => before + cpuSeconds() - start;
  let last = start;
  let done = 0;
  const context: JobContext<Result> = {
    folder,
    soFar: (result) => place.soFar({ result, seconds: seconds(), versions: VERSIONS, share: done }),
    progress(share) {
      done = share;
      place.progress(share);
      if (cpuSeconds() - last < KEPT_EVERY_SECONDS) return;
      last = cpuSeconds();
      writeKept(file, seconds());
    },
  };
  const result = await job.run(context).catch((error: Error) => {
    if (!isStale(error, folder)) throw error;
    // Of what was killed before the code changed: begin anew.
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    return job.run(context);
  });
  return { result, seconds: seconds(), versions: VERSIONS };
}

/** Is what a job goes on from of other code, or damaged? Then it is of no use any more. */
function isStale(error: Error, folder: string): boolean {
  if (hasCode(error, "other_run")) return true;
  // A file that is damaged may be one of the data, too; and where the system refuses, a full disk say, none is.
  const isDamaged = hasCode(error, "invalid_file") && codeOf(error.cause) === undefined;
  return isDamaged && error.message.includes(folder);
}
