import type { OperationDefinition } from "../graph/definition.ts";
import type { OperationDescription, OperationKind, TensorName } from "../graph/operations.ts";
import { firstOrder } from "./axis-order.ts";
import type { Emitter, Extent, Tensor } from "./emitter.ts";
import type { Attributes } from "./messages.ts";
import type { Form, GraphValue } from "./value.ts";

/** An operation to be written into an ONNX graph. */
export interface Task<Kind extends OperationKind = OperationKind, Each extends Extent = Extent> {
  readonly graph: Emitter;
  readonly operation: OperationDescription<Kind>;
  /**
   * The operation as defined: the bounds of a slice, for example, may count from an end that is only known when the graph
   * is run.
   */
  readonly definition: OperationDefinition<Kind>;
  /** Lengths of the output's axes for one sample, channels last. */
  readonly shape: readonly Each[];
  /** Length of the output's batch axis; 1 if all samples share the output. */
  readonly batch: Each;
  /** Graph values that the operation reads. */
  readonly inputs: readonly GraphValue<Each>[];
  /** First element of `inputs`; every kind of operation except `constant` has one. */
  readonly input: GraphValue<Each>;
  /** Returns the tensor of a parameter, with the shape `dims` if given. */
  parameter(name: TensorName, dims?: readonly number[]): Tensor;
}

/** Writes the nodes of one kind of operation; returns the tensor with its result. */
export type Writer<Kind extends OperationKind> = (task: Task<Kind>) => Form;

/**
 * Applies an ONNX operator on pixels to the operation's only input, with channels first.
 *
 * @param beside inputs of the operator after the first, such as a kernel
 */
export function ofPixels(
  { graph, input }: Task,
  attributes: Attributes,
  operator: string,
  ...beside: (Tensor | "")[]
): Form {
  const tensor = graph.applyWith(attributes, operator, input.first, ...beside);
  return { tensor, order: firstOrder(input.rank) };
}
