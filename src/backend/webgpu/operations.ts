import type { OperationKind } from "../../graph/operations.ts";
import { resizeByMatrices } from "../../onnx-format/kinds/resampling.ts";
import { writeOperation } from "../../onnx-format/operations.ts";
import type { Form } from "../../onnx-format/value.ts";
import {
  activationBackward,
  addBackward,
  maximumBackward,
  minimumBackward,
  mulBackward,
  pointwiseBackward,
  subBackward,
  whereBackward,
  writeGpuWhere,
} from "./kinds/elementwise.ts";
import {
  affineBackward,
  groupNormBackward,
  layerNormBackward,
  rmsNormBackward,
  writeGpuGroupNorm,
} from "./kinds/norms.ts";
import {
  convBackward,
  convTransposeBackward,
  denseBackward,
  matmulBackward,
  softmaxBackward,
  writeGpuConv,
  writeGpuConvTranspose,
  writeGpuDense,
} from "./kinds/products.ts";
import {
  concatBackward,
  depthToSpaceBackward,
  expandBackward,
  permuteBackward,
  reshapeBackward,
  sliceBackward,
  writeGpuEmbedding,
  writeGpuSlice,
} from "./kinds/rearranging.ts";
import {
  averagePoolBackward,
  padBackward,
  reduceBackward,
  resizeBackward,
  upsampleBackward,
} from "./kinds/resampling.ts";
import type { Backward, GpuTask, Written } from "./task.ts";

type GpuWriter<Kind extends OperationKind> = (task: GpuTask<Kind>) => Form;

/**
 * Kinds that the GPU writes otherwise than a file: because a kernel of onnxruntime-web computes something else or is missing
 * (conv, convTranspose, where, slice, resize), the batch is a number (dense), inputs are float32 (embedding), or the parts
 * serve the gradient too (groupNorm). All other kinds are written by `onnx-format/operations.ts`.
 */
const EXCEPTIONS: { readonly [Kind in OperationKind]?: GpuWriter<Kind> } = {
  dense: writeGpuDense,
  conv: writeGpuConv,
  convTranspose: writeGpuConvTranspose,
  where: writeGpuWhere,
  slice: writeGpuSlice,
  resize: resizeByMatrices,
  groupNorm: writeGpuGroupNorm,
  embedding: writeGpuEmbedding,
};

/** Writes an operation; returns the tensor that holds its value. */
export function writeOnGpu(task: GpuTask): Form {
  // The table holds under each kind a writer for operations of that kind.
  const write = EXCEPTIONS[task.operation.kind] as GpuWriter<OperationKind> | undefined;
  return write ? write(task) : writeOperation(task);
}

/** Gradients of every kind of operation: for each input what writes the gradient for it, of that for the output. */
const BACKWARD: { readonly [Kind in OperationKind]: (written: Written<Kind>) => readonly Backward[] } = {
  dense: denseBackward,
  activation: activationBackward,
  pointwise: pointwiseBackward,
  reshape: reshapeBackward,
  conv: convBackward,
  convTranspose: convTransposeBackward,
  add: addBackward,
  sub: subBackward,
  mul: mulBackward,
  maximum: maximumBackward,
  minimum: minimumBackward,
  where: whereBackward,
  concat: concatBackward,
  expand: expandBackward,
  permute: permuteBackward,
  slice: sliceBackward,
  depthToSpace: depthToSpaceBackward,
  pad: padBackward,
  upsample: upsampleBackward,
  resize: resizeBackward,
  averagePool: averagePoolBackward,
  sum: reduceBackward,
  mean: reduceBackward,
  layerNorm: layerNormBackward,
  groupNorm: groupNormBackward,
  rmsNorm: rmsNormBackward,
  affine: affineBackward,
  softmax: softmaxBackward,
  matmul: matmulBackward,
  constant: () => [],
  embedding: () => [],
};

/** What writes the gradients for the inputs of an operation, each called at most once. */
export function backwardOf(written: Written): readonly Backward[] {
  // As in `writeOnGpu`.
  return (BACKWARD[written.operation.kind] as (written: Written) => readonly Backward[])(written);
}
