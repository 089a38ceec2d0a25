import type { BackendInfo } from "../../index.ts";
import type { Job } from "../options/job.ts";
import { countOf } from "../output/report.ts";

// Warnings of an encoding run.

/** Makes warnings of what went otherwise than asked: fewer threads than `--threads` took part, a worker died. */
export function backendWarnings(
  { threads: wanted = 1 }: Job,
  { threads = 1, reason, incidents = [] }: BackendInfo,
): readonly string[] {
  const notes = incidents.map((incident) => `warning: ${incident}`);
  if (threads >= wanted || reason === undefined) return notes;
  // After the reason comes what to do in a program of one's own.
  const [why] = reason.split("; ");
  return [`warning: --threads ${wanted}: ${countOf(threads, "thread")} did the work: ${why}`, ...notes];
}
