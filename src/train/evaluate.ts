import { openSession, solve, warningsOf } from "../api/check-data.ts";
import type { Dataset } from "../api/dataset.ts";
import type { CheckedPair, Session } from "../backend/backend.ts";
import { decoderInLossUnits } from "../backend/loss-units.ts";
import { withSeenWeights } from "../backend/missing.ts";
import { calling } from "../base/calling.ts";
import type { Owned } from "../base/owned.ts";
import { throwIfAborted } from "../base/realms.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { startsOf } from "../decoder/start.ts";
import { Callbacks, makeControl, unlessAborted } from "../solver/control.ts";
import { evaluateOnly } from "../solver/evaluate-only.ts";
import { gradientFlow, orderOf } from "../solver/flow.ts";
import { type EncodeResult, type EncodeSummary, meanOfFinite, summary, type With } from "../solver/result.ts";
import { Solution } from "../solver/solution.ts";
import { collectPart, partOfSolution } from "../solver/solution-part.ts";
import { lossFloors } from "../terms/loss-floor.ts";
import type { Prior } from "../terms/priors.ts";
import { codesOf } from "./encode-with.ts";
import {
  checkEvaluateArguments,
  type EvaluateEncoderOptions,
  type EvaluateOptions,
} from "./evaluate-options.ts";
import { checkDataset, problems } from "./samples.ts";

/** Result of `evaluate` for B samples: means and counts as in `summary`, and the values of each sample. */
export interface EvaluateReport
  extends EncodeSummary,
    Omit<EncodeResult, "z" | "v" | "trajectory" | "starts" | "backend" | "seconds"> {
  /**
   * Mean of the loss minus its floor, over the samples with a finite loss. The floor is the entropy of the targets for
   * cross entropy, and taken as 0 for all other losses, also custom ones.
   */
  readonly meanExcessLoss: number;
  /**
   * Mean of the objective, loss + prior/N with N the number that the loss was divided by, over its finite values; without a
   * prior equal to `meanLoss`.
   */
  readonly meanObjective: number;
  /**
   * Mean squared error of the reconstructions over the values of weight 0 that are present in the data (not NaN). These values
   * are hidden from the flows, so that the error shows how well the flows complete the samples. If the loss has a scale, errors are
   * divided by it. Absent if there are no such values.
   */
  readonly meanHiddenError?: number;
}

/** Fields of a report that only exist if a flow was followed. */
type FlowFigures =
  | "initialLoss"
  | "meanInitialLoss"
  | "meanAcceptedSteps"
  | "meanBacktracks"
  | "status"
  | "statuses"
  | "stats";

/** Result of `evaluate` with the option `encoder`, for the encoder's codes z. */
export interface EncoderReport extends Omit<EvaluateReport, FlowFigures> {
  /** Number of samples whose loss is not finite; `meanLoss` leaves them out. */
  readonly nonfinite: number;
  /**
   * Loss at the encoder's code minus the loss at the code that a flow finds, B values, in the unit of the loss: for cross
   * entropy nats per element (with a mean). Undefined without the option `gap`.
   *
   * Both codes are decoded by the same decoder, so that its own error cancels: the gap measures how far the encoder is from
   * the best code. It is small for samples like those that the encoder was trained on, and larger for out-of-distribution
   * samples, for which only the encoder fails to generalise; a threshold on it, chosen on in-distribution samples, separates
   * the two. It is negative if the flow has ended in a worse minimum than the encoder's code, or before it had converged; with
   * a prior also where the flow gave up some of the loss, which the gap compares, for the prior, which it leaves out.
   */
  readonly gap: Owned<Float64Array> | undefined;
  /** Mean of the finite gaps; NaN if there are none. Undefined without the option `gap`. */
  readonly meanGap: number | undefined;
  /**
   * The flows that the gap compares with. Where many have not converged, as by a solver with few steps, the gap is too small.
   * Undefined without the option `gap`.
   */
  readonly flows: FlowsBeside | undefined;
}

/** Flows beside an encoder's codes: means and counts as in `summary`, and the values of each of the B samples. */
export interface FlowsBeside
  extends Pick<EncodeSummary, "meanLoss" | "meanAcceptedSteps" | "meanBacktracks" | "statuses">,
    Pick<EncodeResult, "loss" | "status" | "stats"> {}

