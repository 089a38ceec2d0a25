import type { Backend, Problem, Session, Use } from "../backend/backend.ts";
import { checkFloat32, place } from "../base/float32.ts";
import { clause, option, subject, words } from "../base/message.ts";
import { attached } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { callHint, show } from "../base/show.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import type { Control } from "../solver/base.ts";
import { checkPrior, type PriorLike } from "../terms/check-prior.ts";
import { checkLoss, type LossLike, lossTraits } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";

// Checks of a call's data, before any work starts. They throw `invalid_argument`.

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
 * @param y samples, [B, outputSize]
 */
export function checkProblem(
  given: Decoder,
  y: Float32Array,
  { loss, prior, weights, batchSize, ...unchecked }: ProblemSettings,
): Problem {
  const decoder = atPoints(given, unchecked.points);
  const sampleCount = checkTargets(y, decoder);
  checkWeights(weights, sampleCount, decoder);
  const fixed = checkFixed(decoder, unchecked.fixed, sampleCount);
  return { loss, prior, weights, batchSize, decoder, sampleCount, targets: y, fixed };
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

/**
 * Throws if a weight is negative or not finite, if all weights of a sample are 0, or if a target whose weight is not 0 is
 * not finite or, for cross entropy, outside [0, 1]. Pauses in between, since checking large data takes a while; returns
 * early after an abort.
 *
 * @param name name of the argument that has the targets, for messages. Default "y"
 * @param before number of samples that precede the problem's, for positions in messages. Default 0
 * @param takesWeights true if the caller has an option `weights`, which messages then advise. Default true
 */
export async function checkValues(
  problem: Pick<Problem, "decoder" | "loss" | "sampleCount" | "targets" | "weights">,
  control: Control,
  {
    name = "y",
    before = 0,
    takesWeights = true,
  }: { readonly name?: string; readonly before?: number; readonly takesWeights?: boolean } = {},
): Promise<void> {
  const { decoder, loss, sampleCount, targets: y, weights } = problem;
  const n = decoder.outputSize;
  const isShared = weights?.length === n;
  const placeOf = (element: number) => place(before * n + element, n);
  const { targets, fileName } = lossTraits(loss);
  const { min, max } = targets === "finite" ? FINITE : targets;

  function checkTargetRow(first: number, firstWeight: number): void {
    for (let i = 0; i < n; i++) {
      const value = y[first + i]!;
      if (value >= min && value <= max) continue;
      if (weights && weights[firstWeight + i] === 0) continue;
      const got = `${value} at ${placeOf(first + i)}`;
      if (!Number.isFinite(value) || targets === "finite") {
        const advice = words`; where data are missing, give ${option("weights")} that are 0 there`;
        throw refused(name, "is", got, "finite numbers", takesWeights ? advice : "");
      }
      const expected = words`[${min}, ${max}] for ${option("loss", fileName, loss.name)}`;
      const otherLoss = clause("loss", words`, or use ${option("loss", "mse", "squaredError()")}`);
      throw refused(name, "is", got, expected, words`; scale the data (bytes: divide by 255)${otherLoss}`);
    }
  }

  function checkWeightRow(all: Float32Array, first: number, whose: string): void {
    let sum = 0;
    for (let i = first; i < first + n; i++) {
      const weight = all[i]!;
      if (!(weight >= 0 && weight <= Number.MAX_VALUE)) {
        throw refused("weights", "is", `${weight} at ${placeOf(i)}`, "finite numbers >= 0");
      }
      sum += weight;
    }
    if (sum === 0) {
      const all = words`all ${subject("weights")}${whose}`;
      throw refused(all, "are", "0", "one above 0", "; 0 hides a value: is the mask inverted?");
    }
  }

  if (weights && isShared) checkWeightRow(weights, 0, "");
  for (let sample = 0, looked = 0; sample < sampleCount && !control.aborted(); sample++, looked += n) {
    const first = sample * n;
    attached(name, y);
    if (weights) attached("weights", weights);
    if (weights && !isShared) checkWeightRow(weights, first, ` of sample ${before + sample}`);
    checkTargetRow(first, isShared ? 0 : first);
    if (looked < VALUES_AT_ONCE) continue;
    looked = 0;
    await control.pause();
  }
}

const FINITE = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
