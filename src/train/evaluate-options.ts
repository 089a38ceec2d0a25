import { checkTerms, checkWeights, checkZ0 } from "../api/check-data.ts";
import type { Dataset } from "../api/dataset.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "../api/encode.ts";
import { checkFlowAndSolver, type FlowAndSolver, IN_SOLVER } from "../api/flow-and-solver.ts";
import { pixelWeights } from "../backend/pixel-weights.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { subject, words } from "../base/message.ts";
import { completeOptions, type Field, flag, later } from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { refused } from "../base/refuse.ts";
import type { Weights } from "../base/weights.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { checkEncoder } from "./encode-with.ts";
import { asDataset, type ProblemSettings } from "./samples.ts";

/** Options of `evaluate` without an encoder: a flow and a solver as for `encode`. */
export type EvaluateOptions = CommonOptions & FlowAndSolver & NoEncoder;

/** Options of `evaluate` with an encoder: its codes replace those of a flow, or with `gap` are compared with them. */
export type EvaluateEncoderOptions = CommonOptions & (ByEncoder | (ByEncoderAndFlow & FlowAndSolver));

interface NoEncoder {
  encoder?: undefined;
  gap?: undefined;
  /**
   * Weights ≥ 0 of the elements of the data in the loss: outputSize values for all samples, or [count, outputSize]; for a
   * picture also height × width values, for all samples and channels. Where the weight is 0, data are missing and may be NaN.
   * Default: all elements have equal weight.
   */
  weights?: Weights | undefined;
  /**
   * Initial latents z0, finite: latentSize values for all samples, or [count, latentSize]. Default: the decoder's `start`;
   * zeros if it has none.
   */
  z0?: Float32Array | undefined;
}

interface ByEncoder {
  /** Encoder of an autoencoder, whose code of each sample is evaluated in place of a flow's. */
  encoder: Decoder;
  gap?: false | undefined;
  flow?: undefined;
  solver?: undefined;
  weights?: undefined;
  z0?: undefined;
}

interface ByEncoderAndFlow {
  /** Encoder of an autoencoder, whose codes are evaluated. */
  encoder: Decoder;
  /**
   * True to encode the samples also by a flow, and report each sample's `gap`, the encoder's loss minus the flow's. Default
   * false.
   *
   * The flow is that of `encode` with the same options. It costs as much as an `evaluate` without an encoder.
   */
  gap: true;
  /**
   * Initial latents z0 of the flows: latentSize values, or [count, latentSize]. Default: the decoder's `start`; zeros if it
   * has none.
   */
  z0?: Float32Array | undefined;
  weights?: undefined;
}

interface CommonOptions
  extends Pick<
    CommonEncodeOptions,
    "loss" | "prior" | "missing" | "fixed" | "points" | "backend" | "batchSize" | "onProgress"
  > {
  /** Ends the call early: its promise rejects with the abort signal's reason. */
  signal?: AbortSignalLike | undefined;
}

// Listed by name: an option added to `encode` is rejected here until `evaluate` supports it.
const {
  loss,
  prior,
  flow,
  solver,
  weights,
  missing,
  z0,
  fixed,
  points,
  backend,
  batchSize,
  signal,
  onProgress,
} = ENCODE_FIELDS;

/** Checks and defaults of the options of `evaluate`. */
export const EVALUATE_FIELDS = {
  loss,
  prior,
  flow,
  solver,
  weights,
  missing,
  z0,
  fixed,
  points,
  backend,
  batchSize,
  signal,
  onProgress,
  encoder: later<Decoder | undefined>(),
  gap: flag(false),
} satisfies { readonly [Name in keyof Required<EvaluateOptions>]: Field<unknown> };

/**
 * Checks the arguments of `evaluate` and fills in defaults.
 *
 * @throws LatentflowError `invalid_argument`; `disposed` if a network is
 */
export function checkEvaluateArguments(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateOptions | EvaluateEncoderOptions,
) {
  checkDecoder(given);
  const { backend = wasm(), ...values } = completeOptions(options, EVALUATE_FIELDS, IN_SOLVER);
  const { gap, batchSize } = values;
  const decoder = atPoints(given, options.points);
  const weights = values.weights && pixelWeights(values.weights, decoder);
  const { loss, prior } = checkTerms(decoder, options);
  const dataset = asDataset(data, decoder);
  const { encoder } = options;
  if (gap && encoder === undefined) {
    throw refused(
      "gap",
      "is",
      "given without an encoder",
      "both",
      "; give the option encoder, whose loss it compares",
    );
  }
  checkWeights(weights, dataset.count, decoder);
  if (options.z0 !== undefined) checkZ0(options.z0, dataset.count, decoder);
  const fixed = checkFixed(decoder, options.fixed, dataset.count);
  if (encoder !== undefined) checkByEncoder(encoder, decoder, options, gap);
  const hasFlow = encoder === undefined || gap;
  /** Flow and solver; undefined if only an encoder's codes are evaluated. */
  const pair = hasFlow ? checkFlowAndSolver(options) : undefined;
  const settings: ProblemSettings = { decoder, loss, prior, weights, fixed, batchSize };
  // A copy: the caller may change z0 while the call runs.
  const z0 = options.z0?.slice() ?? decoder.start;
  // An encoder takes all values alike.
  const missing = encoder ? "refuse" : values.missing;
  return { ...values, missing, dataset, settings, pair, z0, backend };
}

/**
 * Checks the option `encoder`: its sizes must be those of the decoder, reversed, and options of flows are only allowed with
 * `gap`.
 */
function checkByEncoder(
  encoder: Decoder,
  decoder: Decoder,
  options: EvaluateOptions | EvaluateEncoderOptions,
  gap: boolean,
): void {
  checkEncoder(encoder);
  const { latentSize: inputSize, outputSize: codeSize } = encoder;
  const { latentSize, outputSize } = decoder;
  if (inputSize !== outputSize || codeSize !== latentSize) {
    const expected = `${outputSize} to ${latentSize} (the decoder's the other way round)`;
    const name = subject("encoder", "the encoder");
    throw refused(name, "goes from", `${inputSize} to ${codeSize} values`, expected);
  }
  for (const name of ["flow", "solver", "weights", "z0"] as const) {
    if (options[name] === undefined || (gap && name !== "weights")) continue;
    const reason =
      name === "weights"
        ? "an encoder takes all values alike, missing data too"
        : "no flow is followed; give gap: true for both";
    const both = words`encoder and ${subject(name)}`;
    throw refused(both, "are", "both given", "one of them", `: ${reason}`);
  }
}
