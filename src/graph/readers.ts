import type { Reader } from "./kind.ts";
import { type MatmulSettings, matmulReader, softmaxReader } from "./kinds/attention.ts";
import {
  type ConvolutionDefinition,
  type ConvTransposeSettings,
  convReader,
  convTransposeReader,
} from "./kinds/convolutions.ts";
import { type DenseSettings, denseReader } from "./kinds/dense.ts";
import {
  type ActivationSettings,
  activationReader,
  ofTwoReader,
  type PointwiseSettings,
  pointwiseReader,
  whereReader,
} from "./kinds/elementwise.ts";
import {
  affineReader,
  type GroupNormSettings,
  groupNormReader,
  type LayerNormSettings,
  layerNormReader,
  type RmsNormSettings,
  rmsNormReader,
} from "./kinds/norms.ts";
import {
  type ConcatSettings,
  concatReader,
  type DepthToSpaceSettings,
  depthToSpaceReader,
  type ExpandSettings,
  expandReader,
  type PermuteFields,
  permuteReader,
  type ReshapeSettings,
  reshapeReader,
  type SliceSettings,
  sliceReader,
} from "./kinds/rearranging.ts";
import {
  type AveragePoolSettings,
  averagePoolReader,
  type PadSettings,
  padReader,
  type ReduceSettings,
  reductionReader,
  type UpsampleSettings,
  upsampleReader,
} from "./kinds/resampling.ts";
import { type ResizeSettings, resizeReader } from "./kinds/resize.ts";
import {
  type ConstantSettings,
  constantReader,
  type EmbeddingSettings,
  embeddingReader,
} from "./kinds/sources.ts";
import type { OperationKind, OperationKinds } from "./operations.ts";

/** What operations of each kind are defined by; what follows from it, their shapes, is not repeated. */
export interface OperationSettings {
  readonly dense: DenseSettings;
  readonly activation: ActivationSettings;
  readonly pointwise: PointwiseSettings;
  readonly reshape: ReshapeSettings;
  readonly conv: ConvolutionDefinition;
  readonly convTranspose: ConvTransposeSettings;
  readonly add: object;
  readonly sub: object;
  readonly mul: object;
  readonly maximum: object;
  readonly minimum: object;
  readonly where: object;
  readonly concat: ConcatSettings;
  readonly expand: ExpandSettings;
  readonly permute: PermuteFields;
  readonly slice: SliceSettings;
  readonly depthToSpace: DepthToSpaceSettings;
  readonly pad: PadSettings;
  readonly upsample: UpsampleSettings;
  readonly resize: ResizeSettings;
  readonly averagePool: AveragePoolSettings;
  readonly sum: ReduceSettings;
  readonly mean: ReduceSettings;
  readonly layerNorm: LayerNormSettings;
  readonly groupNorm: GroupNormSettings;
  readonly rmsNorm: RmsNormSettings;
  readonly affine: object;
  readonly softmax: object;
  readonly matmul: MatmulSettings;
  readonly constant: ConstantSettings;
  readonly embedding: EmbeddingSettings;
}

/**
 * How definitions of each kind are read. Without spreads, and in a table of its own: bundlers leave it out of programs
 * that read none.
 */
export const READERS: { readonly [K in OperationKind]: Reader<OperationSettings[K], OperationKinds[K]> } = {
  dense: denseReader,
  activation: activationReader,
  pointwise: pointwiseReader,
  reshape: reshapeReader,
  conv: convReader,
  convTranspose: convTransposeReader,
  add: ofTwoReader,
  sub: ofTwoReader,
  mul: ofTwoReader,
  maximum: ofTwoReader,
  minimum: ofTwoReader,
  where: whereReader,
  concat: concatReader,
  expand: expandReader,
  permute: permuteReader,
  slice: sliceReader,
  depthToSpace: depthToSpaceReader,
  pad: padReader,
  upsample: upsampleReader,
  resize: resizeReader,
  averagePool: averagePoolReader,
  sum: reductionReader,
  mean: reductionReader,
  layerNorm: layerNormReader,
  groupNorm: groupNormReader,
  rmsNorm: rmsNormReader,
  affine: affineReader,
  softmax: softmaxReader,
  matmul: matmulReader,
  constant: constantReader,
  embedding: embeddingReader,
};
