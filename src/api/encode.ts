import type { Backend } from "../backend/backend.ts";
import type { StartsOptions } from "../backend/starts-option.ts";
import { loadObjectives } from "../backend/wasm/load-objectives.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import {
  callback,
  choice,
  completeOptions,
  count,
  type Field,
  later,
  optional,
  signal,
} from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { WEIGHTS, type Weights } from "../base/weights.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedOption } from "../decoder/fixed.ts";
import { startsOf } from "../decoder/start.ts";
import { Callbacks, makeControl, orAbort } from "../solver/control.ts";
import { orderOf } from "../solver/flow.ts";
import type { EncodeResult, With } from "../solver/result.ts";
import { checkSaveAt, type SaveAt } from "../solver/save-at.ts";
import { Solution } from "../solver/solution.ts";
import { endOf } from "../solver/solver.ts";
import type { PriorLike } from "../terms/check-prior.ts";
import type { LossLike } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import type { Residual } from "../terms/residual.ts";
import type { Samples } from "./check-data.ts";
import {
  checkBackend,
  checkProblem,
  checkTerms,
  checkValues,
  checkZ0,
  openSession,
  solve,
  warningsOf,
  withAllChannels,
} from "./check-data.ts";
import { checkFlowAndSolver, type FlowAndSolver, IN_SOLVER } from "./flow-and-solver.ts";
import { solverOf } from "./residual-solvers.ts";
import type { SolveWhitened } from "./solve-whitened.ts";

/** Progress of an `encode` call. */
export interface EncodeProgress {
  /** Number of samples whose encoding has ended; with `starts` a share of a running slice's by the starts that have. */
  readonly done: number;
  /** Number of samples in the call. */
  readonly total: number;
  /**
   * Mean loss, without the prior, of the samples that have ended with a finite loss; NaN while there are none. With
   * `starts`, also of the starts of samples that run.
   */
  readonly meanLoss: number;
  /** Number of samples whose encoding has ended, per second since the call began. */
  readonly samplesPerSecond: number;
}

/** Options of `encode`. */
export type EncodeOptions = FlowAndSolver & CommonEncodeOptions;

/** Options of `encode` other than the flow and the solver. */
export interface CommonEncodeOptions {
  /**
   * Loss l(y, D(z)) between a sample y and its reconstruction, as a value or by name, `"bce"` or `"mse"`. Default: the loss
   * stored in the decoder; required if there is none.
   */
  loss?: LossLike | undefined;
  /**
   * Prior on the codes, such as `gaussian()`; the call then minimises loss + prior(z)/N, N the divisor of the loss. `"none"`
   * ignores the prior stored in the decoder. Default: the prior stored in the decoder, if any.
   *
   * prior(z) is the negative log-density in nats up to a constant, times the prior's weight. N is n = outputSize for a mean,
   * Σw for a weighted mean, 1 for a sum. For data with Gaussian noise of standard deviation σ, give `squaredError()` and weights
   * of 1/(2σ²).
   */
  prior?: PriorLike | undefined;
  /**
   * Weights w ≥ 0 of the elements of y in the loss: outputSize values for all samples, or [B, outputSize]; for a picture also
   * height × width values, for all samples and channels. Where the weight is 0, data are missing and y may be NaN. Default: all
   * elements have equal weight.
   *
   * They are a Float32Array, bytes of 0 and 1, or booleans. `maskFrom` of `latentflow/images` makes weights from a picture.
   */
  weights?: Weights | undefined;
  /**
   * Treatment of NaN in y where the weight is above 0. `"omit"` (the default): the value is missing, has weight 0 and is counted in
   * the result's `missing`. `"refuse"`: an error.
   */
  missing?: "omit" | "refuse" | undefined;
  /**
   * Values of the decoder's `fixedInputs` (inputs beside z, such as class labels) by name: one row for all samples, or B rows.
   * Class labels are integers. No default: required for a decoder with fixed inputs.
   */
  fixed?: FixedOption | undefined;
  /**
   * Number of points in each sample, for a decoder that maps z and a point's coordinates to the point's channels. y then has
   * points × channels values per sample. No default: required for a decoder with points.
   */
  points?: number | undefined;
  /**
   * Initial latents z0: latentSize values for all samples, or [B, latentSize]. Default: the decoder's `start`; zeros if it
   * has none.
   */
  z0?: Float32Array | undefined;
  /**
   * Several starts of each sample, `{ codes, count }`, in place of `z0`: the `count` codes where its objective is lowest. The
   * lowest end is kept, and `result.starts` has all. Default: one start.
   *
   * It avoids wrong minima where little of a sample is seen or measured. `codes`, [K, latentSize], are codes of training samples,
   * say; default: the decoder's `starts`. Default `count`: 8. The objective is evaluated at all K codes for each sample, a forward
   * pass each. A code where it is not finite is left out; of equal ones the first is taken; a sample without any ends as
   * `"nonfinite"`. `stats` count the work of all starts; `t` and `remainingFall`, losses, status and trajectory are those of the
   * end that is kept. Of an aborted call, a sample some of whose starts have not ended is `"aborted"`, with the lowest end so far.
   * `codes` must not change before the call's promise has settled. Memory: the ends of all starts, count · latentSize numbers a
   * sample; the data of at most 4,096 starts are copied at a time, at most 64 MiB unless those of one sample are more, and as much
   * of weights.
   */
  starts?: StartsOptions | undefined;
  /**
   * Residual of the decoder, as `fitResidual` returns it: what samples have that it cannot make. The loss, a squared error, then
   * whitens: it is χ²/m of the fit, m the number of values that are seen, and about 1 where decoder and noise explain the data.
   * Default: none.
   *
   * Weights w stand for noise of variance 1/(2w). `objective` is χ²/m + 2·prior/m. For a decoder that `measure` has made, the
   * residual is that of the decoder of samples. Samples that lack the same values share a covariance, [m, m] in float64, and the time
   * to factorise it grows with m³: 0.3 seconds for m = 784; m is at most 4,096. `complete` adds the correction to the sample.
   */
  residual?: Residual | undefined;
  /** Backend that runs the decoder. Default `wasm()`. */
  backend?: Backend | undefined;
  /**
   * Maximum number of samples that each thread processes at the same time, ≥ 1. It bounds memory and never changes a result.
   * Default: chosen for the decoder.
   */
  batchSize?: number | undefined;
  /**
   * Points of each sample's path to return as `trajectory`: `"steps"` for z0 and the end of every accepted step, or an
   * ascending array of times in [0, t1], t1 the solver's. `lbfgs` and `amd` are slower with it. Default: none.
   *
   * Points are returned for the times that the sample reached. A time within a step is reached by a separate, shorter step of
   * the same solver, so that the choice of times never changes z, loss or steps; its evaluations are included in `stats`.
   */
  saveAt?: SaveAt | undefined;
  /** Ends the call early: the call rejects, or resolves with the results so far, as `onAbort` says. */
  signal?: AbortSignalLike | undefined;
  /**
   * Called with the progress between pieces of work of about 10 ms. If it throws, or a promise that it returns rejects, the
   * call rejects with that error. Returned promises are awaited at the end of the call.
   */
  onProgress?: ((progress: EncodeProgress) => unknown) | undefined;
  /**
   * Effect of an abort. `"throw"` (the default) rejects with the abort signal's reason. `"return"` resolves with the last
   * accepted z of each sample, and status `"aborted"` for samples that had not ended.
   */
  onAbort?: "throw" | "return" | undefined;
}

