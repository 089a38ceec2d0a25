import { checkWeights } from "../api/check-data.ts";
import type { CheckedPair, Session } from "../backend/backend.ts";
import { refused } from "../base/check.ts";
import { scopeOf } from "../base/message.ts";
import { completeOptions, count, type FieldsOf, later, optional } from "../base/options.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { checkFixed, type FixedOption, type FixedValues } from "../decoder/fixed.ts";
import { startsOf } from "../decoder/start.ts";
import type { Control } from "../solver/base.ts";
import { orderOf } from "../solver/flow.ts";
import { meanOfNumbers } from "../solver/result.ts";
import { Solution } from "../solver/solution.ts";
import type { Loss } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";
import type { Prior } from "../terms/priors.ts";
import type { Dataset } from "./dataset.ts";
import { asDataset, problems } from "./samples.ts";

/** Samples to see how well unseen ones are encoded, and when. */
export interface ValidationOptions {
  /** Samples of the decoder's output size that are not trained on. */
  data: Dataset | Float32Array;
  /**
   * ≥ 0, outputSize values for all samples or count × outputSize; as for training, and not for an autoencoder.
   * Default: none, all elements alike.
   */
  weights?: Float32Array | undefined;
  /** What is given with these samples, as for training. No default: a decoder with fixed inputs needs them. */
  fixed?: FixedOption | undefined;
  /** Images processed from one validation to the next, >= 1. Default: those of one pass over the data. */
  everyImages?: number | undefined;
}

/** What a validation has found. */
export interface ValidationResult {
  /** Images processed before it. */
  readonly images: number;
  /**
   * The mean loss of the validation samples, each encoded from the decoder's own start, or by the autoencoder: over those whose loss is a
   * number, infinite where one of them is.
   */
  readonly loss: number;
}

/** Fields of the option `validation`. */
const VALIDATION_FIELDS = /* @__PURE__ */ (() => ({
  data: later<Dataset | Float32Array>(),
  weights: later<Float32Array | undefined>(),
  fixed: later<FixedOption | undefined>(),
  everyImages: optional(count(1)),
}))() satisfies FieldsOf<ValidationOptions>;

/** The option `validation`, checked, with its defaults. */
export interface Validation {
  readonly dataset: Dataset;
  readonly weights: Float32Array | undefined;
  readonly fixed: FixedValues;
  readonly everyImages: number;
}

/**
 * Checks the option `validation`.
 *
 * @param trainingSamples number of samples that are trained on
 */
export function checkValidation(
  caller: string,
  options: ValidationOptions,
  decoder: Decoder,
  trainingSamples: number,
): Validation {
  const where = `${caller}: ${scopeOf("validation")}`;
  const values = completeOptions(where, options, VALIDATION_FIELDS);
  const { data, weights, everyImages = trainingSamples } = values;
  if (data === undefined) throw refused(where, "data", "is", "undefined", "samples");
  const dataset = asDataset(where, data, decoder);
  checkWeights(where, weights, dataset.count, decoder);
  const fixed = checkFixed(where, decoder, values.fixed, dataset.count);
  return { dataset, weights, fixed, everyImages };
}

/**
 * Whether it is time for a validation: before the first update, whenever a multiple of `everyImages` has been
 * reached, and after the last.
 *
 * @param images processed so far, of `total`
 * @param last the validation before, if any
 */
export function isValidationDue(
  { everyImages }: Validation,
  images: number,
  total: number,
  last: ValidationResult | undefined,
): boolean {
  if (!last) return true;
  if (images === last.images) return false;
  return images >= total || Math.floor(images / everyImages) > Math.floor(last.images / everyImages);
}

/**
 * The mean loss of samples encoded with the decoder as it is, summed in the order of the samples, of those whose loss is
 * a number. It changes nothing that the training goes on from.
 *
 * @param options `isAutoencoder`: of a network whose latents are the samples
 * @returns no mean of all samples once the caller has aborted
 */
export async function meanLoss(
  decoder: Decoder,
  session: Session,
  { dataset, weights, fixed }: Validation,
  {
    loss,
    prior,
    pair,
    isAutoencoder,
  }: {
    readonly loss: Loss;
    readonly prior: Prior | undefined;
    readonly pair: CheckedPair;
    readonly isAutoencoder: boolean;
  },
  control: Control,
): Promise<number> {
  const losses = new Float64Array(dataset.count).fill(Number.NaN);
  const order = orderOf(pair.flow);
  const components = prior && componentsOf(prior, decoder.latentSize);
  for (const { first, problem } of problems(dataset, { decoder, loss, prior: components, weights, fixed })) {
    if (control.aborted()) break;
    const z0 = isAutoencoder
      ? problem.targets
      : decoder.start && startsOf(decoder.start, decoder, 0, problem.sampleCount);
    const solution = new Solution(problem.sampleCount, decoder.latentSize, z0, { order });
    await session.solve(problem, pair, solution, control);
    losses.set(solution.loss, first);
  }
  return meanOfNumbers(losses);
}
