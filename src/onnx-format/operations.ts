import type { OperationKind } from "../graph/operations.ts";
import { ofTwo, writeActivation, writePointwise, writeWhere } from "./kinds/elementwise.ts";
import { writeAffine, writeGroupNorm, writeLayerNorm, writeRmsNorm } from "./kinds/norms.ts";
import { writeConv, writeConvTranspose, writeDense, writeMatmul, writeSoftmax } from "./kinds/products.ts";
import {
  writeConcat,
  writeConstant,
  writeDepthToSpace,
  writeEmbedding,
  writeExpand,
  writePermute,
  writeReshape,
  writeSlice,
} from "./kinds/rearranging.ts";
import { writeAveragePool, writePad, writeReduce, writeResize, writeUpsample } from "./kinds/resampling.ts";
import type { Task, Writer } from "./task.ts";
import type { Form } from "./value.ts";

/** Nodes of every kind of operation. The WebGPU backend has its exceptions in `backend/webgpu/operations.ts`. */
const WRITERS: { readonly [Kind in OperationKind]: Writer<Kind> } = {
  dense: writeDense,
  activation: writeActivation,
  pointwise: writePointwise,
  reshape: writeReshape,
  conv: writeConv,
  convTranspose: writeConvTranspose,
  add: ofTwo("Add"),
  sub: ofTwo("Sub"),
  mul: ofTwo("Mul"),
  maximum: ofTwo("Max"),
  minimum: ofTwo("Min"),
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

/** Writes an operation; returns the tensor that holds its value. */
export function writeOperation(task: Task): Form {
  // The table holds under each kind a writer for operations of that kind.
  return (WRITERS[task.operation.kind] as Writer<OperationKind>)(task);
}
