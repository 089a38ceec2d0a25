import { checkWeights, solve } from "../api/check-data.ts";
import type { Dataset } from "../api/dataset.ts";
import { isDataset } from "../api/dataset.ts";
import type { CheckedPair, Session } from "../backend/backend.ts";
import { pixelWeights } from "../backend/pixel-weights.ts";
import { within } from "../base/calling.ts";
import { completeOptions, count, type FieldsOf, later, optional } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { WEIGHTS, type Weights } from "../base/weights.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { checkFixed, type FixedOption } from "../decoder/fixed.ts";
import { startsOf } from "../decoder/start.ts";
import type { Control } from "../solver/base.ts";
import { orderOf } from "../solver/flow.ts";
import { meanOfNumbers } from "../solver/result.ts";
import { Solution } from "../solver/solution.ts";
import type { Loss } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";
import type { Prior } from "../terms/priors.ts";
import { asDataset, problems } from "./samples.ts";

/** Option `validation`: samples whose loss is computed at intervals, and which are not trained on. */
export interface ValidationOptions {
  /** Validation samples, of the decoder's output size. */
  data: Dataset | Float32Array;
  /**
   * Weights ≥ 0 of the elements of the validation samples: outputSize values for all samples, or [count, outputSize]. Not for
   * an autoencoder. Default: all elements have equal weight.
   */
  weights?: Weights | undefined;
  /**
   * Values of the decoder's fixed inputs (inputs beside z, such as class labels) for the validation samples, by name. Required if
   * the decoder has any.
   */
  fixed?: FixedOption | undefined;
  /** Number of training images from one validation to the next, ≥ 1. Default: one epoch. */
  everyImages?: number | undefined;
}

/** Result of one validation. */
export interface ValidationResult {
  /** Number of training images processed before the validation. */
  readonly images: number;
  /**
   * Mean loss of the validation samples, over those whose loss is not NaN; infinite if the loss of any sample is infinite.
   * Samples are encoded by a flow from the decoder's start latent, or by the autoencoder's encoder.
   */
  readonly loss: number;
}

/** Checks and defaults of the fields of the option `validation`. */
export const VALIDATION_FIELDS = /* @__PURE__ */ (() => ({
  data: later<Dataset | Float32Array>(),
  weights: WEIGHTS,
  fixed: later<FixedOption | undefined>(),
  everyImages: optional(count(1)),
}))() satisfies FieldsOf<ValidationOptions>;

/** Option `validation`, checked and with defaults filled in. */
export type Validation = ReturnType<typeof checkValidation>;

/**
 * Checks the option `validation` and fills in defaults.
 *
 * @param trainingSamples number of training samples, the default of `everyImages`
 * @throws LatentflowError `invalid_argument`
 */
export function checkValidation(options: ValidationOptions, decoder: Decoder, trainingSamples: number) {
  if (isDataset(options) || ArrayBuffer.isView(options)) {
    throw refused("validation", "is", show(options), "an object { data, … }", "; give { data: … }");
  }
  return within("validation", () => {
    const values = completeOptions(options, VALIDATION_FIELDS);
    const { data, everyImages = trainingSamples } = values;
    const weights = values.weights && pixelWeights(values.weights, decoder);
    if (data === undefined) throw refused("data", "is", "undefined", "samples");
    const dataset = asDataset(data, decoder);
    checkWeights(weights, dataset.count, decoder);
    const fixed = checkFixed(decoder, values.fixed, dataset.count);
    /** Number of missing values of each sample; known once the data are checked. */
    const missing = undefined as Uint32Array | undefined;
    return { dataset, weights, fixed, everyImages, missing };
  });
}

/**
 * Returns true if a validation is due: before the first update, at every multiple of `everyImages`, and at the end of the
 * run.
 *
 * @param images number of images processed so far, of `total`
 * @param last latest validation result, if any
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
 * Returns the mean loss of the validation samples with the current decoder, over those whose loss is not NaN, summed in the
 * order of the samples. Does not change the state of the training. If the caller aborts, the mean covers only some samples.
 */
export async function meanLoss(
  decoder: Decoder,
  session: Session,
  { dataset, weights, fixed, missing }: Validation,
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
  const settings = { decoder, loss, prior: components, weights, fixed };
  for (const { samples, problem } of problems(dataset, settings)) {
    if (control.aborted()) break;
    const z0 = isAutoencoder
      ? problem.targets
      : decoder.start && startsOf(decoder.start, decoder, 0, problem.sampleCount);
    const solution = new Solution(problem.sampleCount, decoder.latentSize, z0, { order });
    const [first] = samples as unknown as [number];
    const unseen = missing?.subarray(first, first + samples.length);
    await solve(session, problem, unseen, pair, solution, control);
    losses.set(solution.loss, first);
  }
  return meanOfNumbers(losses);
}
