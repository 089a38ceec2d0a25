/**
 * Training of decoders: by gradient flow, with codes stored for each sample, or as autoencoders. Also adjoints, optimizers,
 * schedules and data sets.
 *
 * @module latentflow/train
 */

export { approximate } from "../adjoint/approximate.ts";
export type { Adjoint } from "../adjoint/base.ts";
export { direct } from "../adjoint/direct.ts";
export { full } from "../adjoint/full.ts";
export { createDataset, Dataset, type DatasetOptions } from "../api/dataset.ts";
export {
  type Adam,
  type AdamOptions,
  adam,
  type Optimizer,
  type Rmsprop,
  type RmspropOptions,
  rmsprop,
  type Sgd,
  type SgdOptions,
  sgd,
} from "../backend/optimizer.ts";
export { type Augmentation, type Shift, type ShiftOptions, shift } from "./augment.ts";
export { type AutoencoderResult, trainAutoencoder } from "./autoencoder.ts";
export type { CallerCheckpoints, CheckpointOptions, FileCheckpoints } from "./checkpoint-options.ts";
export { type EncodeWithOptions, encodeWith, meanCode } from "./encode-with.ts";
export { type EncoderReport, type EvaluateReport, evaluate, type FlowsBeside } from "./evaluate.ts";
export type { EvaluateEncoderOptions, EvaluateOptions } from "./evaluate-options.ts";
export type { MaskOptions } from "./mask.ts";
export { type DataSplits, fashionMnist, type LoaderOptions, mnist, segMnist } from "./mnist.ts";
export type { RunOptions, TrainAutoencoderOptions, TrainOptions, TrainResult } from "./options.ts";
export type { Resumed, TrainEvent, TrainProgress, TrainStep } from "./progress.ts";
export { type ReadDatasetOptions, readDataset } from "./read-dataset.ts";
export {
  constant,
  cosine,
  type DecayOptions,
  type DecaySchedule,
  linear,
  type Schedule,
} from "./schedule.ts";
export { train } from "./train.ts";
export type { ValidationOptions, ValidationResult } from "./validation.ts";