/**
 * Checks and defaults of the options of `encode`. Options marked `later` depend on the decoder or on other options and are
 * checked in `checkSettings` and `checkArguments`.
 */
export const ENCODE_FIELDS = {
  loss: later<LossLike | undefined>(),
  prior: later<PriorLike | undefined>(),
  flow: later<unknown>(),
  solver: later<unknown>(),
  saveAt: later<SaveAt | undefined>(),
  weights: WEIGHTS,
  missing: choice("omit", "refuse"),
  fixed: later<FixedOption | undefined>(),
  points: later<number | undefined>(),
  z0: later<Float32Array | undefined>(),
  starts: later<StartsOptions | undefined>(),
  residual: optional<SolveWhitened>({ check: (_, value) => solverOf(value) }),
  backend: optional<Backend>({ check: checkBackend }),
  batchSize: optional(count(1)),
  signal: signal<AbortSignalLike>(),
  onProgress: callback<(progress: EncodeProgress) => unknown>(),
  onAbort: choice("throw", "return"),
} satisfies { readonly [Name in keyof Required<EncodeOptions>]: Field<unknown> };

/**
 * Encodes samples with a decoder and no encoder: for each sample y, follows a gradient flow of its loss from z0 to a code z whose
 * reconstruction D(z) is as close to y as the flow leads (gradient flow encoding, equations 1 and 2 of the paper, arXiv
 * 2412.00864). Each sample has its own step sizes and stopping time; its result does not depend on the other samples of the call.
 *
 * y, weights and fixed inputs are read while the call runs: do not change them before its promise has settled. An array that is
 * transferred while it is still needed rejects the call. z0 is copied. Arrays may lie in a SharedArrayBuffer, but not in a
 * resizable one.
 *
 * With a prior the objective is the loss plus the prior, so that a code stays where the prior is high unless the data say
 * otherwise. Solvers, statuses and `gradientNorm` refer to the objective; `loss`, trajectories and progress to the loss
 * alone.
 *
 * With the option `prior`, the result's `prior` is typed as defined; with `saveAt`, its `trajectory` is.
 *
 * @param y [B, outputSize], float32, in [0, 1] for cross entropy, NaN where a value is missing; or a Dataset, whose samples' shape
 *   must be that of the output
 * @returns z, [B, latentSize], losses, statuses and statistics. A numerical failure is a sample's status, not an error.
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or value;
 *   `disposed` when the decoder is; `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * const { z, loss, status } = await encode(decoder, y);
 * const likely = await encode(decoder, y, { weights, prior: gaussian(), solver: lbfgs({ maxSteps: 50 }) });
 */
