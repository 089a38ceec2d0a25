import type { EncodeResult, StandardLoss } from "../../index.ts";
import { meanOfFinite } from "../../solver/result.ts";
import { formatMean } from "./report.ts";

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
