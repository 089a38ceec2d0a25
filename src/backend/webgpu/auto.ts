import { calling } from "../../base/calling.ts";
import { checkFlag, checkOptions, orDefault } from "../../base/check.ts";
import { kept } from "../../base/kept.ts";
import { messageOf } from "../../base/realms.ts";
import { refused } from "../../base/refuse.ts";
import { callHint, show } from "../../base/show.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { sizeOf } from "../../graph/operations.ts";
import { isCustom, squaredError } from "../../terms/losses.ts";
import type { Availability, Backend, CheckedPair, Problem, Session, Use } from "../backend.ts";
import { wasm } from "../wasm/wasm.ts";
import { objectiveSize } from "./batch-size.ts";
import { findDisparity, measureSpeed, warmUp } from "./calibration.ts";
import { firstSamples } from "./problem.ts";
import { webgpu } from "./webgpu.ts";

/** Options of the backend `auto`. */
export interface AutoOptions {
  /**
   * True, the default, to use a backend only if it was measured to be faster than the last backend of `auto`'s list; false to
   * use the first backend of the list that is available and computes the same as the last.
   */
  calibrate?: boolean | undefined;
}

/**
 * Makes a backend that chooses one of several backends for each decoder, loss and number of samples: the first that is
 * available on a real GPU, computes the same as the last backend of the list (losses and gradients of a few samples to 1e-3,
 * relative to their norm) and is faster; otherwise the last. `result.backend.reason` says why. A backend that cannot compute a
 * decoder is skipped.
 *
 * The first call starts a calibration in the background, of about a second, and itself runs on the last backend. Later calls
 * use the calibration's result, which is cached with the decoder. Decoding, `openObjective`, training and custom losses always
 * use the last backend.
 *
 * @param backends in order of preference, the fallback last: `[webgpu(), wasm()]`
 * @throws LatentflowError `invalid_argument` on an array without backends, a value that is not a backend, or an unknown option
 * @example
 * const { backend } = await encode(decoder, y, { backend: auto([webgpu(), wasm()]) });
 * console.log(backend.reason);
 */
export function auto(backends: readonly Backend[], options: AutoOptions = {}): Backend {
  return calling("auto", () => {
    checkBackends(backends);
    if (backends.length === 0) throw refused("backends", "is", "empty", `an array as ${EXAMPLE}`);
    checkOptions(options, { calibrate: true });
    const calibrate = checkFlag("calibrate", orDefault(options.calibrate, true));
    const others = backends.slice(0, -1);
    const last = backends.at(-1)!;
    return Object.freeze({
      name: "auto",
      open: (decoder: Decoder, use?: Use) => open(decoder, use, others, last, calibrate),
    });
  });
}

/**
 * Reports for each backend whether it can be used in this runtime, with its name and the reason if it cannot.
 *
 * @param backends candidate backends. Default `[webgpu(), wasm()]`
 * @throws LatentflowError `invalid_argument` on a value that is not a backend
 * @example
 * const [gpu] = await availableBackends([webgpu()]);
 */
export async function availableBackends(
  backends: readonly Backend[] = [webgpu(), wasm()],
): Promise<(Availability & { readonly name: string })[]> {
  return calling("availableBackends", async () => {
    checkBackends(backends);
    return Promise.all(
      backends.map(async (backend) => ({ name: backend.name, ...(await availabilityOf(backend)) })),
    );
  });
}

/** Example of backends in order of preference, for messages. */
const EXAMPLE = "[webgpu(), wasm()]";

function checkBackends(backends: readonly Backend[]): void {
  if (!Array.isArray(backends)) {
    throw refused("backends", "is", show(backends), `an array as ${EXAMPLE}`);
  }
  for (const [i, backend] of (backends as readonly (Backend | undefined)[]).entries()) {
    if (typeof backend?.open === "function" && typeof backend.name === "string") continue;
    const expected = `a backend, as in ${EXAMPLE}`;
    throw refused(`backends[${i}]`, "is", show(backend), expected, callHint(backend));
  }
}

function availabilityOf(backend: Backend, decoder?: Decoder): Promise<Availability> {
  return backend.availability?.(decoder) ?? Promise.resolve({ available: true });
}

/**
 * State of a backend's calibration for one decoder and kind of problem: the comparison of the backend's results and speed with
 * those of the last backend of `auto`'s list.
 */
interface Calibration {
  /** Result of the calibration; undefined until it is known. */
  verdict?: Verdict | undefined;
  /**
   * Measures the backend's speed against that of `reference`, a session of the last backend of `auto`'s list, and sets
   * `verdict`; undefined before the warm-up and after the measurement. A later call runs it before its own work.
   */
  measure?: ((reference: Session) => Promise<void>) | undefined;
}

/** Calibrations of each decoder, by backend and kind of problem. */
const calibrations = new WeakMap<Decoder, Map<string, Calibration>>();

function calibrationsOf(decoder: Decoder): Map<string, Calibration> {
  return kept(calibrations, decoder, () => new Map());
}

