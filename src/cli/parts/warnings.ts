import type { BackendInfo, EncodeResult, StandardLoss } from "../../index.ts";
import { meanOfFinite } from "../../solver/result.ts";
import type { Job } from "../options/job.ts";
import { countOf, formatMean } from "../output/report.ts";

// Warnings of an encoding run.

/** Warning that draws are spread as by a noise that nobody has said. */
export const UNSCALED =
  "warning: --samples: draws are spread as for noise of standard deviation 0.71, since the squared error has no scale; give " +
  "--weights of 1/(2σ²) for noise of σ, 0 where a value is hidden";

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

/**
 * Minimum distance of outputs from data, in multiples of the data's largest absolute value, for which the scales are
 * considered different.
 */
const FAR = 10;

/**
 * Returns a warning if the decoder's outputs have a different scale than the data, as when its final sigmoid is missing or its
 * outputs are bytes. Undefined if the mean squared error at the start of the flows is plausible, and for losses other than the
 * mean squared error.
 *
 * @param y the samples; values that are not finite count as missing
 */
export function scaleWarning(
  loss: StandardLoss,
  y: Float32Array,
  { initialLoss }: Pick<EncodeResult, "initialLoss">,
): string | undefined {
  if (loss.name !== "squaredError" || loss.reduction !== "mean") return undefined;
  const distance = Math.sqrt(meanOfFinite(initialLoss));
  const values = y.filter(Number.isFinite);
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const size = Math.max(-least, most);
  if (!(size > 0 && distance > FAR * size)) return undefined;
  return (
    `the decoder's outputs at the start are ${formatMean(distance)} away from the data (root mean square), which lie ` +
    `from ${formatMean(least)} to ${formatMean(most)}. If they come before a sigmoid, --output-activation sigmoid adds it; ` +
    "else scale the data as in training"
  );
}
