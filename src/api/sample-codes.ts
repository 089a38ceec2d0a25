import type { Problem } from "../backend/backend.ts";
import { loadObjectives } from "../backend/wasm/load-objectives.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { LatentflowError } from "../base/errors.ts";
import { checkFloat32 } from "../base/float32.ts";
import { option, words } from "../base/message.ts";
import { callback, completeOptions, count, type Field } from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { rowsOfSamples, scatterRows } from "../base/rows.ts";
import { show } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { Callbacks, makeControl, unlessAborted } from "../solver/control.ts";
import type { PriorLike } from "../terms/check-prior.ts";
import type { Samples } from "./check-data.ts";
import {
  checkProblem,
  checkTerms,
  checkValues,
  openSession,
  withAllChannels,
  withCopies,
} from "./check-data.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "./encode.ts";
import { type CodeSamples, drawCodes } from "./importance-sampling.ts";

/** Options of `sampleCodes`. */
export interface SampleCodesOptions
  extends Pick<CommonEncodeOptions, "loss" | "weights" | "missing" | "fixed" | "points" | "backend"> {
  /** Number of codes to draw for each sample, K ≥ 1. Default 200. */
  count?: number | undefined;
  /** Seed of the random numbers by which codes are drawn, an integer ≥ 0. Default 0. */
  seed?: number | undefined;
  /**
   * Prior density of the codes, such as `fitGaussian(codes)`. Default: the prior stored in the decoder; required if there is
   * none.
   */
  prior?: PriorLike | undefined;
  /** Ends the call early: its promise rejects with the abort signal's reason. */
  signal?: AbortSignalLike | undefined;
  /**
   * Called with the progress between pieces of work of about 10 ms. If it throws, or a promise that it returns rejects, the
   * call rejects with that error.
   */
  onProgress?: ((progress: SampleCodesProgress) => unknown) | undefined;
}

/** Progress of a `sampleCodes` call. */
export interface SampleCodesProgress {
  /** Number of codes drawn so far. */
  readonly done: number;
  /** Total number of codes to draw, B · K for K draws for each of B samples. */
  readonly total: number;
}

/**
 * Draws K weighted codes for each of B samples, which represent the sample's posterior p(z | y) ∝ exp(-(N · loss + prior)).
 * N is the number that the loss was divided by: outputSize for a mean, Σw for a weighted mean, 1 for a sum. The sum N · loss
 * is taken for a negative log-likelihood in nats, which a cross entropy is.
 *
 * **A squared error is such a likelihood only if it is scaled.** Unscaled, it corresponds to noise of standard deviation √½
 * = 0.71 in each value, which is most of the range of a pixel, and the draws are spread accordingly. For noise of standard
 * deviation σ, use `squaredError()`, weights of 1/(2σ²) and a prior of weight 1, both here and in `encode`; or, without weights,
 * `squaredError({ scale })` of √2·σ for each output. With weights of
 * 1 and a prior of weight 2σ², `encode` finds the same codes, but these draws have the wrong spread.
 *
 * The draws come from a Gaussian centred on the code found by `encode`, whose precision is the Gauss-Newton matrix of N ·
 * loss + prior there, and are weighted by importance: posterior over Gaussian. If the posterior is far from that Gaussian,
 * for example if much is hidden and several completions fit, a few draws carry most of the weight; see
 * `effectiveSampleSize`.
 *
 * Pass the options that `encode` was given: loss, prior, weights, fixed, points. A sample's codes depend only on these
 * options, its data, its z and the seed, not on the other samples of the call. The arrays are copied at the call: they may be
 * changed or transferred as soon as it has returned.
 *
 * @param y [B, outputSize], float32, or a Dataset, as it was encoded
 * @param result what `encode` returned for y, or `{ z }` with codes [B, latentSize]
 * @returns codes, [B, K, latentSize], their weights, [B, K], and each sample's effective sample size, [B]
 * @throws LatentflowError `invalid_argument`, before any work, on a wrong type, length or value, without a prior, and for a
 *   custom loss without `curvature`; `disposed` when the decoder is; `unsupported` when the backend has no Gauss-Newton
 *   matrices; `out_of_memory`, before any work if there is no room for the codes, and from the backend, as is `worker_failed`
 * @example
 * const { z: codes } = await encode(decoder, trainingSamples);
 * const prior = fitGaussian(codes, { latentSize: decoder.latentSize });
 * const result = await encode(decoder, y, { weights, prior });
 * const samples = await sampleCodes(decoder, y, result, { weights, prior, count: 100 });
 * const completions = await decode(decoder, samples.codes);
 */
