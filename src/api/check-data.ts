import type { Backend, CheckedPair, Problem, Session, Use } from "../backend/backend.ts";
import type { DataNames, Findings, WrongValue } from "../backend/data-messages.ts";
import type { Bank } from "../backend/starts.ts";
import { loadObjectives } from "../backend/wasm/load-objectives.ts";
import { hasDatasetMark } from "../base/dataset-mark.ts";
import { checkFloat32, place } from "../base/float32.ts";
import { attached } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { callHint, show } from "../base/show.ts";
import type { Weights } from "../base/weights.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { activations } from "../graph/activation.ts";
import type { Control } from "../solver/base.ts";
import { meanOfFinite } from "../solver/result.ts";
import type { Solution } from "../solver/solution.ts";
import { checkPrior, type PriorLike } from "../terms/check-prior.ts";
import { checkLoss, type LossLike, lossTraits, type StandardLoss } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";
import type { Dataset } from "./dataset.ts";

// Checks of a call's data, before any work starts. They throw `invalid_argument`.

/** Samples: a data set, whose shape is checked against the decoder's output, or an array, [B, outputSize]. */
export type Samples = Float32Array | Dataset;

/**
 * Returns B, the number of samples in a Float32Array of targets, [B, outputSize]; throws if it is none, or of another length.
 *
 * @param name name of the argument that has the targets, for messages
 */
export function checkTargets(y: unknown, decoder: Decoder, name = "y"): number {
  checkFloat32(name, y);
  const n = decoder.outputSize;
  if (y.length % n !== 0) {
    throw refused(name, "has", `${y.length} values`, `a multiple of ${n} (the decoder's output size)`);
  }
  return y.length / n;
}

/** Throws if `weights` is not a Float32Array of outputSize or sampleCount × outputSize values. Undefined passes. */
export function checkWeights(
  weights: unknown,
  sampleCount: number,
  decoder: Decoder,
): asserts weights is Float32Array | undefined {
  if (weights === undefined) return;
  checkFloat32("weights", weights);
  const n = decoder.outputSize;
  if (weights.length !== n && weights.length !== sampleCount * n) {
    throw refused("weights", "has", `${weights.length} values`, oneOrEach(n, "row", sampleCount));
  }
}

/**
 * Returns the options of a call with weights of one channel of a picture repeated for all channels; undefined, at once, if the
 * weights are none, or as long as a sample.
 */
export function withAllChannels<Options extends { weights?: Weights | undefined }>(
  options: Options,
  decoder: Decoder,
): Promise<Options> | undefined {
  const weights: unknown = options?.weights;
  const isList = Array.isArray(weights) || ArrayBuffer.isView(weights);
  return isList && (weights as Float32Array).length < decoder?.outputSize
    ? loadObjectives().then((late) => late.spreadWeights(options, decoder))
    : undefined;
}

/** Throws if `z0` is not a Float32Array of latentSize or sampleCount × latentSize finite values. */
export function checkZ0(z0: unknown, sampleCount: number, decoder: Decoder): asserts z0 is Float32Array {
  checkFloat32("z0", z0);
  const d = decoder.latentSize;
  const isShared = z0.length === d;
  if (!isShared && z0.length !== sampleCount * d)
    throw refused("z0", "has", `${z0.length} values`, oneOrEach(d, "latent", sampleCount));
  const bad = z0.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const at = isShared ? `element ${bad}` : place(bad, d);
  throw refused("z0", "is", `${z0[bad]} at ${at}`, "finite numbers");
}

/**
 * Checks a call's decoder, loss and prior, and fills in those that the decoder stores.
 *
 * @throws LatentflowError `invalid_argument`; `disposed` if the decoder is
 */
export function checkTerms(
  decoder: Decoder,
  { loss, prior }: { readonly loss?: LossLike | undefined; readonly prior?: PriorLike | undefined },
): Pick<Problem, "loss" | "prior"> {
  checkDecoder(decoder);
  const checked = checkPrior(prior, decoder);
  return {
    loss: checkLoss(loss, decoder),
    prior: checked && componentsOf(checked, decoder.latentSize),
  };
}

