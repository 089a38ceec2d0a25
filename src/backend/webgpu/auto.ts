import { callHint, checkOptions, invalid, show } from "../../base/check.ts";
import { messageOf } from "../../base/realms.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { sizeOf } from "../../graph/operations.ts";
import { isCustom, squaredError } from "../../terms/losses.ts";
import type { Availability, Backend, CheckedPair, Problem, Session, Use } from "../backend.ts";
import { wasm } from "../wasm/wasm.ts";
import { findDisparity, measureSpeed, warmUp } from "./calibration.ts";
import { firstSamples } from "./problem.ts";
import { atOnce } from "./rows.ts";
import { webgpu } from "./webgpu.ts";

/** Options of `auto`. */
export interface AutoOptions {
  /**
   * Is a backend taken only where it was measured to be the faster one? Default true. Else the first that can be
   * used and computes rightly is taken.
   */
  calibrate?: boolean | undefined;
}

/**
 * Chooses a backend for each decoder, loss and number of samples: the first that can be used, is a real GPU,
 * computes what the last one computes (losses and gradients of a few samples to 1e-3) and is faster than it, and
 * else the last. `result.backend.reason` says why. A decoder that a backend cannot compute goes to the next.
 *
 * Trying takes a second or so the first time. Meanwhile the last backend does the work; calls that come later
 * have what was found out, which is kept with the decoder. Decoding, training and custom losses are the last
 * backend's.
 *
 * @param backends in order of preference, the last one for wherever no other will do: `[webgpu(), wasm()]`
 * @throws LatentflowError `invalid_argument` on what are no backends, or an unknown option
 * @example
 * const { backend } = await encode(decoder, y, { backend: auto([webgpu(), wasm()]) });
 * console.log(backend.reason);
 */
export function auto(backends: readonly Backend[], options: AutoOptions = {}): Backend {
  checkBackends("auto", backends);
  if (backends.length === 0)
    throw invalid("auto: there is no backend, expected some as in [webgpu(), wasm()]");
  checkOptions("auto", options, { calibrate: true });
  const { calibrate = true } = options;
  if (typeof calibrate !== "boolean") {
    throw invalid(`auto: calibrate is ${show(calibrate)}, expected true, false or undefined`);
  }
  const others = backends.slice(0, -1);
  const last = backends.at(-1)!;
  return Object.freeze({
    name: "auto",
    open: (decoder: Decoder, use?: Use) => open(decoder, use, others, last, calibrate),
  });
}

/**
 * What can be used here, and why not: of each backend its name and its availability.
 *
 * @example
 * const [gpu] = await availableBackends([webgpu()]);
 */
export async function availableBackends(
  backends: readonly Backend[] = [webgpu(), wasm()],
): Promise<(Availability & { readonly name: string })[]> {
  checkBackends("availableBackends", backends);
  return Promise.all(
    backends.map(async (backend) => ({ name: backend.name, ...(await availabilityOf(backend)) })),
  );
}

function checkBackends(where: string, backends: readonly Backend[]): void {
  const example = "[webgpu(), wasm()]";
  if (!Array.isArray(backends)) {
    throw invalid(`${where}: backends is ${show(backends)}, expected an array as ${example}`);
  }
  for (const backend of backends as readonly (Backend | undefined)[]) {
    if (typeof backend?.open === "function" && typeof backend.name === "string") continue;
    throw invalid(
      `${where}: ${show(backend)} is no backend${callHint(backend)}, expected some as in ${example}`,
    );
  }
}

function availabilityOf(backend: Backend, decoder?: Decoder): Promise<Availability> {
  return backend.availability?.(decoder) ?? Promise.resolve({ available: true });
}

/** What is known of a backend for some decoder and size of problem. */
interface Trial {
  /** Is it taken, and why? Undefined while that is not known. */
  verdict?: Verdict | undefined;
  /** The time it takes, to be measured when nothing else is at work. */
  time?: ((reference: Session) => Promise<void>) | undefined;
}

const trials = new WeakMap<Decoder, Map<string, Trial>>();

function trialsOf(decoder: Decoder): Map<string, Trial> {
  const known = trials.get(decoder) ?? new Map<string, Trial>();
  trials.set(decoder, known);
  return known;
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
    const verdict = calibrate ? await judgeByTrial(candidate, use) : await checkParity(candidate);
    return withReason(verdict.isTaken ? await backend.open(decoder) : reference, verdict.reason);
  }
  return withReason(reference, reasons.join("; "));
}

/** A session that says why it has been chosen. */
function withReason(session: Session, reason: string): Session {
  return {
    ...session,
    get info() {
      return { ...session.info, reason };
    },
  };
}

interface Candidate {
  readonly backend: Backend;
  /** Its name for people. */
  readonly label: string;
  readonly decoder: Decoder;
  /** The last backend's session. */
  readonly reference: Session;
}

/** Is a candidate taken, and why? */
interface Verdict {
  readonly isTaken: boolean;
  readonly reason: string;
}

/** What earlier calls have found out; the first one sets it going. */
async function judgeByTrial(candidate: Candidate, { problem, pair }: Use): Promise<Verdict> {
  const { decoder, label, reference } = candidate;
  const known = trialsOf(decoder);
  for (const trial of known.values()) await trial.time?.(reference);
  const { loss, weights } = problem;
  // Of about the same size: the next power of two.
  const size = Math.ceil(Math.log2(atOnce(problem)));
  const key = `${label} ${loss.name} ${loss.reduction} ${weights !== undefined} ${pair.flow.name} ${pair.solver.name} ${size}`;
  let trial = known.get(key);
  if (!trial) {
    trial = {};
    known.set(key, trial);
    // Copied: the trial may outlast the call whose data they are.
    tryOut(candidate, firstSamples(problem, 2 ** size), pair, trial);
  }
  return trial.verdict ?? { isTaken: false, reason: `${label} is being tried meanwhile` };
}

/** In the background: checks what a candidate computes, and has it make what it needs, for its time to be taken. */
function tryOut(candidate: Candidate, problem: Problem, pair: CheckedPair, trial: Trial): void {
  const { backend, label, decoder, reference } = candidate;
  const refuse = (why: string) => {
    trial.verdict = { isTaken: false, reason: `${label} ${why}` };
  };
  const work = async () => {
    const session = await backend.open(decoder);
    const disparity = await findDisparity(session, reference, problem);
    if (disparity) return refuse(disparity);
    await warmUp(session, problem, pair);
    trial.time = async (other) => {
      delete trial.time;
      const speed = await measureSpeed(session, problem, pair);
      const ratio = speed / (await measureSpeed(other, problem, pair));
      const reason = `${label} was measured at ${ratio.toPrecision(2)} times the speed of ${other.info.name}`;
      trial.verdict = { isTaken: ratio > 1, reason };
    };
  };
  work().catch((error: unknown) => refuse(describeFailure(error)));
}

function describeFailure(error: unknown): string {
  return `failed: ${messageOf(error)}`;
}

/** Without calibration: what a candidate computes is all that counts. */
async function checkParity({ backend, label, decoder, reference }: Candidate): Promise<Verdict> {
  const known = trialsOf(decoder);
  const key = `${label} parity`;
  const verdict = known.get(key)?.verdict;
  if (verdict) return verdict;
  const between0And1 = (size: number) =>
    Float32Array.from({ length: size }, (_, i) => 0.5 + 0.5 * Math.sin(i));
  const problem: Problem = {
    ...{
      decoder,
      loss: squaredError(),
      sampleCount: 1,
      weights: undefined,
      prior: undefined,
      batchSize: undefined,
    },
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
  known.set(key, { verdict: found });
  return found;
}
