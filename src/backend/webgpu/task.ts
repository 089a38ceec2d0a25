import type { OperationKind } from "../../graph/operations.ts";
import type { Task } from "../../onnx-format/task.ts";
import type { Form, GraphValue } from "../../onnx-format/value.ts";
import type { OnnxGraph } from "./onnx.ts";

/** Operation to be written into a graph of the GPU, where all lengths are numbers. */
export interface GpuTask<Kind extends OperationKind = OperationKind> extends Task<Kind, number> {
  readonly graph: OnnxGraph;
}

/** Value, or gradient, whose lengths are numbers. */
export type GpuValue = GraphValue<number>;

/** Operation that has been written: its task, and the tensor that holds its value. */
export interface Written<Kind extends OperationKind = OperationKind> extends GpuTask<Kind> {
  readonly output: Form;
}

/** Writes the gradient for input `index` of an operation from the gradient for its output. */
export type Backward<Kind extends OperationKind> = (
  written: Written<Kind>,
  gradient: GpuValue,
  index: number,
) => Form;

/** Gradients of some kinds of operation. */
export type Backwards = { readonly [Kind in OperationKind]?: Backward<Kind> };
