import { type Described, type Kind, type Reader, type Shape, sameShapeReader } from "./kind.ts";
import * as attention from "./kinds/attention.ts";
import { averagePool, averagePoolReader } from "./kinds/average-pool.ts";
import * as convolutions from "./kinds/convolutions.ts";
import { dense, denseReader } from "./kinds/dense.ts";
import * as elementwise from "./kinds/elementwise.ts";
import * as norms from "./kinds/norms.ts";
import { pad, padReader } from "./kinds/pad.ts";
import * as rearranging from "./kinds/rearranging.ts";
import * as reductions from "./kinds/reductions.ts";
import { resize, resizeReader } from "./kinds/resize.ts";
import * as sources from "./kinds/sources.ts";
import { upsample, upsampleReader } from "./kinds/upsample.ts";
import type { MapKind, MapOutput } from "./map-kind.ts";

export type { Cost, Shape, TensorName } from "./kind.ts";
export { sizeOf, stridesOf } from "./kind.ts";

/**
 * All kinds of operation: tensors, cost and label. Every place that has to know the kinds has a table over all of them, so
 * that the compiler names what a new one lacks.
 */
export const KINDS = {
  dense,
  activation: elementwise.activation,
  pointwise: elementwise.pointwise,
  reshape: rearranging.reshape,
  conv: convolutions.conv,
  convTranspose: convolutions.convTranspose,
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  maximum: elementwise.maximum,
  minimum: elementwise.minimum,
  where: elementwise.where,
  concat: rearranging.concat,
  expand: rearranging.expand,
  permute: rearranging.permute,
  slice: rearranging.slice,
  depthToSpace: rearranging.depthToSpace,
  pad,
  upsample,
  resize,
  averagePool,
  sum: reductions.sum,
  mean: reductions.mean,
  layerNorm: norms.layerNorm,
  groupNorm: norms.groupNorm,
  rmsNorm: norms.rmsNorm,
  affine: norms.affine,
  softmax: attention.softmax,
  matmul: attention.matmul,
  constant: sources.constant,
  embedding: sources.embedding,
} as const;

/** The name of a kind: `"dense"`, say. */
export type OperationKind = keyof typeof KINDS;

/**
 * Fields of operations of each kind, beside those that all have: settings, and tensors that are views into the decoder's
 * `parameters`.
 */
export type OperationKinds = {
  readonly [K in OperationKind]: FieldsOf<(typeof KINDS)[K]>;
};

/** Names of the kinds that read each input by a linear map, and whose output is as `Output` says. */
export type MapKindName<Output extends MapOutput> = {
  [K in OperationKind]: (typeof KINDS)[K] extends { readonly output: Output } ? K : never;
}[OperationKind];

type FieldsOf<K> = K extends MapKind<infer Fields> ? Fields : K extends Kind<infer Fields> ? Fields : never;

/**
 * Readers of definitions: settings, and the output's shape. Without spreads, and apart from `KINDS`: bundlers leave this
 * table out of programs that read no definition.
 */
export const READERS = {
  dense: denseReader,
  activation: elementwise.activationReader,
  pointwise: elementwise.pointwiseReader,
  reshape: rearranging.reshapeReader,
  conv: convolutions.convReader,
  convTranspose: convolutions.convTransposeReader,
  add: elementwise.ofTwoReader,
  sub: elementwise.ofTwoReader,
  mul: elementwise.ofTwoReader,
  maximum: elementwise.ofTwoReader,
  minimum: elementwise.ofTwoReader,
  where: elementwise.whereReader,
  concat: rearranging.concatReader,
  expand: rearranging.expandReader,
  permute: rearranging.permuteReader,
  slice: rearranging.sliceReader,
  depthToSpace: rearranging.depthToSpaceReader,
  pad: padReader,
  upsample: upsampleReader,
  resize: resizeReader,
  averagePool: averagePoolReader,
  sum: reductions.reductionReader,
  mean: reductions.reductionReader,
  layerNorm: norms.layerNormReader,
  groupNorm: norms.groupNormReader,
  rmsNorm: norms.rmsNormReader,
  affine: sameShapeReader,
  softmax: sameShapeReader,
  matmul: attention.matmulReader,
  constant: sources.constantReader,
  embedding: sources.embeddingReader,
} as const satisfies { readonly [K in OperationKind]: Omit<Reader<never, OperationKinds[K]>, "settings"> };

/** Settings that define operations of each kind; what follows from them, shapes, is not repeated. */
export type OperationSettings = {
  readonly [K in OperationKind]: (typeof READERS)[K] extends Reader<infer Settings, infer _>
    ? Settings
    : never;
};

/** Common fields of operations. */
interface CommonOperation<K extends OperationKind> {
  readonly kind: K;
  /** Name of the operation's value, and of its tensors in files: `NAME.weight`, `NAME.bias`. */
  readonly name: string;
  /** Names of the values that the operation reads: operations before it, fixed inputs, or `"z"`, the latent. */
  readonly inputs: readonly string[];
  /** Shape of the operation's value for one sample. */
  readonly shape: Shape;
}

/** An operation of a decoder, of any kind or of the kind `Kind`. */
export type Operation<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & OperationKinds[K];
}[Kind];

/** An operation without tensors. */
export type OperationDescription<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: CommonOperation<K> & Described<OperationKinds[K]>;
}[Kind];

/** Returns the traits of an operation's kind. */
export function kindOf(operation: OperationDescription): Kind<object> {
  return KINDS[operation.kind] as Kind<object>;
}
