import type { Described, Kind, Shape } from "./kind.ts";
import { type MatmulFields, matmul, softmax } from "./kinds/attention.ts";
import { type ConvFields, type ConvTransposeFields, conv, convTranspose } from "./kinds/convolutions.ts";
import { type DenseFields, dense } from "./kinds/dense.ts";
import {
  type ActivationFields,
  activation,
  add,
  maximum,
  minimum,
  mul,
  type PointwiseFields,
  pointwise,
  sub,
  where,
} from "./kinds/elementwise.ts";
import {
  type AffineFields,
  affine,
  type GroupNormFields,
  groupNorm,
  type LayerNormFields,
  layerNorm,
  type RmsNormFields,
  rmsNorm,
} from "./kinds/norms.ts";
import {
  type ConcatFields,
  concat,
  type DepthToSpaceFields,
  depthToSpace,
  expand,
  type PermuteFields,
  permute,
  reshape,
  type SliceFields,
  slice,
} from "./kinds/rearranging.ts";
import {
  type AveragePoolFields,
  averagePool,
  mean,
  type PadFields,
  pad,
  type ReduceFields,
  sum,
  type UpsampleFields,
  upsample,
} from "./kinds/resampling.ts";
import { type ResizeFields, resize } from "./kinds/resize.ts";
import { type ConstantFields, constant, type EmbeddingFields, embedding } from "./kinds/sources.ts";

export type { Cost, Shape, TensorName } from "./kind.ts";
export { sizeOf, stridesOf } from "./kind.ts";

/**
 * The kinds of operation, and what each has beyond what all have: settings, and tensors that are views into the
 * decoder's `parameters`. Every place that has to know the kinds has a table over all of them, so that the compiler
 * names what a new one lacks.
 */
export interface OperationKinds {
  readonly dense: DenseFields;
  readonly activation: ActivationFields;
  readonly pointwise: PointwiseFields;
  readonly reshape: object;
  readonly conv: ConvFields;
  readonly convTranspose: ConvTransposeFields;
  readonly add: object;
  readonly sub: object;
  readonly mul: object;
  readonly maximum: object;
  readonly minimum: object;
  readonly where: object;
  readonly concat: ConcatFields;
  readonly expand: object;
  readonly permute: PermuteFields;
  readonly slice: SliceFields;
  readonly depthToSpace: DepthToSpaceFields;
  readonly pad: PadFields;
  readonly upsample: UpsampleFields;
  readonly resize: ResizeFields;
  readonly averagePool: AveragePoolFields;
  readonly sum: ReduceFields;
  readonly mean: ReduceFields;
  readonly layerNorm: LayerNormFields;
  readonly groupNorm: GroupNormFields;
  readonly rmsNorm: RmsNormFields;
  readonly affine: AffineFields;
  readonly softmax: object;
  readonly matmul: MatmulFields;
  readonly constant: ConstantFields;
  readonly embedding: EmbeddingFields;
}

/** The name of a kind: `"dense"`, say. */
export type OperationKind = keyof OperationKinds;

/** Every kind there is; how its definitions are read stands in `READERS`. */
export const KINDS: { readonly [K in OperationKind]: Kind<OperationKinds[K]> } = {
  ...{ dense, activation, pointwise, reshape, conv, convTranspose },
  ...{ add, sub, mul, maximum, minimum, where, concat, expand, permute, slice, depthToSpace },
  ...{ pad, upsample, resize, averagePool, sum, mean },
  ...{ layerNorm, groupNorm, rmsNorm, affine, softmax, matmul },
  ...{ constant, embedding },
};

/** What operations of all kinds have. */
interface CommonOperation<K extends OperationKind> {
  readonly kind: K;
  /** Names the value that it makes, and the tensors in files: `NAME.weight`, `NAME.bias`. */
  readonly name: string;
  /** The values that it reads: the names of operations before it, of fixed inputs, or `"z"`, the latent. */
  readonly inputs: readonly string[];
  /** The shape of what it makes of one sample. */
  readonly shape: Shape;
}

/** One operation of a decoder, of any kind or of the kind `Kind`. */
export type Operation<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & OperationKinds[K];
}[Kind];

/** An operation before it has parameters. */
export type OperationDescription<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & Described<OperationKinds[K]>;
}[Kind];

/** What there is to know of an operation's kind. */
export function kindOf(operation: OperationDescription): Kind<object> {
  return KINDS[operation.kind] as Kind<object>;
}