/** Returns the problem with copies of its arrays, which the caller may change or transfer while the backend needs them. */
export function withCopies(problem: Problem): Problem {
  const { targets, weights, fixed } = problem;
  return {
    ...problem,
    targets: targets.slice(),
    weights: weights?.slice(),
    fixed: fixed.map((values) => values.slice()),
  };
}

/** Settings of a call for `checkProblem`: all have been checked before, except points, fixed inputs and the weights' length. */
type ProblemSettings = Pick<Problem, "loss" | "prior" | "weights"> &
  Partial<Pick<Problem, "batchSize">> & { readonly points?: unknown; readonly fixed?: unknown };

/**
 * Checks a call's data and combines them with its settings into the problem that a backend solves.
 *
 * @param y samples, [B, outputSize]; those of a data set are copied as float32
 */
export function checkProblem(
  given: Decoder,
  y: Samples,
  { loss, prior, weights, batchSize, ...unchecked }: ProblemSettings,
): Problem {
  const decoder = atPoints(given, unchecked.points);
  const targets = hasDatasetMark(y) ? (y as Dataset).fitting(decoder, "y").toFloat32() : (y as Float32Array);
  const sampleCount = checkTargets(targets, decoder);
  checkWeights(weights, sampleCount, decoder);
  const fixed = checkFixed(decoder, unchecked.fixed, sampleCount);
  return { loss, prior, weights, batchSize, decoder, sampleCount, targets, fixed };
}

/** Formats for a message the allowed lengths of an array with rows of `size` values: one row for all samples, or one for each. */
function oneOrEach(size: number, row: string, sampleCount: number): string {
  if (sampleCount === 1) return `${size}`;
  return `${size} (one ${row} for all samples) or ${sampleCount * size} (one for each)`;
}

/** Returns `backend` if it is a backend; throws otherwise. `name` is the option, for the message. */
export function checkBackend(name: string, backend: unknown): Backend {
  if (typeof (backend as Backend | null | undefined)?.open === "function") return backend as Backend;
  throw refused(name, "is", show(backend), "a backend such as wasm()", callHint(backend));
}

/**
 * Opens a session of the backend for the decoder; throws `invalid_argument` if the session lacks `method`, which the call
 * needs.
 */
export async function openSession(
  backend: Backend,
  decoder: Decoder,
  method: "solve" | "decode" | "objective",
  use?: Use,
): Promise<Session> {
  const session = await backend.open(decoder, use);
  if (typeof session?.[method] === "function") return session;
  throw refused("backend", "has", `no ${method}() in its session`, "a backend such as wasm()");
}

/** Number of values checked between two pauses for the event loop: one or two milliseconds of work. */
const VALUES_AT_ONCE = 2 ** 20;

/** How `checkValues` takes values, and names them in messages. */
export interface ValueChecks extends DataNames {
  /** Treatment of NaN: a missing value, or an error. */
  readonly missing: "omit" | "refuse";
}

/**
 * Throws if a weight is negative or not finite, if all weights of a sample are 0, or if a target whose weight is not 0 is
 * infinite or, for cross entropy, outside [0, 1]. Pauses in between, since checking large data takes a while; returns
 * early after an abort.
 *
 * @returns the problem to solve, in the units of its loss, and what there is: the missing values (NaN where the weight is not
 *   0), and the range of the others
 */
export async function checkValues<
  P extends Pick<Problem, "decoder" | "loss" | "sampleCount" | "targets" | "weights">,
