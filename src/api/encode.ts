import type { Backend } from "../backend/backend.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { callOf } from "../base/message.ts";
import {
  callback,
  choice,
  completeOptions,
  count,
  type Field,
  type HelpOf,
  later,
  optional,
  signal,
} from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { WEIGHTS, type Weights } from "../base/weights.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import type { FixedOption } from "../decoder/fixed.ts";
import { startsOf } from "../decoder/start.ts";
import { Callbacks, makeControl, orAbort } from "../solver/control.ts";
import { orderOf } from "../solver/flow.ts";
import { checkSaveAt, type SaveAt } from "../solver/recording.ts";
import type { EncodeResult, With } from "../solver/result.ts";
import { Solution } from "../solver/solution.ts";
import { endOf } from "../solver/solver.ts";
import { checkPrior, type PriorLike } from "../terms/check-prior.ts";
import { checkLoss, type LossLike } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";
import type { Prior } from "../terms/priors.ts";
import { checkBackend, checkProblem, checkValues, checkZ0, openSession } from "./check-data.ts";
import { checkFlowAndSolver, type FlowAndSolver } from "./flow-and-solver.ts";

/** Progress of an `encode` call. */
export interface EncodeProgress {
  /** Number of samples that have ended. */
  readonly done: number;
  /** Number of all samples. */
  readonly total: number;
  /** Mean loss of the samples that have ended, without a prior; NaN while there are none. */
  readonly meanLoss: number;
  readonly samplesPerSecond: number;
}

/** Options of `encode`. */
export type EncodeOptions = FlowAndSolver & CommonEncodeOptions;

/** Options of `encode` other than the flow and the solver. */
export interface CommonEncodeOptions {
  /**
   * Distance between y and D(z), as a value or by its name, `"bce"` or `"mse"`. Default: the decoder's own; required if it
   * has none.
   */
  loss?: LossLike | undefined;
  /**
   * Prior on the codes, such as `gaussian()`: then loss + prior(z)/N is lowered, N what the loss is divided by: n for a
   * mean, Σw with weights, 1 for a sum. `"none"` leaves the decoder's own out. Default: the decoder's own, if it has one.
   *
   * For data with Gaussian noise of standard deviation σ, give `squaredError()` and weights of 1/(2σ²).
   */
  prior?: PriorLike | undefined;
  /**
   * ≥ 0, outputSize values for all samples or B × outputSize: numbers, bytes of 0 and 1, or booleans. y may be
   * NaN where its weight is 0: missing data. `maskFrom` of `latentflow/images` makes them of a picture. Default: none, all
   * elements alike.
   */
  weights?: Weights | undefined;
  /**
   * Fixed inputs, given with the samples and not sought, for each of the decoder's `fixedInputs` by name: one sample's numbers
   * for all, or B times as many. Classes are integers. No default: a decoder with fixed inputs needs them.
   */
  fixed?: FixedOption | undefined;
  /** Number of points of each sample, for a decoder over points. y then has points × channels values a sample. */
  points?: number | undefined;
  /**
   * Starts of the flows: latentSize values for all samples, or B × latentSize. Default: the decoder's own `start`, 0
   * if it has none.
   */
  z0?: Float32Array | undefined;
  /** Backend that does the work. Default `wasm()`. */
  backend?: Backend | undefined;
  /**
   * At most this many samples are worked on at once by each thread. It bounds memory and never changes a result. Default:
   * chosen for the decoder.
   */
  batchSize?: number | undefined;
  /**
   * Returns points of each sample's way as `trajectory`: `"steps"`, z0 and the end of every accepted step; or
   * at times of your choice, ascending from 0 to the solver's t1, those that the sample reached. A chosen time
   * within a step is reached by a shorter step of the same solver that branches off, so that no choice ever
   * changes z, loss or steps; its evaluations are counted with the others. Default: none. `lbfgs` and
   * `amd` are slower with it.
   */
  saveAt?: SaveAt | undefined;
  /** Ends the call early; see `onAbort`. */
  signal?: AbortSignalLike | undefined;
  /**
   * Called between pieces of work of about 10 ms. An exception or rejection of it rejects the call, which awaits the
   * promises it returned at the end.
   */
  onProgress?: ((progress: EncodeProgress) => unknown) | undefined;
  /**
   * Effect of an abort: `"throw"` (the default) rejects with the signal's reason; `"return"` resolves with the last accepted
   * z of each sample, and status "aborted" for samples that had not ended.
   */
  onAbort?: "throw" | "return" | undefined;
}

/** Beginning of error messages of `encode`. */
const WHERE = callOf("encode");

/**
 * Checks and defaults of the options of `encode`. Options that depend on the decoder, or on each other, are checked in
 * `checkSettings` and `checkArguments`.
 */
export const ENCODE_FIELDS = {
  loss: later<LossLike | undefined>(),
  prior: later<PriorLike | undefined>(),
  flow: later<unknown>(),
  solver: later<unknown>(),
  saveAt: later<SaveAt | undefined>(),
  weights: WEIGHTS,
  fixed: later<FixedOption | undefined>(),
  points: later<number | undefined>(),
  z0: later<Float32Array | undefined>(),
  backend: optional<Backend>({ check: checkBackend }),
  batchSize: optional(count(1)),
  signal: signal<AbortSignalLike>(),
  onProgress: callback<(progress: EncodeProgress) => unknown>(),
  onAbort: choice("throw", "return"),
} satisfies { readonly [Name in keyof Required<EncodeOptions>]: Field<unknown> };

