import type { Session } from "../backend/backend.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { LatentflowError } from "../base/errors.ts";
import { option, type Words, words } from "../base/message.ts";
import { throwIfAborted } from "../base/realms.ts";
import { checkDecoder, type Decoder, probedOf, withVerification } from "../decoder/decoder.ts";
import { atPoints } from "../decoder/points.ts";
import { type CheckedProbe, type Probe, probeInputs } from "../decoder/probe.ts";
import { type Comparison, compareWithProbe, refuseByProbe } from "../decoder/probe-comparison.ts";
import type { Limits } from "../files/limits.ts";
import { costOf } from "../graph/graph.ts";
import { sizeOf } from "../graph/operations.ts";
import { makeControl } from "../solver/control.ts";

/**
 * Decoder output that is compared with the outputs of a probe (a few latents with their outputs, by which a reader checks
 * the decoder): `"data"`, D(z); `"preActivation"`, the logits, if the probed network ends there and the user has added the
 * output activation; or `"either"`, if the file does not say which.
 */
export type ComparedOutput = "data" | "preActivation" | "either";

/**
 * Returns a decoder with the same parameters and the outcome of its comparison with a probe (a few latents with their
 * outputs, by which a reader checks the decoder). Disposes the decoder passed in.
 *
 * @param probe latents and the outputs expected for them; undefined if there is none: the decoder is then unverified
 * @param limits bounds of reading the file: a small file may describe much work
 * @throws LatentflowError `invalid_file` when the decoder's outputs differ from the probe's
 */
export async function verifyDecoder(
  decoder: Decoder,
  probe: CheckedProbe | undefined,
  compared: ComparedOutput,
  limits: Limits,
): Promise<Decoder> {
  try {
    const unverifiedReason = probe
      ? await whyUnverified(decoder, probe, compared, limits).catch(whyNotRun)
      : "there was no probe to compare it with";
    return withVerification(decoder, { verified: unverifiedReason === undefined, unverifiedReason });
  } finally {
    // Frees the weights packed for the comparison: later calls may use another build of the kernels.
    decoder.dispose();
  }
}

/**
 * Returns the reason why a decoder is unverified, for an error that prevented running it on its probe (a few latents with their
 * outputs). Rethrows errors other than `unsupported` and `out_of_memory`; after these two, the decoder may still be loaded, for
 * use with another backend.
 */
function whyNotRun(error: unknown): string {
  if (!(error instanceof LatentflowError) || !/^(unsupported|out_of_memory)$/.test(error.code)) throw error;
  return `it could not be run here, to compare it with the probe: ${error.message}`;
}

/**
 * Maximum number of multiplications and additions spent on running a probe (a few latents with their outputs): about twenty
 * seconds on one thread.
 */
const MOST_WORK = 2 ** 38;

/**
 * Compares the decoder with a probe (a few latents with their outputs). Returns undefined if the outputs agree, else the reason why
 * the comparison proves nothing.
 *
 * @throws LatentflowError `invalid_file` if the outputs differ
 */
async function whyUnverified(
  decoder: Decoder,
  probe: CheckedProbe,
  compared: ComparedOutput,
  { maxBytes, signal }: Limits,
): Promise<string | undefined> {
  const bound = atPoints(decoder, probe.points);
  const { multiplications, sums } = costOf(bound);
  if (probe.rows * (multiplications + sums) > MOST_WORK) {
    return "to run it on the probe would take too long; compare what decode makes of it";
  }
  // Memory of every intermediate value, and of its gradient.
  const outputs = 4 * probe.rows * bound.outputSize;
  const numbers = bound.operations.reduce((sum, { shape }) => sum + sizeOf(shape), decoder.latentSize);
  if (outputs + 8 * numbers > maxBytes)
    return `to run it on the probe would take more memory than maxBytes, ${maxBytes}`;
  const compare = async (session: Session, toLogits: boolean) => {
    const outputs = await decodeRowByRow(session, bound, probe, toLogits, signal);
    return { outputs, ...compareWithProbe(probe, outputs) };
  };
  const session = await wasm({ relaxed: false, threads: 1 }).open(bound);
  throwIfAborted(signal);
  const made = await compare(session, compared === "preActivation");
  if (made.outcome !== "differs") return reasonOf(made);
  const hasActivation = decoder.outputActivation.name !== "identity";
  const other = hasActivation ? await compare(session, compared !== "preActivation") : undefined;
  if (compared === "either" && other && other.outcome !== "differs") return reasonOf(other);
  const hint = hintOf(probe, made.outputs, other?.outcome !== "differs" && other !== undefined);
  throw refuseByProbe(made.difference, hint);
}

