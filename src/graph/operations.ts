import { type Described, type Kind, type Reader, type Shape, sameShapeReader } from "./kind.ts";
import { matmul, matmulReader, softmax } from "./kinds/attention.ts";
import { averagePool, averagePoolReader } from "./kinds/average-pool.ts";
import { conv, convReader, convTranspose, convTransposeReader } from "./kinds/convolutions.ts";
import { dense, denseReader } from "./kinds/dense.ts";
import {
  activation,
  activationReader,
  ofOperands,
  ofTwoReader,
  pointwise,
  pointwiseReader,
  whereReader,
} from "./kinds/elementwise.ts";
import {
  affine,
  groupNorm,
  groupNormReader,
  layerNorm,
  layerNormReader,
  rmsNorm,
  rmsNormReader,
} from "./kinds/norms.ts";
import { pad, padReader } from "./kinds/pad.ts";
import {
  concat,
  concatReader,
  depthToSpace,
  depthToSpaceReader,
  expand,
  expandReader,
  permute,
  permuteReader,
  reshape,
  reshapeReader,
  slice,
  sliceReader,
} from "./kinds/rearranging.ts";
import { mean, reductionReader, sum } from "./kinds/reductions.ts";
import { resize, resizeReader } from "./kinds/resize.ts";
import { constant, constantReader, embedding, embeddingReader } from "./kinds/sources.ts";
import { sparse, sparseReader } from "./kinds/sparse.ts";
import { upsample, upsampleReader } from "./kinds/upsample.ts";
import type { MapKind, MapOutput } from "./map-kind.ts";

export type { Cost, Shape, TensorName } from "./kind.ts";
export { sizeOf, stridesOf } from "./kind.ts";

/**
 * All kinds of operation: tensors, cost and label of each. Every module that depends on the kinds has a table over all of them,
 * so that the compiler names the entries that a new kind lacks.
 */
export const KINDS = {
  dense,
  activation,
  pointwise,
  reshape,
  conv,
  convTranspose,
  add: ofOperands,
  sub: ofOperands,
  mul: ofOperands,
  maximum: ofOperands,
  minimum: ofOperands,
  where: ofOperands,
  concat,
  expand,
  permute,
  slice,
  depthToSpace,
  pad,
  upsample,
  resize,
  averagePool,
  sum,
  mean,
  layerNorm,
  groupNorm,
  rmsNorm,
  affine,
  softmax,
  matmul,
  sparse,
  constant,
  embedding,
} as const;

/** Name of a kind of operation, such as `"dense"`. */
export type OperationKind = keyof typeof KINDS;

/**
 * Fields of operations of each kind, in addition to those that all operations have: settings, and tensors that are views into
 * the decoder's `parameters`.
 */
export type OperationKinds = {
  readonly [K in OperationKind]: FieldsOf<(typeof KINDS)[K]>;
};

/** Names of the kinds of operation that read each input by a linear map, with `Output` as the relation of output to inputs. */
export type MapKindName<Output extends MapOutput> = {
  [K in OperationKind]: (typeof KINDS)[K] extends { readonly output: Output } ? K : never;
}[OperationKind];

type FieldsOf<K> = K extends MapKind<infer Fields> ? Fields : K extends Kind<infer Fields> ? Fields : never;

/**
 * Readers of definitions by kind: they check settings and compute the output's shape. Without spreads, and separate from
 * `KINDS`, so that bundlers drop this table from programs that read no definition.
 */
export const READERS = {
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
  affine: sameShapeReader,
  softmax: sameShapeReader,
  matmul: matmulReader,
  sparse: sparseReader,
  constant: constantReader,
  embedding: embeddingReader,
} as const satisfies { readonly [K in OperationKind]: Omit<Reader<never, OperationKinds[K]>, "settings"> };

/** Settings of each kind of operation in a definition. Shapes that follow from the inputs are not part of them. */
export type OperationSettings = {
  readonly [K in OperationKind]: (typeof READERS)[K] extends Reader<infer Settings, infer _>
    ? Settings
    : never;
};

/** Fields that all operations have. */
interface CommonOperation<K extends OperationKind> {
  readonly kind: K;
  /** Name of the operation's value, and of its tensors in files: `NAME.weight`, `NAME.bias`. */
  readonly name: string;
  /** Names of the values that the operation reads: earlier operations, fixed inputs, or `"z"`, the latent. */
  readonly inputs: readonly string[];
  /** Shape of the operation's value for one sample. */
  readonly shape: Shape;
}

/** An operation of a decoder with its parameter tensors, of any kind or of the kind `Kind`. */
export type Operation<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & OperationKinds[K];
}[Kind];

/** An operation without its parameter tensors. */
export type OperationDescription<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & Described<OperationKinds[K]>;
}[Kind];

/** Returns the traits of an operation's kind: its parameter tensors, cost and label. */
export function kindOf(operation: OperationDescription): Kind<object> {
  return KINDS[operation.kind] as Kind<object>;
}

/** Returns the reader of a kind of operation, which checks settings and computes the output's shape. */
export function readerOf(kind: OperationKind): Reader<object, object> {
  return READERS[kind] as Reader<object, object>;
}
