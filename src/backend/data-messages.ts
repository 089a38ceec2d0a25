import type { LatentflowError } from "../base/errors.ts";
import { place } from "../base/float32.ts";
import { clause, option, subject, words } from "../base/message.ts";
import { refused } from "../base/refuse.ts";
import { showFloat32 } from "../base/show-float32.ts";
import { activations } from "../graph/activation.ts";
import { lossTraits } from "../terms/losses.ts";
import type { Problem } from "./backend.ts";
import { indicesWhere, outputWarning } from "./output-warning.ts";

// What is said of a call's data: errors and warnings. Loaded when there is one.

/** First wrong value of a problem's data. */
export interface WrongValue {
  /** Whether the value is one of the targets, or of the weights; "sample" if all weights of a sample, or of all, are 0. */
  readonly of: "targets" | "weights" | "sample";
  /** Index of the value, or of the first weight of the sample. */
  readonly at: number;
}

/** How messages name a problem's data. */
export interface DataNames {
  /** Name of the argument that has the targets. Default "y". */
  readonly name?: string;
  /** Number of samples that precede the problem's, for positions. Default 0. */
  readonly before?: number;
  /** True if the caller has an option `weights`, which messages then advise. Default true. */
  readonly takesWeights?: boolean;
}

/** Makes the error for a wrong value. */
export function wrongValueError(
  { of, at }: WrongValue,
  { decoder, loss, targets: y, weights }: Pick<Problem, "decoder" | "loss" | "targets" | "weights">,
  { name = "y", before = 0, takesWeights = true }: DataNames,
): LatentflowError {
  const n = decoder.outputSize;
  const where = place(before * n + at, n);
  if (of === "weights")
    return refused("weights", "is", `${showFloat32(weights![at]!)} at ${where}`, "finite numbers >= 0");
  if (of === "sample") {
    const whose = weights!.length === n ? "" : ` of sample ${before + at / n}`;
    const all = words`all ${subject("weights")}${whose}`;
    return refused(all, "are", "0", "one above 0", "; 0 hides a value: is the mask inverted?");
  }
  const { targets, fileName } = lossTraits(loss);
  const got = `${showFloat32(y[at]!)} at ${where}`;
  if (!Number.isFinite(y[at]) || targets === "finite") {
    const nan = Number.isNaN(y[at]) ? "" : "NaN, or ";
    const omit = Number.isNaN(y[at]) && words`, or ${option("missing", "omit", 'missing: "omit"')}`;
    const advice = words`; where data are missing, give ${nan}${option("weights")} that are 0 there${omit || ""}`;
    return refused(name, "is", got, "finite numbers", takesWeights ? advice : "");
  }
  const expected = words`[${targets.min}, ${targets.max}] for ${option("loss", fileName, loss.name)}`;
  const otherLoss = clause("loss", words`, or use ${option("loss", "mse", "squaredError()")}`);
  return refused(name, "is", got, expected, words`; scale the data (bytes: divide by 255)${otherLoss}`);
}

/** What a look at a problem's data has found. Values are in the units of the loss: divided by its scale, if it has one. */
export interface Findings {
  /** Number of missing values of each sample, [B]; undefined if there are none. */
  readonly missing: Uint32Array | undefined;
  /** Number of samples in which each output's value is missing, [outputSize]; undefined if none is. */
  readonly missingOutputs: Uint32Array | undefined;
  /** Number of samples of which nothing is seen: every value is missing or has weight 0. */
  readonly unseen: number;
  /** Least and largest value that is seen; Infinity and -Infinity without any. */
  readonly least: number;
  readonly most: number;
}

/** Least number of samples of which a share of missing values says something. */
const ENOUGH = 10;

/**
 * Makes the warnings about data.
 *
 * @param samples number of samples
 * @param distance root mean square of outputs less data at the start, if it is far larger than the data; else undefined
 * @param isBeyond true if the output activation cannot give all data
 */
export function dataWarnings(
  { decoder, prior }: { readonly decoder: Problem["decoder"]; readonly prior?: unknown },
  { unseen, least, most, missingOutputs }: Findings,
  samples: number,
  distance: number | undefined,
  isBeyond: boolean,
): string[] {
  const data = `which lie from ${round(least)} to ${round(most)}`;
  const { name } = decoder.outputActivation;
  const { least: lowest = -Infinity, most: highest = Infinity } = activations[name];
  const warnings: string[] = [];
  if (unseen > 0) {
    const codes = prior ? "the prior alone decides their codes" : "their codes stay at z0";
    warnings.push(`nothing is seen of ${unseen} of ${samples} samples: ${codes}`);
  }
  if (samples >= ENOUGH) {
    const sparse = indicesWhere(missingOutputs ?? [], (count) => count > samples / 2);
    warnings.push(...outputWarning(sparse, "more than half of their values are missing"));
  }
  if (isBeyond) {
    const range = `is within [${showBound(lowest)}, ${showBound(highest)}]`;
    warnings.push(
      `the decoder's output, of activation ${name}, ${range} and cannot reach all data, ${data}; scale the data as in training`,
    );
  }
  if (distance !== undefined) {
    warnings.push(
      `the decoder's outputs at the start are ${round(distance)} away from the data (root mean square), ${data}. If they come ` +
        "before a sigmoid, load the decoder with the output activation sigmoid; else scale the data as in training",
    );
  }
  return warnings;
}

function showBound(bound: number): string {
  return Number.isFinite(bound) ? round(bound) : bound < 0 ? "-∞" : "∞";
}

function round(value: number): string {
  return `${Number(value.toPrecision(4))}`;
}