function reasonOf(comparison: Exclude<Comparison, { outcome: "differs" }>): string | undefined {
  return comparison.outcome === "agrees" ? undefined : comparison.reason;
}

/**
 * Decodes the B latents of a probe (a few latents with their outputs, by which a reader checks the decoder) one by one, with
 * the memory of one row; checks the abort signal after each. Returns [B, outputSize].
 */
async function decodeRowByRow(
  session: Session,
  { latentSize: d, outputSize: n, fixedInputs }: Decoder,
  { z, fixed }: Pick<CheckedProbe, "z" | "fixed">,
  toLogits: boolean,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const control = makeControl(signal);
  const outputs = new Float32Array((z.length / d) * n);
  for (let row = 0; row * d < z.length; row++) {
    const given = fixedInputs.map(({ name, shape }) => {
      const size = sizeOf(shape);
      return fixed.get(name)!.subarray(row * size, (row + 1) * size);
    });
    outputs.set(await session.decode(z.subarray(row * d, (row + 1) * d), given, toLogits, control), row * n);
    throwIfAborted(signal);
  }
  return outputs;
}

/**
 * Returns advice, for the error message, on what may be wrong with a decoder whose outputs differ from the probe's.
 *
 * @param outputs the decoder's outputs, as compared with the probe
 * @param agreesWithOther true if the probe agrees with the other kind of output: with the logits where `outputs` are after
 *   the output activation, or the reverse
 */
function hintOf(probe: CheckedProbe, outputs: Float32Array, agreesWithOther: boolean): Words {
  if (agreesWithOther) {
    return words`They agree on the other side of the output activation: give another ${option("outputActivation")}`;
  }
  const after: readonly (readonly [name: string, f: (x: number) => number])[] = [
    ["sigmoid", (value) => 1 / (1 + Math.exp(-value))],
    ["tanh", Math.tanh],
    ["relu", (value) => Math.max(value, 0)],
  ];
  for (const [name, f] of after) {
    if (compareWithProbe(probe, outputs.map(f)).outcome !== "agrees") continue;
    return words`They agree after a ${name}: give ${option("outputActivation", name)}, or write it into the file's metadata`;
  }
  return words`Is the activation between the layers another one? Is a sigmoid missing at the end (${option("outputActivation")})? Are weights transposed, [in, out]? Are there residual connections, or normalisations without parameters? Was the model in eval() when the probe was made?`;
}

/**
 * Makes a probe of a decoder: a few latents and the decoder's outputs for them. Stored in a file, by
 * `decoder.toSafetensors({ probe })`, it lets `loadDecoder` check that the decoder still computes the same function.
 *
 * The latents are drawn from a standard normal distribution and are the same in every call.
 *
 * @throws LatentflowError `invalid_argument` when `decoder` is not a decoder, `disposed` when it has been disposed,
 *   `unsupported` and `out_of_memory` when it cannot be run
 * @example
 * const file = decoder.toSafetensors({ probe: await makeProbe(decoder) });
 */
export async function makeProbe(decoder: Decoder): Promise<Probe> {
  return calling("makeProbe", async () => {
    checkDecoder(decoder);
    const { points, z, fixed } = probeInputs(probedOf(decoder));
    // A copy, so that the weights packed for this call are freed with it.
    const copy = withVerification(decoder, decoder);
    try {
      const bound = atPoints(copy, points);
      const session = await wasm({ relaxed: false, threads: 1 }).open(bound);
      const given = { z, fixed: new Map(Object.entries(fixed)) };
      return { z, fixed, x: await decodeRowByRow(session, bound, given, false, undefined) };
    } finally {
      copy.dispose();
    }
  });
}
