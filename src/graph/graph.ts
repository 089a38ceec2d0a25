import type { GraphDefinition } from "./definition.ts";
import { type Cost, type Initial, type Shape, sizeOf, type TensorName } from "./kind.ts";
import { kindOf, type Operation, type OperationDescription } from "./operations.ts";

/** The latent's name among the values of a graph. */
export const LATENT = "z";

/** Operations in topological order, which lead from the latent to the last one's value. */
export interface Graph<O extends OperationDescription = OperationDescription> {
  /** The latent has one axis of this length. */
  readonly latentSize: number;
  /** Inputs beside the latent, given with each sample. */
  readonly fixedInputs: readonly FixedInput[];
  /** At least one. */
  readonly operations: readonly O[];
  /** The graph as JSON. */
  readonly definition: GraphDefinition;
  /**
   * Returns the graph for a number of points; undefined unless the graph is over points, and then itself for one
   * point. `where`: caller, for messages.
   */
  readonly atPoints?: (points: number, where?: string) => Graph;
}

/** Parts of a graph that name its values. */
export type Values<O extends OperationDescription = OperationDescription> = Pick<
  Graph<O>,
  "latentSize" | "fixedInputs" | "operations"
>;

/** An input beside the latent, given with each sample. */
export interface FixedInput {
  readonly name: string;
  /** Shape of one sample's values. */
  readonly shape: Shape;
  /** True if one of its axes is that of points. */
  readonly hasPoints: boolean;
  /** Number of classes: the values are integers from 0 to classes - 1. Undefined: any numbers. */
  readonly classes?: number;
}

/**
 * An operation and what it reads: value 0 is the latent, then come the fixed inputs, then what each operation makes.
 */
export interface Step<O extends OperationDescription = OperationDescription> {
  readonly operation: O;
  readonly inputs: readonly number[];
  readonly inputShapes: readonly Shape[];
}

/** Looks up the inputs of all operations. */
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

/** A tensor of a graph's parameters. */
export interface Parameter {
  /** Index of the operation, and name of the tensor. */
  readonly operation: number;
  readonly tensor: TensorName;
  readonly shape: Shape;
  readonly initial: Initial;
  readonly isFlat: boolean;
  /** Offset in the flat block of all parameters. */
  readonly offset: number;
  readonly size: number;
}

/** Lists the parameters in the order of their flat block: those of each operation in turn. */
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

/** Counts the parameters of a graph. */
export function countParameters(graph: Values): number {
  return parametersOf(graph).reduce((sum, { size }) => sum + size, 0);
}

/** Adds tensors to the operations: views into `parameters`. */
export function withTensors(graph: Values, parameters: Float32Array): Operation[] {
  const tensors = graph.operations.map((): Record<string, Float32Array> => ({}));
  for (const { operation, tensor, offset, size } of parametersOf(graph)) {
    tensors[operation]![tensor] = parameters.subarray(offset, offset + size);
  }
  // Each kind lists the tensors that its Fields have.
  return graph.operations.map((operation, i) => ({ ...operation, ...tensors[i] }) as Operation);
}

/** Removes the tensors from operations. */
export function withoutTensors(operations: readonly Operation[]): OperationDescription[] {
  return operations.map((operation) => {
    const { weight, bias, ...description } = operation as Operation<"dense">;
    return description as OperationDescription;
  });
}

/** Cache of costs: every call needs them, and for a small decoder they take as long as a pass. */
const costs = new WeakMap<Values, Cost>();

/** Returns the cost of a forward pass of one sample. */
export function costOf(graph: Values): Cost {
  const known = costs.get(graph);
  if (known) return known;
  const each = stepsOf(graph).map(({ operation, inputShapes }) =>
    kindOf(operation).cost(operation, inputShapes),
  );
  const sum = (of: keyof Cost) => each.reduce((total, cost) => total + cost[of], 0);
  const cost = { multiplications: sum("multiplications"), sums: sum("sums"), functions: sum("functions") };
  costs.set(graph, cost);
  return cost;
}

/** Counts the operations that lead to the logits: all but an activation at the end, which some losses include. */
export function logitOperations({ operations }: Pick<Graph, "operations">): number {
  return operations.length - (operations.at(-1)!.kind === "activation" ? 1 : 0);
}
