// The WebAssembly module's exports: scalars and pointers only. A struct is passed as the address of bytes that src/backend/wasm
// wrote, laid out as the classes of memory/ and solve/ declare.
export {
  addParameterGradient as objectiveParameterGradient,
  lossTangents as objectiveLossTangents,
  tangentForward as objectiveTangentForward,
  tangentsBackward as objectiveTangentBackward,
} from "./objective/derivatives";
export {
  curvatureAlong as objectiveCurvatureAlong,
  gaussNewton as objectiveGaussNewton,
  jacobianRows as objectiveJacobian,
  sharedGaussNewton as objectiveSharedGaussNewton,
} from "./objective/gauss-newton";
export {
  backward as objectiveBackward,
  decode,
  gradient as objectiveGradient,
  packGraph as pack,
  value as objectiveValue,
} from "./objective/objective";
export { sumTerms as objectiveSum } from "./objective/prior-term";
// Exported for tests, which compare each kernel with a float64 reference.
export { activationBackward, activationForward } from "./ops/activation-functions";
export { packPanels } from "./ops/panels";
export { pointwiseForward } from "./ops/pointwise-functions";
export { multiply } from "./ops/product";
export { takeCurvature as solverTakeCurvature, takeMatrix as solverTakeMatrix } from "./solve/dispatch";
export { sharedFactorInto } from "./solve/lbfgs-preconditioner";
export { propose as solverPropose } from "./solve/line-search";
export {
  acceptSteps as solverAcceptSteps,
  run as solverRun,
  takeGradients as solverTakeGradients,
} from "./solve/rounds";
export { lossBackward, lossForward } from "./terms/loss";
// Functions of a prior alone: for backends that evaluate the decoder elsewhere, and for tests.
export {
  addPriorCurvature as priorCurvature,
  addPriorGradient as priorGradient,
  addPriorHessianProduct as priorHessianProduct,
  priorCurvatureAlong as priorAlong,
  priorValue,
} from "./terms/prior";
export * from "./train/optimizer";
