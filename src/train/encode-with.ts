import { openSession } from "../api/check-data.ts";
import { checkSize, Dataset, isDataset } from "../api/dataset.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "../api/encode.ts";
import type { Session } from "../backend/backend.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { checkFiniteRows } from "../base/finite-rows.ts";
import { gotten, subject, wanted, words } from "../base/message.ts";
import { completeOptions, type FieldsOf } from "../base/options.ts";
import type { Owned } from "../base/owned.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { attached, throwIfAborted } from "../base/realms.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { makeControl, unlessAborted } from "../solver/control.ts";
import { checkCount, pieces } from "./samples.ts";

/** Options of `encodeWith` and `meanCode`. */
export interface EncodeWithOptions extends Pick<CommonEncodeOptions, "backend"> {
  /** Ends the call early: its promise rejects with the abort signal's reason. */
  signal?: AbortSignalLike | undefined;
}

/**
 * Encodes samples with an encoder: one forward pass, without a flow. The samples are read while the call runs: do not change or
 * transfer them before its promise has settled.
 *
 * @param encoder an encoder of `trainAutoencoder`
 * @param y samples, B × `encoder.latentSize`: the encoder's input is its latent
 * @returns codes, B × `encoder.outputSize`
 * @throws LatentflowError `invalid_argument` when an argument has the wrong type, length or value; `disposed` when the
 *   encoder is; `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * const z = await encodeWith(run.encoder, y);
 */
export async function encodeWith(
  encoder: Decoder,
  y: Float32Array,
  options: EncodeWithOptions = {},
): Promise<Owned<Float32Array>> {
  return calling("encodeWith", async () => {
    const { backend, signal } = checkEncodeWith(encoder, options);
    const count = checkFiniteRows("y", y, encoder.latentSize, INPUT_SIZE);
    const session = await unlessAborted(signal, () => openSession(backend, encoder, "decode"));
    const isThere = () => count === 0 || attached("y", y);
    isThere();
    try {
      return await codesOf(session, y, signal);
    } catch (error) {
      // The session calls its input z.
      isThere();
      throw error;
    }
  });
}

/**
 * Computes the mean of an encoder's codes, a good start for flows of its decoder: an autoencoder's codes need not be centred
 * on 0, and flows from 0 may end in poor minima far from all codes. The decoder from `trainAutoencoder` already has the mean
 * code of its training data as its `start`; this function is for other data and other decoders. The samples are read while the
 * call runs: do not change or transfer them before its promise has settled.
 *
 * @param encoder an encoder of `trainAutoencoder`
 * @param data samples, count × `encoder.latentSize`, such as the training data: a Dataset, or a Float32Array
 * @returns mean code, `encoder.outputSize` values, for the option `z0` of `encode` and `evaluate`
 * @throws LatentflowError as `encodeWith`; `invalid_argument` also if there are no samples, or a code is not finite
 * @example
 * const z0 = await meanCode(run.encoder, images);
 * await encode(decoder, y, { z0 });
 */
export async function meanCode(
  encoder: Decoder,
  data: Dataset | Float32Array,
  options: EncodeWithOptions = {},
): Promise<Owned<Float32Array>> {
  return calling("meanCode", async () => {
    const { backend, signal } = checkEncodeWith(encoder, options);
    const { latentSize: size, outputSize: d } = encoder;
    if (!isDataset(data)) checkFiniteRows("data", data, size, INPUT_SIZE);
    const dataset = isDataset(data) ? data : new Dataset(data, [size], undefined, true);
    checkSize(dataset, size, INPUT_SIZE);
    checkCount(dataset);
    const { pause } = makeControl(signal);
    for (const indices of pieces(dataset)) {
      checkFiniteRows("data", dataset.rows(indices), size, INPUT_SIZE, indices[0]);
      await pause();
      throwIfAborted(signal);
    }
    const session = await unlessAborted(signal, () => openSession(backend, encoder, "decode"));
    const mean = await meanOfCodes(session, dataset, d, signal);
    if (typeof mean !== "number") return mean;
    const values = words`${gotten("not finite")}, expected ${wanted("finite numbers")}`;
    const sentence = words`the encoder's code of sample ${mean} is ${values}`;
    throw invalidOption("data", sentence, "; leave the sample out");
  });
}

/**
 * Computes the mean of an encoder's codes of a data set whose samples have been checked, [latentSize].
 *
 * @param session session of the encoder
 * @param latentSize number of values in a code
 * @returns the mean; or the index of the first sample whose code is not finite
 */
export async function meanOfCodes(
  session: Session,
  dataset: Dataset,
  latentSize: number,
  signal: AbortSignalLike | undefined,
): Promise<Owned<Float32Array> | number> {
  const sums = new Float64Array(latentSize);
  for (const indices of pieces(dataset)) {
    const codes = await codesOf(session, dataset.rows(indices), signal);
    const bad = codes.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) return indices[0]! + Math.floor(bad / latentSize);
    codes.forEach((value, i) => {
      sums[i % latentSize]! += value;
    });
  }
  return Float32Array.from(sums, (sum) => sum / dataset.count);
}

/** Name, for messages, of the size that samples must have. */
const INPUT_SIZE = "the encoder's input size";

const { backend, signal } = ENCODE_FIELDS;

/** Checks of the options of `encodeWith` and `meanCode`. */
const FIELDS = { backend, signal } satisfies FieldsOf<EncodeWithOptions>;

/** Checks the encoder and the options of `encodeWith` and `meanCode`, and fills in defaults. */
function checkEncodeWith(encoder: Decoder, options: EncodeWithOptions) {
  checkEncoder(encoder);
  const { backend = wasm(), signal } = completeOptions(options, FIELDS);
  throwIfAborted(signal);
  return { backend, signal };
}

/** Throws unless `encoder` is a network that is not disposed and has no fixed inputs. */
export function checkEncoder(encoder: unknown): asserts encoder is Decoder {
  checkDecoder(encoder, "encoder");
  const names = encoder.fixedInputs.map(({ name }) => name).join(", ");
  if (names !== "")
    throw refused(
      words`the ${subject("encoder")}`,
      "has",
      `fixed inputs (${names})`,
      "one that takes samples alone",
    );
}

/**
 * Encodes samples, checked before, by one forward pass of the encoder. Returns codes, [B, outputSize].
 *
 * @param session open session of the encoder
 * @param y samples, [B, encoder's latentSize]
 */
export async function codesOf(
  session: Session,
  y: Float32Array,
  signal: AbortSignalLike | undefined,
): Promise<Owned<Float32Array>> {
  const codes = await session.decode(y, [], false, makeControl(signal));
  throwIfAborted(signal);
  return codes;
}
