import { formatCsv } from "../data/csv.ts";
import type { EncodeResult } from "../index.ts";
import type { OutputFile } from "./files.ts";

/** The name of the file of what is known of each sample. */
export const resultsName = "results.csv";

/** What is known of each sample, as a file. */
export function resultsFile({
  initialLoss,
  loss,
  prior,
  objective,
  gradientNorm,
  status,
  stats,
}: Omit<EncodeResult, "z" | "v" | "trajectory" | "backend" | "seconds">): OutputFile {
  const table = formatCsv({
    index: status.map((_, index) => index),
    initial_loss: initialLoss,
    loss,
    ...(prior && { prior, objective }),
    gradient_norm: gradientNorm,
    status,
    accepted_steps: stats.acceptedSteps,
    backtracks: stats.backtracks,
    t: stats.t,
  });
  const content =
    `losses, ${prior ? "prior, objective, " : ""}gradient norm, status, steps and t (of lbfgs the sum of its steps), ` +
    "a line per sample";
  return { name: resultsName, bytes: table, content };
}
