import type { EncodeResult, StandardLoss } from "../../index.ts";
import { meanOfFinite } from "../../solver/result.ts";
import { formatMean } from "./report.ts";

/** Distance of outputs from data, in multiples of the data's largest value, from which the scales differ. */
const FAR = 10;

/**
 * Warning of a decoder whose outputs are of another scale than the data: one that ends before its sigmoid, or gives
 * bytes. Undefined where outputs at the flows' starts are near the data, and for losses without a scale of values.
 *
 * @param y the samples; values that are not finite are missing
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