export async function sampleCodes(
  given: Decoder,
  y: Samples,
  result: { readonly z: Float32Array },
  options: SampleCodesOptions = {},
): Promise<CodeSamples> {
  return calling("sampleCodes", async () => {
    const spread = withAllChannels(options, given);
    const checked = checkArguments(given, y, result, spread ? await spread : options);
    const { z, count, seed, backend, signal, onProgress } = checked;
    const { decoder: own, sampleCount } = checked.problem;
    throwIfAborted(signal);
    const samples = emptySamples(sampleCount, count, own.latentSize, warningsOf(checked.problem, options));
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
    const { missing, problem } = await checkValues(checked.problem, control, checked);
    const { decoder } = problem;
    throwIfAborted(signal);
    const session = await unlessAborted(signal, () => openSession(backend, decoder, "objective"));
    const draw = async (group: Problem, codes: Float32Array, into: CodeSamples) => {
      const atOnce = session.objectiveSize(group);
      for (let first = 0; first < group.sampleCount; first += atOnce) {
        const size = Math.min(atOnce, group.sampleCount - first);
        const objective = await session.objective(group, first, size);
        const pause = async () => {
          await control.pause();
          throwIfAborted(signal);
          done += size;
        };
        try {
          await drawCodes(objective, group, codes, first, { count, seed, samples: into, pause });
        } finally {
          objective.dispose();
        }
      }
    };
    if (missing === undefined) await draw(problem, z, samples);
    const d = decoder.latentSize;
    for (const group of missing ? (await loadObjectives()).groupsOf(problem, missing) : []) {
      const own = emptySamples(group.samples.length, count, d);
      await draw(group.problem, rowsOfSamples(z, d, group.samples), own);
      scatterRows(own.codes, count * d, group.samples, samples.codes);
      scatterRows(own.weights, count, group.samples, samples.weights);
      scatterRows(own.effectiveSampleSize, 1, group.samples, samples.effectiveSampleSize);
    }
    await control.pause();
    await callbacks.settled(signal);
    throwIfAborted(signal);
    return samples;
  });
}

/** Warns of a squared error without a scale of the noise: neither weights nor a scale that the call itself gives. */
function warningsOf({ loss, weights }: Problem, options: SampleCodesOptions): readonly string[] {
  if (loss.name !== "squaredError" || weights) return [];
  if (loss.scale && options.loss !== undefined) return [];
  const [unit, why] = loss.scale
    ? [" of the loss's scale", "the decoder's loss has the scale of the data, not of the noise"]
    : ["", "the squared error has no scale"];
  const advice = `give weights of 1/(2σ²) for noise of σ${unit && ` times that scale`}, 0 where a value is hidden`;
  return [`draws are spread as for noise of standard deviation 0.71${unit}, since ${why}; ${advice}`];
}

/** Milliseconds between two progress reports: a draw for few samples takes only microseconds. */
const BETWEEN_REPORTS = 10;

const { prior, loss, weights, missing, fixed, points, backend, signal } = ENCODE_FIELDS;

/** Checks and defaults of the options of `sampleCodes`. */
export const SAMPLE_CODES_FIELDS = {
  count: count(1, 200),
  seed: count(0, 0),
  ...{ prior, loss, weights, missing, fixed, points, backend, signal },
  onProgress: callback<(progress: SampleCodesProgress) => unknown>(),
} satisfies { readonly [Name in keyof Required<SampleCodesOptions>]: Field<unknown> };

function checkArguments(
  given: Decoder,
  y: Samples,
  result: { readonly z: Float32Array },
  options: SampleCodesOptions,
) {
  const { backend = wasm(), ...values } = completeOptions(options, SAMPLE_CODES_FIELDS);
  const { loss, prior } = checkTerms(given, values);
  if (loss.name === "custom" && loss.curvature === undefined) {
    throw refused("loss", "has", "no curvature", "customLoss({ value, gradient, curvature })");
  }
  if (prior === undefined) {
    const expected = "fitGaussian(codes) of whole samples, or gaussian() if the decoder was trained with it";
    throw refused(
      "prior",
      "is",
      show(values.prior),
      expected,
      "; without a prior the posterior may have no bounds",
    );
  }
  const problem = checkProblem(given, y, { ...values, loss, prior });
  const z = codesIn(result);
  const size = problem.sampleCount * given.latentSize;
  if (z.length !== size) {
    const expected = `${size} (one latent for each sample)`;
    throw refused("result.z", "has", `${z.length} values`, expected);
  }
  return { ...values, problem: withCopies(problem), z: z.slice(), backend };
}

/** Returns the codes `z` in a result of `encode`; throws `invalid_argument` if it has no Float32Array `z`. */
function codesIn(result: { readonly z: Float32Array }): Float32Array {
  const z: unknown = (result as typeof result | null | undefined)?.z;
  if (typeof result !== "object" || z === undefined) {
    throw refused("result", "is", show(result), "what encode returns, or { z }");
  }
  checkFloat32("result.z", z);
  return z;
}

/**
 * Allocates the zero-filled result of `sampleCodes`, with K = `count` codes of d values for each sample.
 *
 * @throws LatentflowError `out_of_memory`
 */
function emptySamples(
  sampleCount: number,
  count: number,
  d: number,
  warnings: readonly string[] = [],
): CodeSamples {
  try {
    return {
      codes: new Float32Array(sampleCount * count * d),
      weights: new Float64Array(sampleCount * count),
      effectiveSampleSize: new Float64Array(sampleCount),
      warnings,
    };
  } catch (cause) {
    const problem = `there is no memory for ${count} codes of each of ${sampleCount} samples`;
    throw new LatentflowError("out_of_memory", words`${problem}; give a smaller ${option("count")}`, {
      cause,
    });
  }
}
