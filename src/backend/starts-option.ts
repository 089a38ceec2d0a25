import { within } from "../base/calling.ts";
import { checkFloat32 } from "../base/float32.ts";
import { subject, words } from "../base/message.ts";
import { completeOptions, count, type Field, optional } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import type { Bank } from "./starts.ts";

/** Several starts of each sample, chosen among K codes. */
export interface StartsOptions {
  /**
   * Codes at which a sample may begin, [K, latentSize], finite: codes of training samples, say. Default: the decoder's `starts`,
   * else its `start` alone.
   */
  codes?: Float32Array | undefined;
  /** Number of starts of each sample, an integer ≥ 1; all K codes if there are fewer. Default 8. */
  count?: number | undefined;
}

const codes = optional<Float32Array>({
  check(name, value) {
    checkFloat32(name, value);
    const own = value.slice();
    const bad = own.findIndex((each) => !Number.isFinite(each));
    if (bad >= 0) throw refused(name, "is", `${own[bad]} at element ${bad}`, "finite numbers");
    return own;
  },
});

/** Checks and defaults of the fields of the option `starts`. */
const FIELDS = { codes, count: count(1, 8) } satisfies {
  readonly [Name in keyof Required<StartsOptions>]: Field<unknown>;
};

/**
 * Checks the option `starts` of a call, and takes the decoder's own codes if it has none.
 *
 * @returns the codes, a copy, and the number of starts of each sample, at most that of the codes
 * @throws LatentflowError `invalid_argument`; `disposed` if the decoder is
 */
export function checkStarts(
  { starts, z0 }: { readonly starts: StartsOptions; readonly z0?: unknown },
  decoder: Decoder,
): Bank {
  checkDecoder(decoder);
  if (z0 !== undefined) {
    throw refused(words`z0 and ${subject("starts")}`, "are", "both given", "one of them");
  }
  return within("starts", () => {
    const { codes = decoder.starts ?? decoder.start, count } = completeOptions(starts, FIELDS);
    const { latentSize: d } = decoder;
    const k = (codes?.length ?? 0) / d;
    if (!codes || !Number.isInteger(k) || k === 0) {
      const got = codes ? `${codes.length} values` : "no values, and the decoder has no starts";
      throw refused("codes", "have", got, `a multiple of ${d} (the decoder's latent size)`);
    }
    return { codes, count: Math.min(count, k) };
  });
}