>(given: P, control: Control, checks: ValueChecks): Promise<Findings & { readonly problem: P }> {
  const isScaled = (given.loss as StandardLoss).scale !== undefined;
  const problem = isScaled ? (await loadObjectives()).inLossUnits(given) : given;
  const { decoder, loss, sampleCount, targets: y, weights } = problem;
  const n = decoder.outputSize;
  const isShared = weights?.length === n;
  const { targets } = lossTraits(loss);
  const { min, max } = targets === "finite" ? FINITE : targets;
  let missing: Uint32Array | undefined;
  let missingOutputs: Uint32Array | undefined;
  let unseen = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;

  function wrongTarget(sample: number, firstWeight: number): WrongValue | undefined {
    let seen = 0;
    for (let i = 0; i < n; i++) {
      const at = sample * n + i;
      const value = y[at]!;
      if (weights && weights[firstWeight + i] === 0) continue;
      if (value >= min && value <= max) {
        seen++;
        if (value < least) least = value;
        if (value > most) most = value;
      } else if (Number.isNaN(value) && checks.missing === "omit") {
        missing ??= new Uint32Array(sampleCount);
        missingOutputs ??= new Uint32Array(n);
        missing[sample]!++;
        missingOutputs[i]!++;
      } else return { of: "targets", at };
    }
    if (seen === 0) unseen++;
    return undefined;
  }

  function wrongWeight(all: Float32Array, first: number): WrongValue | undefined {
    let sum = 0;
    for (let at = first; at < first + n; at++) {
      const weight = all[at]!;
      if (!(weight >= 0 && weight <= Number.MAX_VALUE)) return { of: "weights", at };
      sum += weight;
    }
    return sum === 0 ? { of: "sample", at: first } : undefined;
  }

  async function refuseWrong(wrong: WrongValue | undefined): Promise<void> {
    if (wrong) throw (await loadObjectives()).wrongValueError(wrong, problem, checks);
  }

  if (weights && isShared) await refuseWrong(wrongWeight(weights, 0));
  for (let sample = 0, looked = 0; sample < sampleCount && !control.aborted(); sample++, looked += n) {
    const first = sample * n;
    attached(checks.name ?? "y", y);
    if (weights) attached("weights", weights);
    const wrong =
      (weights && !isShared && wrongWeight(weights, first)) || wrongTarget(sample, isShared ? 0 : first);
    if (wrong) await refuseWrong(wrong);
    if (looked < VALUES_AT_ONCE) continue;
    looked = 0;
    await control.pause();
  }
  return { problem, missing, missingOutputs, unseen, least, most };
}

/** Distance of outputs from data, in multiples of the largest absolute value, from which their scales are taken to differ. */
const FAR = 10;

/**
 * Returns the warnings about data.
 *
 * @param found what `checkValues` has found
 * @param initialLoss losses at the start, [B]
 */
export async function warningsOf(
  problem: Pick<Problem, "loss" | "decoder" | "prior">,
  found: Findings,
  initialLoss: ArrayLike<number>,
): Promise<readonly string[]> {
  const { loss, decoder } = problem;
  const { unseen, least, most } = found;
  const isMean = loss.name === "squaredError" && loss.reduction === "mean";
  const distance = isMean ? Math.sqrt(meanOfFinite(initialLoss)) : 0;
  const size = Math.max(-least, most);
  const isFar = size > 0 && distance > FAR * size;
  const isBeyond = isOutOfReach(decoder, found);
  if (unseen === 0 && !found.missing && !isFar && !isBeyond) return [];
  const { dataWarnings } = await loadObjectives();
  return dataWarnings(problem, found, initialLoss.length, isFar ? distance : undefined, isBeyond);
}

/** Distance of data from what the output activation gives, up to which it is taken for rounding and noise. */
const MARGIN = 0.01;

/** True if the output activation cannot give some of the data. */
export function isOutOfReach(
  { outputActivation }: Decoder,
  { least, most }: Pick<Findings, "least" | "most">,
): boolean {
  const { least: lowest = -Infinity, most: highest = Infinity } = activations[outputActivation.name];
  return least < lowest - MARGIN || most > highest + MARGIN;
}

/**
 * Solves a problem in a session.
 *
 * @param missing number of missing values of each sample, as `checkValues` returns it
 * @param starts codes at which each sample begins, several of them. Default: each begins once, at its z in the solution
 */
export async function solve(
  session: Session,
  problem: Problem,
  missing: Uint32Array | undefined,
  pair: CheckedPair,
  solution: Solution,
  control: Control,
  starts?: Bank,
): Promise<void> {
  const hasMissing = missing?.some(Boolean);
  if (!hasMissing && !starts) return session.solve(problem, pair, solution, control);
  const { solveSeen, solveFromStarts } = await loadObjectives();
  return hasMissing
    ? solveSeen(session, problem, missing!, pair, solution, control, starts)
    : solveFromStarts(session, problem, starts!, pair, solution, control);
}

const FINITE = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
