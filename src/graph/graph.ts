import type { Cost, Operation, OperationDescription, Shape, TensorName } from "./operations.ts";
import { sizeOf, traitsOf } from "./operations.ts";

/** The latent's name among the values of a graph. */
export const LATENT = "z";

/** Operations in topological order, which lead from the latent to the last one's value. */
export interface Graph<O extends OperationDescription = OperationDescription> {
  /** The latent has one axis of this length. */
  readonly latentSize: number;
  /** At least one. */
  readonly operations: readonly O[];
}

/** An operation and what it reads: value 0 is the latent, value i + 1 what operation i makes. */
export interface Step<O extends OperationDescription = OperationDescription> {
  readonly operation: O;
  readonly inputs: readonly number[];
  readonly inputShapes: readonly Shape[];
}

/** The operations with their inputs looked up. */
export function stepsOf<O extends OperationDescription>({ latentSize, operations }: Graph<O>): Step<O>[] {
  const numbers = new Map<string, number>([[LATENT, 0]]);
  const shapes: Shape[] = [[latentSize]];
  return operations.map((operation) => {
    const inputs = operation.inputs.map((name) => numbers.get(name)!);
    numbers.set(operation.name, shapes.push(operation.shape) - 1);
    return { operation, inputs, inputShapes: inputs.map((input) => shapes[input]!) };
  });
}

/** A tensor of a graph's parameters. */
export interface Parameter {
  /** The operation's number, and the tensor's name. */
  readonly operation: number;
  readonly tensor: TensorName;
  readonly shape: Shape;
  /** See `Tensor.bound`. */
  readonly bound: number;
  /** Where it begins in the flat block of all parameters. */
  readonly offset: number;
  readonly size: number;
}

/** The parameters in the order in which they lie in one flat block: those of each operation in turn. */
export function parametersOf(graph: Graph): Parameter[] {
  let offset = 0;
  return stepsOf(graph).flatMap(({ operation, inputShapes }, index) =>
    traitsOf(operation)
      .tensors(operation, inputShapes)
      .map(({ name: tensor, shape, bound }) => {
        const size = sizeOf(shape);
        offset += size;
        return { operation: index, tensor, shape, bound, size, offset: offset - size };
      }),
  );
}

/** How many parameters there are. */
export function countParameters(graph: Graph): number {
  return parametersOf(graph).reduce((sum, { size }) => sum + size, 0);
}

/** The operations with views into `parameters`. */
export function withTensors(graph: Graph, parameters: Float32Array): Operation[] {
  const tensors = graph.operations.map((): Record<string, Float32Array> => ({}));
  for (const { operation, tensor, offset, size } of parametersOf(graph)) {
    tensors[operation]![tensor] = parameters.subarray(offset, offset + size);
  }
  // What the table of tensors promises of each kind is what its interface has.
  return graph.operations.map((operation, i) => ({ ...operation, ...tensors[i] }) as Operation);
}

/** The operations without tensors. */
export function withoutTensors(operations: readonly Operation[]): OperationDescription[] {
  return operations.map((operation) => {
    const { weight, bias, ...description } = operation as Operation<"dense">;
    return description as OperationDescription;
  });
}

/** What a forward pass of one sample takes. */
export function costOf(graph: Graph): Cost {
  const costs = stepsOf(graph).map(({ operation, inputShapes }) =>
    traitsOf(operation).cost(operation, inputShapes),
  );
  const sum = (of: keyof Cost) => costs.reduce((total, cost) => total + cost[of], 0);
  return { multiplications: sum("multiplications"), sums: sum("sums"), functions: sum("functions") };
}

/**
 * How many operations lead to the logits. An activation at the end is the output activation: some losses have it in
 * themselves.
 */
export function logitOperations({ operations }: Graph): number {
  return operations.length - (operations.at(-1)!.kind === "activation" ? 1 : 0);
}
