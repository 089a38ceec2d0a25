import type { Backend } from "../backend/backend.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { LatentflowError } from "../base/errors.ts";
import { checkFloat32 } from "../base/float32.ts";
import { option, subject } from "../base/message.ts";
import { callback, completeOptions, count, type Field, later, optional, signal } from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { invalid, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { WEIGHTS, type Weights } from "../base/weights.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import type { FixedOption } from "../decoder/fixed.ts";
import { Callbacks, makeControl, unlessAborted } from "../solver/control.ts";
import { checkPrior, type PriorLike } from "../terms/check-prior.ts";
import { checkLoss, type LossLike } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";
import { checkBackend, checkProblem, checkValues, openSession } from "./check-data.ts";
import { type CodeSamples, drawCodes } from "./importance-sampling.ts";

/** Options of `sampleCodes`. */
export interface SampleCodesOptions {
  /** Codes drawn for each sample, K. Default 200. */
  count?: number | undefined;
  /** Seed of the draws, an integer from 0 to 2^53 - 1. Default 0. */
  seed?: number | undefined;
  /** Density of the codes before any data, such as `fitGaussian(codes)`. Default: the decoder's own; there has to be one. */
  prior?: PriorLike | undefined;
  /** Distance between y and D(z), as in `encode`. Default: the decoder's own. */
  loss?: LossLike | undefined;
  /** Weights as in `encode`: ≥ 0, outputSize values for all samples or B × outputSize; 0 for missing data. */
  weights?: Weights | undefined;
  /** Values of the decoder's `fixedInputs`, as in `encode`. */
  fixed?: FixedOption | undefined;
  /** For a decoder over points: points of each sample, as in `encode`. */
  points?: number | undefined;
  /** Backend that does the work, on one thread. Default `wasm()`. */
  backend?: Backend | undefined;
  /** Ends the call early: it then rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
  /** Called between pieces of work of about 10 ms. An exception or rejection of it rejects the call. */
  onProgress?: ((progress: SampleCodesProgress) => unknown) | undefined;
}

/** Progress of a `sampleCodes` call. */
export interface SampleCodesProgress {
  /** Number of codes drawn so far. */
  readonly done: number;
  /** Number of codes to draw, B × K. */
  readonly total: number;
}

/**
 * Draws codes for each sample, weighted so that they stand for its posterior, p(z | y) ∝ exp(-(N · loss + prior)): N is the
 * number the loss was divided by, so that losses have to be negative log-likelihoods in nats. Cross entropy is one.
 *
 * **A squared error is none until it is scaled.** As it is, draws are spread as under noise of standard deviation √½ = 0.71 in each
 * value, which is most of the range of a pixel. For noise of standard deviation σ, give `squaredError()`, weights of 1/(2σ²)
 * and a prior of weight 1, in `encode`, too. A prior of weight 2σ² leads `encode` to the same codes, but not these draws to
 * their spread.
 *
 * The draws come from the Gaussian around the code of `encode` whose precision is the Gauss-Newton matrix of N · loss + prior
 * there, and are weighted by importance: posterior over Gaussian. Where the posterior is far from that Gaussian, as where much
 * is hidden and several completions fit, few draws carry most of the weight; `effectiveSampleSize` tells.
 *
 * Give the options that `encode` was given: loss, prior, weights, fixed, points. A sample's codes depend on them, its data, its
 * z and the seed alone: not on its batch mates or their number.
 *
 * @param y B × outputSize, float32, as it was encoded
 * @param result what `encode` returned for y, or `{ z }` with B × latentSize codes
 * @throws LatentflowError `invalid_argument`, before any work, on a wrong type, length or value, without a prior, and for a
 *   custom loss without `curvature`; `disposed` when the decoder is; `unsupported` when the backend has no Gauss-Newton
 *   matrices; `out_of_memory`, before any work where there is no room for the codes, and from the backend
 * @example
 * const { z: codes } = await encode(decoder, trainingSamples);
 * const prior = fitGaussian(codes, { latentSize: decoder.latentSize });
 * const result = await encode(decoder, y, { weights, prior });
 * const samples = await sampleCodes(decoder, y, result, { weights, prior, count: 100 });
 * const completions = await decode(decoder, samples.codes);
 */
export async function sampleCodes(
  given: Decoder,
  y: Float32Array,
  result: { readonly z: Float32Array },
  options: SampleCodesOptions = {},
): Promise<CodeSamples> {
  const { problem, z, count, seed, backend, signal, onProgress } = checkArguments(given, y, result, options);
  const { decoder, sampleCount } = problem;
  throwIfAborted(signal);
  const samples = emptySamples(sampleCount, count, decoder.latentSize);
  const callbacks = new Callbacks();
  const total = sampleCount * count;
  let done = 0;
  let reported = performance.now();
  const control = makeControl(signal, () => {
    const now = performance.now();
    if (done < total && now - reported < BETWEEN_REPORTS) return;
    reported = now;
    callbacks.call(onProgress, { done, total });
  });
  await checkValues(WHERE, problem, control);
  throwIfAborted(signal);
  const session = await unlessAborted(signal, () => openSession(WHERE, backend, decoder, "objective"));
  const atOnce = session.objectiveSize(problem);
  for (let first = 0; first < sampleCount; first += atOnce) {
    const size = Math.min(atOnce, sampleCount - first);
    const objective = await session.objective(problem, first, size);
    const pause = async () => {
      await control.pause();
      throwIfAborted(signal);
      done += size;
    };
    try {
      await drawCodes(WHERE, objective, problem, z, first, { count, seed, samples, pause });
    } finally {
      objective.dispose();
    }
  }
  await control.pause();
  await callbacks.settled(signal);
  throwIfAborted(signal);
  return samples;
}

const WHERE = "sampleCodes";
/** Milliseconds between two reports of progress: a draw of few samples takes microseconds. */
const BETWEEN_REPORTS = 10;

const FIELDS = {
  count: count(1, 200),
  seed: count(0, 0, Number.MAX_SAFE_INTEGER),
  prior: later<PriorLike | undefined>(),
  loss: later<LossLike | undefined>(),
  weights: WEIGHTS,
  fixed: later<FixedOption | undefined>(),
  points: later<number | undefined>(),
  backend: optional<Backend>({ check: checkBackend }),
  signal: signal<AbortSignalLike>(),
  onProgress: callback<(progress: SampleCodesProgress) => unknown>(),
} satisfies { readonly [Name in keyof Required<SampleCodesOptions>]: Field<unknown> };

function checkArguments(
  given: Decoder,
  y: Float32Array,
  result: { readonly z: Float32Array },
  options: SampleCodesOptions,
) {
  checkDecoder(WHERE, given);
  const { backend = wasm(), weights, ...values } = completeOptions(WHERE, options, FIELDS);
  const { count, seed, signal, onProgress } = values;
  const loss = checkLoss(WHERE, values.loss, given);
  if (loss.name === "custom" && loss.curvature === undefined) {
    throw invalid(
      `${WHERE}: ${subject("loss")} has no curvature, expected customLoss({ value, gradient, curvature })`,
    );
  }
  const prior = checkPrior(WHERE, values.prior, given);
  if (prior === undefined) {
    throw invalid(
      `${WHERE}: there is no ${subject("prior")}, so the posterior may have no bounds; give one such as fitGaussian(codes) or gaussian()`,
    );
  }
  const components = componentsOf(prior, given.latentSize);
  const checked = { loss, prior: components, weights, batchSize: undefined };
  const problem = checkProblem(WHERE, given, y, values, checked);
  const z = codesIn(result);
  const size = problem.sampleCount * given.latentSize;
  if (z.length !== size) {
    const expected = `${size} (one latent for each sample)`;
    throw refused(WHERE, "result.z", "has", `${z.length} values`, expected);
  }
  return { problem, z: z.slice(), count, seed, backend, signal, onProgress };
}

/** Returns the codes in a result of `encode`. */
function codesIn(result: { readonly z: Float32Array }): Float32Array {
  let z: unknown;
  try {
    z = (result as typeof result | null | undefined)?.z;
  } catch (cause) {
    throw invalid(`${WHERE}: ${subject("result")} cannot be read`, cause); // A getter or a proxy has thrown.
  }
  if (typeof result !== "object" || z === undefined) {
    throw refused(WHERE, "result", "is", show(result), "what encode returns, or { z }");
  }
  checkFloat32(WHERE, "result.z", z);
  return z;
}

/** @throws LatentflowError `out_of_memory` */
function emptySamples(sampleCount: number, count: number, d: number): CodeSamples {
  try {
    return {
      codes: new Float32Array(sampleCount * count * d),
      weights: new Float64Array(sampleCount * count),
      effectiveSampleSize: new Float64Array(sampleCount),
    };
  } catch (cause) {
    const problem = `there is no memory for ${count} codes of each of ${sampleCount} samples`;
    throw new LatentflowError("out_of_memory", `${WHERE}: ${problem}; give a smaller ${option("count")}`, {
      cause,
    });
  }
}
