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

/** Writes the gradient for an input, of that for the output. */
export type Backward = (gradient: GpuValue) => Form;

/** Operation that has been written: its task, and the tensor that holds its value. */
export interface Written<Kind extends OperationKind = OperationKind> extends GpuTask<Kind> {
  readonly output: Form;
}
