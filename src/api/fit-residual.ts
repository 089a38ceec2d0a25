import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { inTurns } from "../base/event-loop.ts";
import { completeOptions, count, type Field } from "../base/options.ts";
import { throwIfAborted } from "../base/realms.ts";
import { objection, refused } from "../base/refuse.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { LossLike } from "../terms/losses.ts";
import { type Residual, residualOf } from "../terms/residual.ts";
import type { Samples } from "./check-data.ts";
import { checkProblem, checkTerms } from "./check-data.ts";
import { decode } from "./decode.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS, encode } from "./encode.ts";
import { withSolver } from "./residual-solvers.ts";
import { solverWith } from "./solve-whitened.ts";

/** Options of `fitResidual`. */
export interface FitResidualOptions
  extends Pick<CommonEncodeOptions, "prior" | "fixed" | "starts" | "backend" | "signal" | "onProgress"> {
  /**
   * Number of components of the covariance, ≥ 1; what they leave of the variances is in the diagonal. All, exactly, if there are no
   * more samples. Default 256.
   */
  rank?: number | undefined;
  /** Loss by which the samples are encoded. Default: the squared error. */
  loss?: LossLike | undefined;
}

const { prior, fixed, starts, backend, signal, onProgress } = ENCODE_FIELDS;

/** Checks and defaults of the options of `fitResidual`. */
export const FIT_RESIDUAL_FIELDS = {
  rank: count(1, 256),
  loss: ENCODE_FIELDS.loss,
  ...{ prior, fixed, starts, backend, signal, onProgress },
} satisfies { readonly [Name in keyof Required<FitResidualOptions>]: Field<unknown> };

/**
 * Fits the distribution of a decoder's residual x - D(z) to whole samples: encodes them, and computes mean and covariance of what
 * their reconstructions lack. With it `encode` weighs each direction by how well the decoder makes it, and `complete` adds
 * what it does not make. Give samples that the decoder was trained with, or like these: some hundred at least, thousands
 * are better.
 *
 * @param samples [count, outputSize], without missing values, at least two; or a Dataset
 * @throws LatentflowError `invalid_argument` when an argument has the wrong type, length or value, and if a value is missing;
 *   else as `encode`
 * @example
 * const residual = await fitResidual(decoder, trainingSamples);
 */
export async function fitResidual(
  decoder: Decoder,
  samples: Samples,
  options: FitResidualOptions = {},
): Promise<Residual> {
  return calling("fitResidual", async () => {
    const { rank, loss = "mse", backend = wasm(), ...rest } = completeOptions(options, FIT_RESIDUAL_FIELDS);
    const terms = checkTerms(decoder, { loss, prior: rest.prior });
    const { sampleCount, targets } = checkProblem(decoder, samples, {
      ...terms,
      weights: undefined,
      fixed: rest.fixed,
    });
    if (sampleCount < 2) throw refused("samples", "are", `${sampleCount}`, "two at least");
    const x = targets.slice();
    const { z, status } = await encode(decoder, x, { ...rest, loss, backend, missing: "refuse" });
    const failed = status.indexOf("nonfinite");
    if (failed >= 0)
      throw objection("samples", `cannot all be encoded: the loss of sample ${failed} is not finite`);
    const { fixed, signal } = rest;
    const made = await decode(decoder, z, { fixed, backend, signal });
    throwIfAborted(signal);
    for (let i = 0; i < x.length; i++) x[i]! -= made[i]!;
    const residual = await inTurns(residualOf(x, decoder.outputSize, rank), signal);
    return withSolver(residual, solverWith(residual));
  });
}