/**
 * Evaluates a decoder: encodes samples as `encode` does, with the same results to the last bit, and reports the losses. With
 * the option `encoder`, codes come from the encoder instead of a flow, as in an autoencoder, and the report has no statuses
 * and step counts. With `gap: true` flows are followed too, and the report has each sample's gap, the encoder's loss minus
 * the flow's: a score for out-of-distribution samples.
 *
 * Samples are read in pieces: a data set of bytes is never in memory as float32 as a whole. Data, weights and fixed inputs are
 * read while the call runs: do not change or transfer them before its promise has settled. z0 is copied.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array, [count, outputSize]
 * @returns the report; a numerical failure is a sample's status, not an error
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or value;
 *   `disposed` when a network is; `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * const { meanLoss, statuses } = await evaluate(run.decoder, test);
 * const { gap } = await evaluate(run.decoder, test, { encoder: run.encoder, gap: true });
 */
export function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateOptions & { prior: Prior },
): Promise<With<EvaluateReport, "prior">>;
/** Evaluates a decoder by flows: encodes samples as `encode` does, and reports losses, statuses and step counts. */
export function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options?: EvaluateOptions,
): Promise<EvaluateReport>;
/** Evaluates a decoder and its encoder, with flows beside: the report has the gap of each sample. */
export function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateEncoderOptions & { gap: true },
): Promise<With<EncoderReport, "gap" | "meanGap" | "flows">>;
/** Evaluates a decoder and its encoder, with a prior on the codes: the report's `prior` is defined. */
export function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateEncoderOptions & { prior: Prior },
): Promise<With<EncoderReport, "prior">>;
/** Evaluates a decoder and its encoder: the codes are the encoder's, and the report has no statuses and step counts. */
export function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateEncoderOptions,
): Promise<EncoderReport>;
/** Evaluates a decoder by flows or, with the option `encoder`, by the encoder's codes. */
export function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options?: EvaluateOptions | EvaluateEncoderOptions,
): Promise<EvaluateReport | EncoderReport>;
export async function evaluate(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateOptions | EvaluateEncoderOptions = {},
): Promise<EvaluateReport | EncoderReport> {
  return calling("evaluate", async () => {
    const start = performance.now();
    const checked = checkEvaluateArguments(given, data, options);
    const { dataset, settings, pair, encoder, backend, signal, onProgress } = checked;
    const decoder = decoderInLossUnits(settings);
    throwIfAborted(signal);
    // Messages must not advise the option weights for an encoder, which takes none.
    const checks = { missing: checked.missing, takesWeights: encoder === undefined };
    const found = await checkDataset(dataset, settings, makeControl(signal), checks);
    throwIfAborted(signal);
    // There is a first piece, since empty data sets are rejected. `auto` may choose a backend by its size.
    const [piece] = problems(dataset, settings);
    const solving = async (pair: CheckedPair): Promise<Solving> => {
      const use = { problem: piece!.problem, pair, isRecorded: false };
      return { pair, session: await openSession(backend, decoder, "solve", use) };
    };
    const flow = pair && (await unlessAborted(signal, () => solving(pair)));
    const atCodes = encoder && {
      ...(await unlessAborted(signal, () => solving({ flow: gradientFlow(), solver: evaluateOnly }))),
      encoding: await unlessAborted(signal, () => openSession(backend, encoder, "decode")),
    };
    const callbacks = new Callbacks();
    const seconds = () => (performance.now() - start) / 1000;
    const solve = async (by: Solving, isReported: boolean) =>
      solveAll(checked, found.missing, by, callbacks, (done, meanLoss) => {
        if (!isReported) return;
        const samplesPerSecond = done / seconds();
        callbacks.call(onProgress, { done, total: dataset.count, meanLoss, samplesPerSecond });
      });
    // Progress is that of the flows if there are any, since they take nearly all the time.
    const { all, floors } = await solve((atCodes ?? flow)!, !atCodes || !flow);
    const inverted = atCodes && flow && (await solve(flow, true)).all;
    await callbacks.settled(signal);
    throwIfAborted(signal);
    const { info } = (flow ?? atCodes)!.session;
    const warnings = await warningsOf(
      { ...settings, decoder, prior: settings.prior },
      found,
      all.initialLoss,
    );
    const result = { ...all.toResult(), warnings, backend: info, seconds: seconds() };
    const { z, loss, prior, objective, initialLoss, gradientNorm, status, stats } = result;
    const hiddenError = await hiddenErrorOf(checked, (flow ?? atCodes)!.session, z);
    const excess = Float64Array.from(loss, (value, sample) => value - floors[sample]!);
    const { meanInitialLoss, meanAcceptedSteps, meanBacktracks, statuses, ...figures } = summary(result);
    const report = {
      ...figures,
      meanExcessLoss: meanOfFinite(excess),
      meanObjective: meanOfFinite(objective),
      ...(hiddenError !== undefined && { meanHiddenError: hiddenError }),
      loss,
      prior,
      objective,
      gradientNorm,
      missing: result.missing,
      warnings,
    };
    if (atCodes) {
      const nonfinite = loss.filter((value) => !Number.isFinite(value)).length;
      const flows =
        inverted && flowsBeside({ ...inverted.toResult(), warnings, backend: info, seconds: seconds() });
      const gap = flows && Float64Array.from(loss, (value, i) => value - flows.loss[i]!);
      return { ...report, nonfinite, gap, meanGap: gap && meanOfFinite(gap), flows };
    }
    const ofFlow = {
      meanInitialLoss,
      meanAcceptedSteps,
      meanBacktracks,
      statuses,
      initialLoss,
      status,
      stats,
    };
    return { ...report, ...ofFlow };
  });
}

