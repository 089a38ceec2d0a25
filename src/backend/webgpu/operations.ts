import type { OperationKind } from "../../graph/operations.ts";
import { writeMatmul, writeSoftmax } from "./kinds/attention.ts";
import { writeConv, writeConvTranspose } from "./kinds/convolutions.ts";
import { writeDense } from "./kinds/dense.ts";
import {
  writeActivation,
  writeAdd,
  writeMaximum,
  writeMinimum,
  writeMul,
  writePointwise,
  writeSub,
  writeWhere,
} from "./kinds/elementwise.ts";
import { writeAffine, writeGroupNorm, writeLayerNorm, writeRmsNorm } from "./kinds/norms.ts";
import {
  writeConcat,
  writeDepthToSpace,
  writeExpand,
  writePermute,
  writeReshape,
  writeSlice,
} from "./kinds/rearranging.ts";
import { writeAveragePool, writePad, writeReduce, writeResize, writeUpsample } from "./kinds/resampling.ts";
import { writeConstant, writeEmbedding } from "./kinds/sources.ts";
import type { Task, Writer, Written } from "./task.ts";

/** How operations of every kind are written and passed backwards. */
const WRITERS: { readonly [Kind in OperationKind]: Writer<Kind> } = {
  dense: writeDense,
  activation: writeActivation,
  pointwise: writePointwise,
  reshape: writeReshape,
  conv: writeConv,
  convTranspose: writeConvTranspose,
  add: writeAdd,
  sub: writeSub,
  mul: writeMul,
  maximum: writeMaximum,
  minimum: writeMinimum,
  where: writeWhere,
  concat: writeConcat,
  expand: writeExpand,
  permute: writePermute,
  slice: writeSlice,
  depthToSpace: writeDepthToSpace,
  pad: writePad,
  upsample: writeUpsample,
  resize: writeResize,
  averagePool: writeAveragePool,
  sum: writeReduce,
  mean: writeReduce,
  layerNorm: writeLayerNorm,
  groupNorm: writeGroupNorm,
  rmsNorm: writeRmsNorm,
  affine: writeAffine,
  softmax: writeSoftmax,
  matmul: writeMatmul,
  constant: writeConstant,
  embedding: writeEmbedding,
};

/** Writes an operation. */
export function writeOperation(task: Task): Written {
  // The table has under each kind what takes operations of that kind.
  return (WRITERS[task.operation.kind] as Writer<OperationKind>)(task);
}
