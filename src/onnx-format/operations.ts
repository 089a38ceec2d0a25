import type { OperationKind } from "../graph/operations.ts";
import * as elementwise from "./kinds/elementwise.ts";
import * as norms from "./kinds/norms.ts";
import * as products from "./kinds/products.ts";
import * as rearranging from "./kinds/rearranging.ts";
import * as resampling from "./kinds/resampling.ts";
import type { Task, Writer } from "./task.ts";
import type { Form } from "./value.ts";

/** Writers for every kind of operation. Exceptions of the WebGPU backend are in `backend/webgpu/operations.ts`. */
const WRITERS: { readonly [Kind in OperationKind]: Writer<Kind> } = {
  dense: products.writeDense,
  activation: elementwise.writeActivation,
  pointwise: elementwise.writePointwise,
  reshape: rearranging.writeReshape,
  conv: products.writeConv,
  convTranspose: products.writeConvTranspose,
  add: elementwise.ofTwo("Add"),
  sub: elementwise.ofTwo("Sub"),
  mul: elementwise.ofTwo("Mul"),
  maximum: elementwise.ofTwo("Max"),
  minimum: elementwise.ofTwo("Min"),
  where: elementwise.writeWhere,
  concat: rearranging.writeConcat,
  expand: rearranging.writeExpand,
  permute: rearranging.writePermute,
  slice: rearranging.writeSlice,
  depthToSpace: rearranging.writeDepthToSpace,
  pad: resampling.writePad,
  upsample: resampling.writeUpsample,
  resize: resampling.writeResize,
  averagePool: resampling.writeAveragePool,
  sum: resampling.writeReduce,
  mean: resampling.writeReduce,
  layerNorm: norms.writeLayerNorm,
  groupNorm: norms.writeGroupNorm,
  rmsNorm: norms.writeRmsNorm,
  affine: norms.writeAffine,
  softmax: norms.writeSoftmax,
  matmul: products.writeMatmul,
  sparse: products.writeSparse,
  constant: rearranging.writeConstant,
  embedding: rearranging.writeEmbedding,
};

/** Writes the nodes of an operation; returns the tensor with its result. */
export function writeOperation(task: Task): Form {
  // In the table, the entry of a kind is a writer for operations of that kind.
  return (WRITERS[task.operation.kind] as Writer<OperationKind>)(task);
}