function flowsBeside(result: EncodeResult): FlowsBeside {
  const { meanLoss, meanAcceptedSteps, meanBacktracks, statuses } = summary(result);
  const { loss, status, stats } = result;
  return { meanLoss, meanAcceptedSteps, meanBacktracks, statuses, loss, status, stats };
}

/**
 * Returns the mean squared error of the reconstructions D(z) over the data values of weight 0, where both the value and its
 * reconstruction are finite; undefined if there are no such values.
 */
async function hiddenErrorOf(
  { dataset, settings, signal }: ReturnType<typeof checkEvaluateArguments>,
  session: Session,
  z: Float32Array,
): Promise<number | undefined> {
  const { latentSize, outputSize } = settings.decoder;
  let sum = 0;
  let count = 0;
  for (const { samples, problem } of problems(dataset, settings)) {
    const first = samples[0]!;
    const { targets, weights, sampleCount, fixed } = problem;
    if (!weights?.includes(0)) continue;
    const codes = z.slice(first * latentSize, (first + sampleCount) * latentSize);
    const x = await session.decode(codes, fixed, false, makeControl(signal));
    throwIfAborted(signal);
    for (let i = 0; i < sampleCount * outputSize; i++) {
      const error = (x[i]! - targets[i]!) ** 2;
      if (weights[i % weights.length] !== 0 || !Number.isFinite(error)) continue;
      sum += error;
      count++;
    }
  }
  return count > 0 ? sum / count : undefined;
}

/** Session of the decoder, with the flow and solver to use. */
interface Solving {
  readonly session: Session;
  readonly pair: CheckedPair;
  /** Session of the encoder whose codes are evaluated; undefined if flows start at z0. */
  readonly encoding?: Session;
}

/**
 * Solves all samples of the data set, piece by piece.
 *
 * @param onDone called with the number of samples that have ended and the mean of their finite losses
 * @returns the solution, and the floor of each sample's loss, [B]
 */
async function solveAll(
  { dataset, settings, z0, signal }: ReturnType<typeof checkEvaluateArguments>,
  missing: Uint32Array | undefined,
  { session, pair, encoding }: Solving,
  callbacks: Callbacks,
  onDone: (done: number, meanLoss: number) => void,
): Promise<{ readonly all: Solution; readonly floors: Float64Array }> {
  const { decoder } = settings;
  const { count } = dataset;
  const has = { order: orderOf(pair.flow), hasPrior: settings.prior !== undefined };
  const all = new Solution(count, decoder.latentSize, undefined, has);
  const floors = new Float64Array(count);
  let reported = 0;
  const control = makeControl(signal, () => {
    callbacks.check();
    if (all.done === reported) return;
    reported = all.done;
    onDone(all.done, all.meanLoss);
  });
  for (const { samples, problem } of problems(dataset, settings)) {
    const first = samples[0]!;
    const { loss, targets, weights } = problem;
    const unseen = missing?.subarray(first, first + samples.length);
    const seen = unseen?.some(Boolean) ? withSeenWeights(problem).weights : weights;
    floors.set(lossFloors(loss, targets, decoder.outputSize, seen), first);
    const starts = encoding
      ? await codesOf(encoding, dataset.rows(samples), signal)
      : z0 && startsOf(z0, decoder, first, samples.length);
    const piece = partOfSolution(all, samples, starts);
    await solve(session, problem, unseen, pair, piece, control);
    throwIfAborted(signal);
    collectPart(all, piece, samples);
  }
  return { all, floors };
}
