import { checkWeights, checkZ0 } from "../api/check-data.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "../api/encode.ts";
import { checkFlowAndSolver, type FlowAndSolver } from "../api/flow-and-solver.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { callOf, option, subject } from "../base/message.ts";
import { completeOptions, type Field, flag, later } from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { invalid } from "../base/refuse.ts";
import type { Weights } from "../base/weights.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { checkPrior } from "../terms/check-prior.ts";
import { checkLoss } from "../terms/losses.ts";
import { componentsOf } from "../terms/prior-components.ts";
import type { Dataset } from "./dataset.ts";
import { checkEncoder } from "./encode-with.ts";
import { asDataset, type ProblemSettings } from "./samples.ts";

/** Options of `evaluate`: a flow and a solver as for `encode`. */
export type EvaluateOptions = CommonOptions & FlowAndSolver & NoEncoder;

/** Options of `evaluate` with an encoder in place of a flow, or, with `gap`, beside one. */
export type EvaluateEncoderOptions = CommonOptions & (ByEncoder | (ByEncoderAndFlow & FlowAndSolver));

interface NoEncoder {
  encoder?: undefined;
  gap?: undefined;
  /**
   * Weights of the data, ≥ 0: outputSize values for all samples or count × outputSize. Missing data have the weight 0, and may
   * be NaN. Default: none, all elements alike.
   */
  weights?: Weights | undefined;
  /**
   * Starts of the flows, finite: latentSize values for all samples or count × latentSize, as in `encode`. Default: the
   * decoder's own `start`, 0 where it has none.
   */
  z0?: Float32Array | undefined;
}

interface ByEncoder {
  /** Encoder of an autoencoder, which gives each sample its code in place of a flow. */
  encoder: Decoder;
  gap?: false | undefined;
  flow?: undefined;
  solver?: undefined;
  weights?: undefined;
  z0?: undefined;
}

interface ByEncoderAndFlow {
  /** Encoder of an autoencoder, whose codes the report is about. */
  encoder: Decoder;
  /**
   * Also encodes the samples by a flow, as `encode` with the same options does, and reports each sample's `gap`. Costs as much
   * as an `evaluate` without an encoder. Default false.
   */
  gap: true;
  /** Starts of the flows, as without an encoder. Default: the decoder's own `start`, 0 where it has none. */
  z0?: Float32Array | undefined;
  weights?: undefined;
}

interface CommonOptions
  extends Pick<
    CommonEncodeOptions,
    "loss" | "prior" | "fixed" | "points" | "backend" | "batchSize" | "onProgress"
  > {
  /** Ends the call early: it rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
}

// Chosen by name: an option that is new to `encode` is refused here until `evaluate` does something with it.
const { loss, prior, flow, solver, weights, z0, fixed, points, backend, batchSize, signal, onProgress } =
  ENCODE_FIELDS;

/** Fields of the options of `evaluate`. */
const EVALUATE_FIELDS = {
  loss,
  prior,
  flow,
  solver,
  weights,
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

/** Checks the arguments of `evaluate`. */
export function checkEvaluateArguments(
  given: Decoder,
  data: Dataset | Float32Array,
  options: EvaluateOptions | EvaluateEncoderOptions,
) {
  const where = callOf("evaluate");
  checkDecoder(where, given);
  const {
    backend = wasm(),
    weights,
    gap,
    batchSize,
    signal,
    onProgress,
  } = completeOptions(where, options, EVALUATE_FIELDS);
  const decoder = atPoints(where, given, options.points);
  const loss = checkLoss(where, options.loss, decoder);
  const dataset = asDataset(where, data, decoder);
  const { encoder } = options;
  if (gap && encoder === undefined) {
    throw invalid(
      `${where}: ${subject("gap")} is given without ${option("encoder", undefined, "an encoder")}, expected both: it compares their losses`,
    );
  }
  checkWeights(where, weights, dataset.count, decoder);
  if (options.z0 !== undefined) checkZ0(where, options.z0, dataset.count, decoder);
  const fixed = checkFixed(where, decoder, options.fixed, dataset.count);
  if (encoder !== undefined) checkByEncoder(where, encoder, decoder, options, gap);
  const hasFlow = encoder === undefined || gap;
  /** Flow and solver; undefined where an encoder's codes are all. */
  const pair = hasFlow ? checkFlowAndSolver(where, options) : undefined;
  const prior = checkPrior(where, options.prior, decoder);
  const settings = {
    decoder,
    loss,
    weights,
    fixed,
    batchSize,
    prior: prior && componentsOf(prior, decoder.latentSize),
  } satisfies ProblemSettings;
  // A copy: the caller may change z0 between two pieces of the samples.
  const z0 = options.z0?.slice() ?? decoder.start;
  return { dataset, settings, pair, encoder, z0, backend, signal, onProgress };
}

/** Checks the option `encoder`: its sizes have to be the decoder's, and options of flows are refused without `gap`. */
function checkByEncoder(
  where: string,
  encoder: Decoder,
  decoder: Decoder,
  options: EvaluateOptions | EvaluateEncoderOptions,
  gap: boolean,
): void {
  checkEncoder(where, encoder);
  const { latentSize: inputSize, outputSize: codeSize } = encoder;
  const { latentSize, outputSize } = decoder;
  if (inputSize !== outputSize || codeSize !== latentSize) {
    throw invalid(
      `${where}: ${option("encoder", undefined, "the encoder")} goes from ${inputSize} to ${codeSize} values, expected ${outputSize} to ${latentSize} (the decoder's the other way round)`,
    );
  }
  for (const name of ["flow", "solver", "weights", "z0"] as const) {
    if (options[name] === undefined || (gap && name !== "weights")) continue;
    const reason =
      name === "weights" ? "an encoder takes all values alike, missing data too" : "no flow is followed";
    throw invalid(`${where}: encoder and ${subject(name)} are both given, expected one of them: ${reason}`);
  }
}