/** Help of the program for the options of `encode` that are numbers. */
export const ENCODE_HELP = {
  batchSize: ["n", "at most so many samples in memory at once; the result is the same"],
} as const satisfies Partial<HelpOf<CommonEncodeOptions>>;

/**
 * Encodes samples with a decoder alone: for each one, follows a flow along the gradient of its own loss from
 * z0 to where D(z) is as close to it as it gets (equations 1 and 2). Each sample has its own steps and its own
 * end; its result depends on nothing else in the call.
 *
 * The arrays given are read while the call is at work: do not change them before it has settled. One that is
 * transferred while it is still needed rejects the call. They may lie in a SharedArrayBuffer, but in none that can be
 * resized.
 *
 * With a prior the objective is not the loss alone: a code stays where the prior expects one unless the data say
 * otherwise. Solvers, statuses and `gradientNorm` go by the objective; `loss`, trajectories and progress are the data's.
 *
 * Given `prior`, the result's `prior` is typed as defined; given `saveAt`, its `trajectory` is.
 *
 * @param y B × outputSize, float32; in [0, 1] for cross entropy
 * @returns z (B × latentSize), losses, statuses and statistics. A numerical failure is a sample's status, not
 *   an error.
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or
 *   value; `disposed` when the decoder is; `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * const { z, loss, status } = await encode(decoder, y);
 * const likely = await encode(decoder, y, { weights, prior: gaussian(), solver: lbfgs({ maxSteps: 50 }) });
 */
export function encode(
  given: Decoder,
  y: Float32Array,
  options: EncodeOptions & { prior: Prior; saveAt: SaveAt },
): Promise<With<EncodeResult, "prior" | "trajectory">>;
export function encode(
  given: Decoder,
  y: Float32Array,
  options: EncodeOptions & { prior: Prior },
): Promise<With<EncodeResult, "prior">>;
export function encode(
  given: Decoder,
  y: Float32Array,
  options: EncodeOptions & { saveAt: SaveAt },
): Promise<With<EncodeResult, "trajectory">>;
export function encode(given: Decoder, y: Float32Array, options?: EncodeOptions): Promise<EncodeResult>;
export async function encode(
  given: Decoder,
  y: Float32Array,
  options: EncodeOptions = {},
): Promise<EncodeResult> {
  const start = performance.now();
  const { problem, z0, flow, solver, saveAt, backend, signal, onProgress, onAbort } = checkArguments(
    given,
    y,
    options,
  );
  const { decoder } = problem;
  const mayThrow = () => {
    if (onAbort === "throw") throwIfAborted(signal);
  };
  mayThrow();
  const seconds = () => (performance.now() - start) / 1000;
  const { sampleCount } = problem;
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
  await checkValues(WHERE, problem, control);
  mayThrow();
  const pair = { flow, solver };
  // Packs the weights: the first call into WASM.
  const session = signal?.aborted
    ? undefined
    : await orAbort(
        signal,
        openSession(WHERE, backend, decoder, "solve", { problem, pair, isRecorded: saveAt !== undefined }),
      );
  const starts = z0 && startsOf(z0, decoder, 0, sampleCount);
  solution = new Solution(sampleCount, decoder.latentSize, starts, {
    order: orderOf(flow),
    saveAt,
    hasPrior: problem.prior !== undefined,
  });
  await session?.solve(problem, pair, solution, control);
  await callbacks.settled(signal);
  mayThrow();
  const info = session?.info ?? { name: backend.name, build: "none" };
  return { ...solution.toResult(), backend: info, seconds: seconds() };
}

function checkArguments(given: Decoder, y: Float32Array, options: EncodeOptions) {
  const { loss, prior, weights, batchSize, ...settings } = checkSettings(WHERE, given, options);
  const problem = checkProblem(WHERE, given, y, options, { loss, prior, weights, batchSize });
  const { decoder, sampleCount } = problem;
  if (options.z0 !== undefined) checkZ0(WHERE, options.z0, sampleCount, decoder);
  // Copied: the caller may change z0 while the backend opens.
  const z0 = options.z0?.slice() ?? decoder.start;
  return { problem, z0, ...settings };
}

/** Checks the decoder, and checks and completes the options that hold no samples' data. */
export function checkSettings(where: string, decoder: Decoder, options: EncodeOptions) {
  const {
    backend = wasm(),
    weights,
    batchSize,
    signal,
    onProgress,
    onAbort,
  } = completeOptions(where, options, ENCODE_FIELDS);
  checkDecoder(where, decoder);
  const loss = checkLoss(where, options.loss, decoder);
  const { flow, solver } = checkFlowAndSolver(where, options);
  const saveAt = options.saveAt === undefined ? undefined : checkSaveAt(where, options.saveAt, endOf(solver));
  const given = checkPrior(where, options.prior, decoder);
  const prior = given && componentsOf(given, decoder.latentSize);
  return { loss, prior, flow, solver, saveAt, weights, backend, batchSize, signal, onProgress, onAbort };
}