async function open(
  decoder: Decoder,
  use: Use | undefined,
  others: readonly Backend[],
  last: Backend,
  calibrate: boolean,
): Promise<Session> {
  const reference = await last.open(decoder);
  if (!use) return reference;
  if (isCustom(use.problem.loss)) return withReason(reference, "a customLoss runs in JavaScript");
  const reasons: string[] = [];
  for (const backend of others) {
    const { available, reason, adapter } = await availabilityOf(backend, decoder);
    const label = adapter ? `${backend.name} (${adapter})` : backend.name;
    if (!available) {
      reasons.push(`${backend.name}: ${reason}`);
      continue;
    }
    const candidate: Candidate = { backend, label, decoder, reference };
    const verdict = calibrate ? await calibrated(candidate, use) : await checkParity(candidate);
    return withReason(verdict.isTaken ? await backend.open(decoder) : reference, verdict.reason);
  }
  return withReason(reference, reasons.join("; "));
}

/** Returns the session with the reason for choosing it in `info`. */
function withReason(session: Session, reason: string): Session {
  return {
    ...session,
    get info() {
      return { ...session.info, reason };
    },
  };
}

/** Backend that may replace the last one of `auto`'s list for a decoder. */
interface Candidate {
  readonly backend: Backend;
  /** Name of the candidate backend for messages, with the GPU's name if that is known. */
  readonly label: string;
  readonly decoder: Decoder;
  /** Session of the last backend of `auto`'s list, whose results are considered correct. */
  readonly reference: Session;
}

/** Decision whether a candidate backend replaces the last backend of `auto`'s list, with the reason. */
interface Verdict {
  readonly isTaken: boolean;
  readonly reason: string;
}

/**
 * Returns the verdict of an earlier calibration of the candidate backend; the first call starts a calibration in the
 * background, and returns that the candidate is not taken yet.
 */
async function calibrated(candidate: Candidate, { problem, pair }: Use): Promise<Verdict> {
  const { decoder, label, reference } = candidate;
  const existing = calibrationsOf(decoder);
  for (const { measure } of existing.values()) await measure?.(reference);
  const { loss, weights } = problem;
  // Problems whose numbers of samples round up to the same power of two share a calibration.
  const size = Math.ceil(Math.log2(objectiveSize(problem)));
  const key = `${label} ${loss.name} ${loss.reduction} ${weights !== undefined} ${pair.flow.name} ${pair.solver.name} ${size}`;
  const calibration = kept(existing, key, () => {
    const started: Calibration = {};
    // On a copy: the calibration may outlast the call that owns the data.
    startCalibration(candidate, firstSamples(problem, 2 ** size), pair, started);
    return started;
  });
  return calibration.verdict ?? { isTaken: false, reason: `${label} is being tried meanwhile` };
}

/**
 * Starts a calibration in the background: compares the candidate backend's losses and gradients on a few samples with those of
 * the reference session, then warms the candidate up. Sets `calibration.verdict` if the results differ or the candidate fails,
 * else `calibration.measure`, which measures the speed of both.
 */
function startCalibration(
  { backend, label, decoder, reference }: Candidate,
  problem: Problem,
  pair: CheckedPair,
  calibration: Calibration,
): void {
  const refuse = (why: string) => {
    calibration.verdict = { isTaken: false, reason: `${label} ${why}` };
  };
  const work = async () => {
    const session = await backend.open(decoder);
    const disparity = await findDisparity(session, reference, problem);
    if (disparity) return refuse(disparity);
    await warmUp(session, problem, pair);
    calibration.measure = async (other) => {
      delete calibration.measure;
      const speed = await measureSpeed(session, problem, pair);
      const ratio = speed / (await measureSpeed(other, problem, pair));
      const reason = `${label} was measured at ${ratio.toPrecision(2)} times the speed of ${other.info.name}`;
      calibration.verdict = { isTaken: ratio > 1, reason };
    };
  };
  work().catch((error: unknown) => refuse(describeFailure(error)));
}

function describeFailure(error: unknown): string {
  return `failed: ${messageOf(error)}`;
}

/**
 * Decides without measuring speed: the candidate backend is taken if its losses and gradients for one sample agree with those
 * of the reference session. The verdict is cached with the decoder.
 */
async function checkParity({ backend, label, decoder, reference }: Candidate): Promise<Verdict> {
  const existing = calibrationsOf(decoder);
  const key = `${label} parity`;
  const verdict = existing.get(key)?.verdict;
  if (verdict) return verdict;
  const between0And1 = (size: number) =>
    Float32Array.from({ length: size }, (_, i) => 0.5 + 0.5 * Math.sin(i));
  const problem: Problem = {
    decoder,
    loss: squaredError(),
    sampleCount: 1,
    weights: undefined,
    prior: undefined,
    batchSize: undefined,
    targets: between0And1(decoder.outputSize),
    fixed: decoder.fixedInputs.map(({ shape, classes }) => {
      const values = between0And1(sizeOf(shape));
      return classes === undefined ? values : values.map((value) => Math.floor(value * (classes - 1)));
    }),
  };
  const disparity = await backend
    .open(decoder)
    .then((session) => findDisparity(session, reference, problem))
    .catch(describeFailure);
  const found = { isTaken: !disparity, reason: `${label} ${disparity ?? "computes rightly"}` };
  existing.set(key, { verdict: found });
  return found;
}
