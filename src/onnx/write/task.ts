import type { OperationDefinition } from "../../graph/definition.ts";
import type { OperationDescription, OperationKind, TensorName } from "../../graph/operations.ts";
import type { Attributes } from "../../onnx-format/messages.ts";
import type { OnnxFile, Operand, Tensor } from "./file.ts";
import type { SymbolicShape } from "./shapes.ts";
import type { WrittenValue } from "./value.ts";

/** An operation that is to be written. */
export interface Task<Kind extends OperationKind = OperationKind> {
  readonly file: OnnxFile;
  readonly operation: OperationDescription<Kind>;
  /** The same with its settings as they were given. */
  readonly definition: OperationDefinition<Kind>;
  /** Of what it makes. */
  readonly shape: SymbolicShape;
  readonly inputs: readonly WrittenValue[];
  /** Writes an operator. */
  apply(operator: string, inputs: readonly (Operand | "")[], attributes?: Attributes): Tensor;
  /** One of its parameters; `dims` in place of the tensor's shape. */
  parameter(name: TensorName, dims?: readonly number[]): Tensor;
  /** A list of one integer: how many samples there are, and how many points. */
  batch(): Tensor;
  points(): Tensor;
}

/**
 * A shape as an operator takes it: a constant, or one put together when the file runs.
 *
 * @param lengths each a number, or a tensor of one integer
 */
export function shapeTensor({ file, apply }: Task, lengths: readonly (number | Tensor)[]): Tensor {
  const parts: (number[] | Tensor)[] = [];
  for (const length of lengths) {
    const before = parts.at(-1);
    if (typeof length !== "number") parts.push(length);
    else if (Array.isArray(before)) before.push(length);
    else parts.push([length]);
  }
  const tensors = parts.map((part) => (typeof part === "string" ? part : file.integers(part)));
  return tensors.length === 1 ? tensors[0]! : apply("Concat", tensors, { axis: { integer: 0 } });
}

/** The length of an axis of a tensor, as a list of one integer. */
export function lengthOf({ apply }: Pick<Task, "apply">, tensor: Tensor, axis: number): Tensor {
  return apply("Shape", [tensor], { start: { integer: axis }, end: { integer: axis + 1 } });
}

/** The same numbers in another shape; of the lengths one may be unknown. The batch stays. */
export function reshaped({ file, apply }: Task, tensor: Tensor, lengths: SymbolicShape): Tensor {
  const known = lengths.map((length) => (typeof length === "number" ? length : -1));
  return apply("Reshape", [tensor, file.integers([0, ...known])]);
}
