import type { LatentflowError } from "../base/errors.ts";
import { type Words, words } from "../base/message.ts";
import { invalidFile } from "../base/refuse.ts";
import { type CheckedProbe, pick } from "./probe.ts";

/** Outcome of comparing a decoder's outputs with those stored in a probe (a few latents with their outputs). */
export type Comparison =
  | { readonly outcome: "agrees" }
  /** The outputs agree, but a constant output would agree as well. */
  | { readonly outcome: "proves nothing"; readonly reason: string }
  /** The outputs differ; `difference` describes how. */
  | { readonly outcome: "differs"; readonly difference: string };

/**
 * Maximum difference between an output and the one in the probe that may be due to rounding, relative to the largest output in
 * the probe.
 */
const MOST_LARGEST = 1e-4;
/**
 * Maximum root-mean-square difference between the outputs and those in the probe that may be due to rounding, relative to the
 * root mean square of the probe's deviations from the mean of its rows. PyTorch and ONNX Runtime differ from float64 by
 * 0.3e-5 to 1.4e-5 on four deep decoders, and this package's kernels by 1e-5 to 1.8e-5 (site/reference/public-decoders.md);
 * dropout or batch statistics cause ten times the tolerance.
 */
const MOST_MEAN = 1e-4;
/**
 * Tolerance for the rounding of float32 itself, relative to the outputs' root mean square: ten units in the last place,
 * as in sums of a thousand products. It applies if rows differ by less than a hundredth of the outputs' size, where
 * MOST_MEAN allows less.
 */
const ROUNDING = 1e-6;
/**
 * Minimum spread of the outputs that a probe stores for its latents, relative to their size. Below it, a constant would
 * agree with the probe.
 */
const LEAST_SPREAD = 1e-3;
/** Maximum number of differing output elements that a message lists. */
const SHOWN = 3;

/**
 * Compares a decoder's outputs with those stored in a probe.
 *
 * @param outputs outputs for the probe's latents, [rows, outputSize]
 */
export function compareWithProbe(probe: CheckedProbe, outputs: Float32Array): Comparison {
  const { rows, indices, x } = probe;
  const made = indices ? pick(outputs, rows, indices) : outputs;
  const width = x.length / rows;
  let largest = 0;
  let largestDifference = 0;
  let squares = 0;
  let squaredDifferences = 0;
  let squaredDeviations = 0;
  const worst: { readonly at: number; readonly difference: number }[] = [];
  for (let i = 0; i < width; i++) {
    let mean = 0;
    for (let row = 0; row < rows; row++) mean += x[row * width + i]! / rows;
    for (let row = 0; row < rows; row++) {
      const at = row * width + i;
      const value = x[at]!;
      // NaN and infinities count as an infinite difference.
      const between = Math.abs(made[at]! - value);
      const difference = Number.isFinite(between) ? between : Infinity;
      largest = Math.max(largest, Math.abs(value));
      largestDifference = Math.max(largestDifference, difference);
      squares += value ** 2;
      squaredDifferences += difference ** 2;
      squaredDeviations += (value - mean) ** 2;
      if (worst.length < SHOWN || difference > worst.at(-1)!.difference) {
        worst.push({ at, difference });
        worst.sort((a, b) => b.difference - a.difference);
        worst.length = Math.min(worst.length, SHOWN);
      }
    }
  }
  const root = (sum: number) => Math.sqrt(sum / x.length);
  const [size, difference, deviation] = [root(squares), root(squaredDifferences), root(squaredDeviations)];
  const isClose = largestDifference <= MOST_LARGEST * largest;
  const hardlyDiffer = rows < 2 || deviation === 0 || deviation < LEAST_SPREAD * size;
  if (isClose && hardlyDiffer) {
    return {
      outcome: "proves nothing",
      reason:
        rows < 2
          ? "the probe has one row, which a constant would agree with"
          : "the rows of the probe hardly differ from each other: a constant would agree with them",
    };
  }
  if (isClose && difference <= Math.max(MOST_MEAN * deviation, ROUNDING * size)) return { outcome: "agrees" };
  const shown = worst.map(({ at }) => {
    const element = indices ? indices[at % width]! : at % width;
    return `output ${element} of row ${Math.floor(at / width)} is ${figure(made[at]!)}, expected ${figure(x[at]!)}`;
  });
  return { outcome: "differs", difference: shown.join("; ") };
}

function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/**
 * Makes the error for a decoder whose outputs differ from those stored in the probe.
 *
 * @param hint possible cause, appended to the message
 */
export function refuseByProbe(difference: string, hint: Words): LatentflowError {
  return invalidFile(words`the decoder that was read is not the one of the probe: ${difference}. ${hint}`);
}
