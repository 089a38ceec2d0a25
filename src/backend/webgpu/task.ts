import type { OperationKind } from "../../graph/operations.ts";
import type { Task } from "../../onnx-format/task.ts";
import type { Form, GraphValue } from "../../onnx-format/value.ts";
import type { OnnxGraph } from "./onnx.ts";

/** Operation to be written into a GPU graph, in which all lengths are numbers. */
export interface GpuTask<Kind extends OperationKind = OperationKind> extends Task<Kind, number> {
  readonly graph: OnnxGraph;
}

/** Value in a GPU graph, or the gradient for one; all its lengths are numbers. */
export type GpuValue = GraphValue<number>;

/** Operation that has been written into a GPU graph: its task, and the tensor that holds its result. */
export interface Written<Kind extends OperationKind = OperationKind> extends GpuTask<Kind> {
  readonly output: Form;
}

/** Writes nodes that compute the gradient for input `index` of an operation from the gradient for its output. */
export type Backward<Kind extends OperationKind> = (
  written: Written<Kind>,
  gradient: GpuValue,
  index: number,
) => Form;

/** Gradient writers of some kinds of operation. */
export type Backwards = { readonly [Kind in OperationKind]?: Backward<Kind> };
