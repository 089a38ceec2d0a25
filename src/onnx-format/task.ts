import type { OperationDefinition } from "../graph/definition.ts";
import type { OperationDescription, OperationKind, TensorName } from "../graph/operations.ts";
import { firstOrder } from "./axis-order.ts";
import type { Emitter, Extent, Tensor } from "./emitter.ts";
import type { Attributes } from "./messages.ts";
import type { Form, GraphValue } from "./value.ts";

/** Operation to be written into a graph. */
export interface Task<Kind extends OperationKind = OperationKind, Each extends Extent = Extent> {
  readonly graph: Emitter;
  readonly operation: OperationDescription<Kind>;
  /** The operation with its settings as they were given: a slice may count from an end whose position a run decides. */
  readonly definition: OperationDefinition<Kind>;
  /** Lengths of the output's axes for one sample, channels last. */
  readonly shape: readonly Each[];
  /** Length of the output's batch axis: 1 where all samples share the value. */
  readonly batch: Each;
  /** Values that it reads. */
  readonly inputs: readonly GraphValue<Each>[];
  /** The first of them, which every kind but `constant` has. */
  readonly input: GraphValue<Each>;
  /** Tensor of a parameter, with the shape `dims` in place of its own. */
  parameter(name: TensorName, dims?: readonly number[]): Tensor;
}

/** Writes an operation; returns the tensor that holds its value. */
export type Writer<Kind extends OperationKind> = (task: Task<Kind>) => Form;

/** Applies an operator of pixels, channels first, to the only input. */
export function ofPixels(
  { graph, input }: Task,
  attributes: Attributes,
  operator: string,
  ...beside: (Tensor | "")[]
): Form {
  const tensor = graph.applyWith(attributes, operator, input.first, ...beside);
  return { tensor, order: firstOrder(input.rank) };
}