export function encode(
  given: Decoder,
  y: Samples,
  options: EncodeOptions & { prior: Prior; saveAt: SaveAt },
): Promise<With<EncodeResult, "prior" | "trajectory">>;
/** Encodes samples with a decoder and no encoder, with a prior on the codes: the result's `prior` is defined. */
export function encode(
  given: Decoder,
  y: Samples,
  options: EncodeOptions & { prior: Prior },
): Promise<With<EncodeResult, "prior">>;
/** Encodes samples with a decoder and no encoder, and records their paths: the result's `trajectory` is defined. */
export function encode(
  given: Decoder,
  y: Samples,
  options: EncodeOptions & { saveAt: SaveAt },
): Promise<With<EncodeResult, "trajectory">>;
/**
 * Encodes samples y, [B, outputSize], with a decoder and no encoder: follows a gradient flow of each sample's loss from z0 to a
 * code.
 */
export function encode(given: Decoder, y: Samples, options?: EncodeOptions): Promise<EncodeResult>;
export async function encode(given: Decoder, y: Samples, options: EncodeOptions = {}): Promise<EncodeResult> {
  return calling("encode", async () => {
    const start = performance.now();
    // At once if it can be: z0 is copied before the caller goes on.
    const spread = withAllChannels(options, given);
    const checked = checkArguments(given, y, spread ? await spread : options);
    const { starts } = checked;
    const bank =
      starts === undefined ? undefined : (await loadObjectives()).checkStarts({ ...options, starts }, given);
    const { z0, pair, saveAt, residual: solveWhitened, backend, signal, onProgress, onAbort } = checked;
    const { sampleCount } = checked.problem;
    const mayThrow = () => {
      if (onAbort === "throw") throwIfAborted(signal);
    };
    mayThrow();
    const seconds = () => (performance.now() - start) / 1000;
    const callbacks = new Callbacks();
    let solution: Solution | undefined;
    let reported = 0;
    const control = makeControl(signal, () => {
      callbacks.check();
      if (!solution || solution.done === reported) return;
      reported = solution.done;
      callbacks.call(onProgress, {
        done: reported,
        total: sampleCount,
        meanLoss: solution.meanLoss,
        samplesPerSecond: reported / seconds(),
      });
    });
    const found = await checkValues(checked.problem, control, checked);
    const { problem } = found;
    const { decoder } = problem;
    mayThrow();
    // Packs the weights: the first call into WASM.
    const session =
      signal?.aborted || solveWhitened
        ? undefined
        : await orAbort(
            signal,
            openSession(backend, decoder, "solve", { problem, pair, isRecorded: saveAt !== undefined }),
          );
    const begin = z0 && startsOf(z0, decoder, 0, sampleCount);
    const recording = saveAt && new (await loadObjectives()).Recording(saveAt, sampleCount);
    solution = new Solution(sampleCount, decoder.latentSize, begin, {
      order: orderOf(pair.flow),
      recording,
      hasPrior: problem.prior !== undefined,
    });
    const run = [problem, found.missing, pair, solution, control, bank] as const;
    if (session) await solve(session, ...run);
    const ran = solveWhitened ? await solveWhitened(backend, checked.problem.loss, ...run) : session?.info;
    await callbacks.settled(signal);
    mayThrow();
    const info = ran ?? { name: backend.name, build: "none" };
    // Of whitened values the first loss does not tell whether the data are within the decoder's reach.
    const first = solveWhitened ? new Float64Array(sampleCount).fill(Number.NaN) : solution.initialLoss;
    const warnings = await warningsOf(problem, found, first);
    return { ...solution.toResult(), warnings, backend: info, seconds: seconds() };
  });
}

function checkArguments(given: Decoder, y: Samples, options: EncodeOptions) {
  const settings = checkSettings(given, options);
  const problem = checkProblem(given, y, settings);
  const { decoder, sampleCount } = problem;
  if (options.z0 !== undefined) checkZ0(options.z0, sampleCount, decoder);
  // Copied: the caller may change z0 while the backend opens.
  const z0 = options.z0?.slice() ?? (settings.starts ? undefined : decoder.start);
  return { ...settings, problem, z0 };
}

/**
 * Checks the decoder and the options of `encode` that do not depend on the samples, and fills in defaults.
 *
 * @throws LatentflowError `invalid_argument`; `disposed` if the decoder is
 */
export function checkSettings(decoder: Decoder, options: EncodeOptions) {
  const { backend = wasm(), ...values } = completeOptions(options, ENCODE_FIELDS, IN_SOLVER);
  const terms = checkTerms(decoder, options);
  const pair = checkFlowAndSolver(options);
  const { saveAt: given } = values;
  const saveAt = given === undefined ? undefined : checkSaveAt(given, endOf(pair.solver));
  return { ...values, ...terms, pair, saveAt, backend };
}
