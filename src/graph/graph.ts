import { kept } from "../base/kept.ts";
import type { GraphDefinition } from "./definition.ts";
import { type Cost, type Initial, type Shape, sizeOf, type TensorName } from "./kind.ts";
import { kindOf, type Operation, type OperationDescription } from "./operations.ts";

/** Name of the latent among the values of a graph. */
export const LATENT = "z";

/** Graph of a decoder: operations in topological order, from the latent to the last operation's value, the output. */
export interface Graph<O extends OperationDescription = OperationDescription> {
  /** Number of latents d: the latent has one axis of this length. */
  readonly latentSize: number;
  /** Fixed inputs, which are given with each sample, apart from the latent. */
  readonly fixedInputs: readonly FixedInput[];
  /** Operations in topological order, at least one; the last makes the output. */
  readonly operations: readonly O[];
  /** Definition that the graph was made from, as JSON. */
  readonly definition: GraphDefinition;
  /**
   * Returns this graph for a number of points per sample; the graph itself is for one point. Undefined unless a fixed input has
   * an axis of points, whose length each call sets. `where` is the beginning of error messages.
   */
  readonly atPoints?: (points: number) => Graph;
}

/** Parts of a graph that determine its values and their shapes. */
export type Values<O extends OperationDescription = OperationDescription> = Pick<
  Graph<O>,
  "latentSize" | "fixedInputs" | "operations"
>;

/** Fixed input of a graph, which is given with each sample. */
export interface FixedInput {
  /** Name of the fixed input, by which operations read it and calls give its values. */
  readonly name: string;
  /** Shape of one sample's values of the fixed input. */
  readonly shape: Shape;
  /** True if one axis of the fixed input is an axis of points, whose length each call sets. */
  readonly hasPoints: boolean;
  /** Number of classes: the values are then integers from 0 to classes - 1. Absent: any numbers. */
  readonly classes?: number;
}

/**
 * An operation with the indices of the values that it reads: value 0 is the latent; the fixed inputs follow, then the
 * operations' results.
 */
export interface Step<O extends OperationDescription = OperationDescription> {
  readonly operation: O;
  /** Index of each value that the operation reads: 0 for the latent, then the fixed inputs, then the operations' results. */
  readonly inputs: readonly number[];
  /** Shape of each value that the operation reads, for one sample. */
  readonly inputShapes: readonly Shape[];
}

/** Returns the operations of a graph, each with the indices and shapes of its inputs. */
export function stepsOf<O extends OperationDescription>({
  latentSize,
  fixedInputs,
  operations,
}: Values<O>): Step<O>[] {
  const numbers = new Map<string, number>([[LATENT, 0]]);
  const shapes: Shape[] = [[latentSize]];
  for (const { name, shape } of fixedInputs) numbers.set(name, shapes.push(shape) - 1);
  return operations.map((operation) => {
    const inputs = operation.inputs.map((name) => numbers.get(name)!);
    numbers.set(operation.name, shapes.push(operation.shape) - 1);
    return { operation, inputs, inputShapes: inputs.map((input) => shapes[input]!) };
  });
}

/** A parameter tensor of a graph's operation. */
export interface Parameter {
  /** Index, in the graph's `operations`, of the operation that the tensor belongs to. */
  readonly operation: number;
  /** Name of the tensor among the operation's parameter tensors. */
  readonly tensor: TensorName;
  readonly shape: Shape;
  readonly initial: Initial;
  /**
   * True if kernels treat the tensor as one row when they sum gradients, as they do a tensor of one axis; else each position of
   * its first axis is a row.
   */
  readonly isFlat: boolean;
  /** Offset of the tensor in the flat array of all parameters, in numbers. */
  readonly offset: number;
  /** Count of numbers in the tensor. */
  readonly size: number;
}

/** Returns a graph's parameter tensors in the order of the flat array that holds them: operation by operation. */
export function parametersOf(graph: Values): Parameter[] {
  let offset = 0;
  return stepsOf(graph).flatMap(({ operation, inputShapes }, index) =>
    kindOf(operation)
      .tensors(operation, inputShapes)
      .map(({ name: tensor, shape, initial, isFlat = false }) => {
        const size = sizeOf(shape);
        offset += size;
        return { operation: index, tensor, shape, initial, isFlat, size, offset: offset - size };
      }),
  );
}

/** Returns the count of numbers in a graph's parameters. */
export function countParameters(graph: Values): number {
  return parametersOf(graph).reduce((sum, { size }) => sum + size, 0);
}

/** Returns the operations with their parameter tensors, which are views into `parameters`. */
export function withTensors(graph: Values, parameters: Float32Array): Operation[] {
  const tensors = graph.operations.map((): Record<string, Float32Array> => ({}));
  for (const { operation, tensor, offset, size } of parametersOf(graph)) {
    tensors[operation]![tensor] = parameters.subarray(offset, offset + size);
  }
  // Each kind lists the same tensors as its fields.
  return graph.operations.map((operation, i) => ({ ...operation, ...tensors[i] }) as Operation);
}

/** Returns operations without their parameter tensors. */
export function withoutTensors(operations: readonly Operation[]): OperationDescription[] {
  return operations.map((operation) => {
    const { weight, bias, ...description } = operation as Operation<"dense">;
    return description as OperationDescription;
  });
}

/**
 * Cache of the costs of graphs: every call needs the cost of its graph, and for a small decoder computing the cost takes as
 * long as a forward pass.
 */
const costs = new WeakMap<Values, Cost>();

/** Returns the cost of a forward pass of one sample; cached. */
export function costOf(graph: Values): Cost {
  return kept(costs, graph, () => {
    const steps = stepsOf(graph);
    const each = steps.map(({ operation, inputShapes }) => kindOf(operation).cost(operation, inputShapes));
    const sum = (of: keyof Cost) => each.reduce((total, cost) => total + cost[of], 0);
    return { multiplications: sum("multiplications"), sums: sum("sums"), functions: sum("functions") };
  });
}

/** Returns the number of operations that lead to the logits: all but an activation at the end, which some losses include. */
export function logitOperations({ operations }: Pick<Graph, "operations">): number {
  return operations.length - (operations.at(-1)!.kind === "activation" ? 1 : 0);
}
