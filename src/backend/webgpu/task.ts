import { show } from "../../base/check.ts";
import type { Operation, OperationKind, TensorName } from "../../graph/operations.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";
import type { Form, GraphValue } from "./value.ts";

/** An operation that is to be written into a graph. */
export interface Task<Kind extends OperationKind = OperationKind> {
  readonly graph: OnnxGraph;
  readonly operation: Operation<Kind>;
  readonly inputs: readonly GraphValue[];
  /** Of what it makes: how many samples there are, or 1 where it is the same for all. */
  readonly batch: number;
  /** One of its parameters. */
  parameter(name: TensorName): Tensor;
}

/** An operation that onnxruntime-web cannot compute on a GPU; the message names it and says why. */
export class Unwritable extends Error {
  override readonly name = "Unwritable";

  constructor({ kind, name }: Operation, why: string) {
    super(`${kind} ${show(name)} cannot be computed on a GPU: ${why}`);
  }
}

/** What an operation has written, and how its gradient is passed on. */
export interface Written {
  readonly output: Form;
  /**
   * For each value that it reads, what writes the gradient for it, of that for the output. It is called where the value
   * depends on the latent, after all of the forward pass.
   */
  readonly backward: readonly Backward[];
}

export type Backward = (gradient: GraphValue) => Form;

/** Writes operations of a kind. */
export type Writer<Kind extends OperationKind> = (task: Task<Kind>) => Written;
