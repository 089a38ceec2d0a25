/**
 * Decoders, encoding by gradient flow, solvers, losses, priors and the WebAssembly backend.
 *
 * @module latentflow
 */

export { type CompleteOptions, complete } from "./api/complete.ts";
export { type DecodeOptions, decode } from "./api/decode.ts";
export { type DecoderDescription, type DescribedOperation, describe } from "./api/describe.ts";
export { type EncodeOptions, type EncodeProgress, encode } from "./api/encode.ts";
export { type EncodeItem, type EncodeStreamOptions, encodeStream } from "./api/encode-stream.ts";
export { type FitResidualOptions, fitResidual } from "./api/fit-residual.ts";
export type { FlowAndSolver } from "./api/flow-and-solver.ts";
export type { CodeSamples } from "./api/importance-sampling.ts";
export { type DecoderSource, type LoadDecoderOptions, loadDecoder } from "./api/load-decoder.ts";
export { type OpenObjectiveOptions, openObjective } from "./api/open-objective.ts";
export type { OpenObjective } from "./api/opened-objective.ts";
export { loadResidual, residualToSafetensors } from "./api/residual-file.ts";
export { type SampleCodesOptions, type SampleCodesProgress, sampleCodes } from "./api/sample-codes.ts";
export { makeProbe } from "./api/verify.ts";
export type { Backend } from "./backend/backend.ts";
export type { StartsOptions } from "./backend/starts-option.ts";
export { closeWorkers } from "./backend/wasm/close-workers.ts";
export { type WasmOptions, wasm } from "./backend/wasm/wasm.ts";
export { LatentflowError, type LatentflowErrorCode } from "./base/errors.ts";
export type { Decoder, SafetensorsOptions } from "./decoder/decoder.ts";
export type { FixedArray, FixedOption } from "./decoder/fixed.ts";
export { type CreateDecoderOptions, createDecoder, type GraphDecoderOptions } from "./decoder/initialise.ts";
export type { Probe } from "./decoder/probe.ts";
export type { Activation, ActivationLike, ActivationName } from "./graph/activation.ts";
export type { GraphDefinition } from "./graph/definition.ts";
export type { FixedInput } from "./graph/graph.ts";
export type { Operation, OperationKind, Shape } from "./graph/operations.ts";
export { type Amd, type AmdOptions, amd } from "./solver/amd.ts";
export { type DormandPrince, type DormandPrinceOptions, dormandPrince } from "./solver/dormand-prince.ts";
export { type Euler, type EulerOptions, euler } from "./solver/euler.ts";
export {
  type Alpha,
  type ExpDecay,
  type ExpDecayOptions,
  expDecay,
  type Flow,
  type GradientFlow,
  type GradientFlowOptions,
  gradientFlow,
  type NesterovFlow,
  type NesterovFlowOptions,
  nesterovFlow,
} from "./solver/flow.ts";
export {
  type Grid,
  type LinearGridOptions,
  type LogGridOptions,
  linearGrid,
  logGrid,
} from "./solver/grid.ts";
export { type Lbfgs, type LbfgsOptions, lbfgs } from "./solver/lbfgs.ts";
export {
  type BackendInfo,
  type EncodeResult,
  type EncodeSummary,
  type EndsOfStarts,
  type SolveStatistics,
  summary,
  type Trajectory,
} from "./solver/result.ts";
export { type Rk4, type Rk4Options, rk4 } from "./solver/rk4.ts";
export type { SaveAt } from "./solver/save-at.ts";
export type { Solver } from "./solver/solver.ts";
export type { Status } from "./solver/status.ts";
export type { PriorLike } from "./terms/check-prior.ts";
export {
  type CovarianceKind,
  type FitGaussianMixtureOptions,
  type FitGaussianOptions,
  fitGaussian,
  fitGaussianMixture,
  type GaussianMixtureFit,
} from "./terms/fit-priors.ts";
export {
  binaryCrossEntropy,
  type CustomLoss,
  type CustomLossFunctions,
  customLoss,
  type Loss,
  type LossLike,
  type LossName,
  type LossOptions,
  type Reduction,
  type StandardLoss,
  type StandardLossLike,
  squaredError,
} from "./terms/losses.ts";
export {
  type GaussianMixtureOptions,
  type GaussianMixturePrior,
  type GaussianOptions,
  type GaussianPrior,
  gaussian,
  gaussianMixture,
  type Prior,
} from "./terms/priors.ts";
export type { Residual } from "./terms/residual.ts";
