import type { MapKindName, OperationKind } from "../../graph/operations.ts";
import { resizeByMatrices } from "../../onnx-format/kinds/resampling.ts";
import { writeOperation } from "../../onnx-format/operations.ts";
import type { Form } from "../../onnx-format/value.ts";
import * as elementwise from "./kinds/elementwise.ts";
import * as norms from "./kinds/norms.ts";
import * as products from "./kinds/products.ts";
import * as rearranging from "./kinds/rearranging.ts";
import * as resampling from "./kinds/resampling.ts";
import type { Backward, GpuTask, GpuValue, Written } from "./task.ts";

type GpuWriter<Kind extends OperationKind> = (task: GpuTask<Kind>) => Form;

/**
 * Writers of the kinds of operation whose nodes differ between GPU graphs and ONNX files: because a kernel of onnxruntime-web
 * computes wrong results or is missing (conv, convTranspose, where, slice, resize), the batch size is known (dense), inputs are
 * float32 (embedding), or the gradient reuses the operation's parts (groupNorm). All other kinds are written by
 * `onnx-format/operations.ts`.
 */
const EXCEPTIONS: { readonly [Kind in OperationKind]?: GpuWriter<Kind> } = {
  dense: products.writeGpuDense,
  conv: products.writeGpuConv,
  convTranspose: products.writeGpuConvTranspose,
  where: elementwise.writeGpuWhere,
  slice: rearranging.writeGpuSlice,
  resize: resizeByMatrices,
  groupNorm: norms.writeGpuGroupNorm,
  embedding: rearranging.writeGpuEmbedding,
};

/** Writes the nodes of an operation into the graph; returns the tensor that holds its result. */
export function writeOnGpu(task: GpuTask): Form {
  // The table's writer under each kind accepts operations of that kind.
  const write = EXCEPTIONS[task.operation.kind] as GpuWriter<OperationKind> | undefined;
  return write ? write(task) : writeOperation(task);
}

/**
 * Gradient writers by kind of operation. A kind without an entry is a linear map of pixels: its gradient is multiplied by the
 * transposed matrices of the pixel axes.
 */
const BACKWARD: {
  readonly [Kind in Exclude<OperationKind, MapKindName<"pixels">>]: Backward<Kind> | undefined;
} & { readonly [Kind in MapKindName<"pixels">]?: Backward<Kind> } = {
  ...elementwise.BACKWARD,
  ...norms.BACKWARD,
  ...products.BACKWARD,
  ...rearranging.BACKWARD,
  ...resampling.BACKWARD,
  // Constants and embeddings do not depend on the latent.
  constant: undefined,
  embedding: undefined,
};

/** Writes nodes that compute the gradient for input `index` of an operation from the gradient for its output. */
export function writeGradient(written: Written, gradient: GpuValue, index: number): Form {
  // The table's writer under each kind accepts operations of that kind.
  const write = BACKWARD[written.operation.kind] as Backward<OperationKind> | undefined;
  if (write) return write(written, gradient, index);
  return resampling.pixelsBackward(written as Written<MapKindName<"pixels">>, gradient);
}
