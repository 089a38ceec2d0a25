import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { checkFiniteRows } from "../base/finite-rows.ts";
import { choice, completeOptions, type Field } from "../base/options.ts";
import type { Owned } from "../base/owned.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { makeControl, unlessAborted } from "../solver/control.ts";
import { openSession } from "./check-data.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "./encode.ts";

/** Options of `decode`. */
export interface DecodeOptions extends Pick<CommonEncodeOptions, "fixed" | "points" | "backend"> {
  /** Output to return: `"data"` (the default), D(z); `"preActivation"`, the logits before the output activation. */
  output?: "data" | "preActivation" | undefined;
  /** Ends the call early: its promise rejects with the abort signal's reason. */
  signal?: AbortSignalLike | undefined;
}

const { fixed, points, backend, signal } = ENCODE_FIELDS;
const FIELDS = { output: choice("data", "preActivation"), fixed, points, backend, signal } satisfies {
  readonly [Name in keyof Required<DecodeOptions>]: Field<unknown>;
};

/**
 * Decodes latents: returns D(z), outputSize values for each of B latents. The arrays are copied at the call: they may be changed
 * or transferred as soon as it has returned.
 *
 * @param z [B, latentSize]
 * @returns [B, outputSize], in data space, or logits with `output: "preActivation"`
 * @throws LatentflowError `invalid_argument` when an argument has the wrong type, length or value; `disposed` when the
 *   decoder is; `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * const reconstructions = await decode(decoder, z);
 */
export async function decode(
  given: Decoder,
  z: Float32Array,
  options: DecodeOptions = {},
): Promise<Owned<Float32Array>> {
  return calling("decode", async () => {
    checkDecoder(given);
    const { output, backend = wasm(), signal } = completeOptions(options, FIELDS);
    const decoder = atPoints(given, options.points);
    throwIfAborted(signal);
    const count = checkFiniteRows("z", z, decoder.latentSize, "the decoder's latent size");
    // Copies: the caller may change the arrays while the call runs.
    const latents = z.slice();
    const fixed = checkFixed(decoder, options.fixed, count).map((values) => values.slice());
    const session = await unlessAborted(signal, () => openSession(backend, decoder, "decode"));
    const result = await session.decode(latents, fixed, output === "preActivation", makeControl(signal));
    throwIfAborted(signal);
    return result;
  });
}
