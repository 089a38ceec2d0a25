import type { Decoder } from "../../decoder/decoder.ts";
import type { Activation } from "../../graph/activation.ts";
import { logitOperations, stepsOf } from "../../graph/graph.ts";
import { type Operation, type OperationKind, type Shape, sizeOf } from "../../graph/operations.ts";
import type { Arena } from "./arena.ts";
import {
  ACTIVATION_CODES,
  ActivationOperation,
  ActivationRows,
  DenseOperation,
  Graph,
  OPERATION_CODES,
  Operation as OperationStruct,
  paddedSize,
} from "./layout.ts";

/** What the kernels do for an operation. Values are those that have rows: the latent is value 0. */
export interface LoweredOperation {
  readonly operation: Operation;
  readonly inputShapes: readonly Shape[];
  readonly input: number;
  /** The same as `input` where it works in place. */
  readonly output: number;
}

/** A decoder as the kernels see it: operations that only give a value another shape are gone. */
export interface LoweredGraph {
  readonly operations: readonly LoweredOperation[];
  /** How many numbers each value has. */
  readonly sizes: readonly number[];
  /** Which value is D(z), and its logits. */
  readonly output: number;
  /** How many of the operations lead to the logits. */
  readonly logitOperations: number;
}

type Pieces = (bytes: number) => number;

/** What operations of a kind keep of each row for their backward pass: a struct, and memory for rows of their value. */
interface Keeping {
  readonly struct: { readonly size: number };
  /** Takes memory; returns the fields that point to it. `tangentRows` gives 0 where a call takes no tangents. */
  allocate(rows: () => number, tangentRows: () => number): Record<string, number>;
  fill(memory: DataView, pointer: number, fields: Record<string, number>): void;
}

/** How the kernels take operations of a kind. */
interface Lowering<Kind extends OperationKind> {
  /** Where its value is: in rows of its own, written over what it reads, or what it reads as it is. */
  place(operation: Operation<Kind>): "own" | "inPlace" | "same";
  readonly struct: { readonly size: number };
  /** Takes memory for packed parameters; returns the fields that point to it. */
  tensors(operation: Operation<Kind>, inputs: readonly Shape[], piece: Pieces): Record<string, number>;
  /** Fills in the fields of the struct beyond those of all operations. */
  fill(
    memory: DataView,
    pointer: number,
    operation: Operation<Kind>,
    inputs: readonly Shape[],
    fields: Record<string, number>,
  ): void;
  readonly kept: Keeping | undefined;
}

const LOWERINGS: { readonly [Kind in OperationKind]: Lowering<Kind> } = {
  dense: {
    place: () => "own",
    struct: DenseOperation,
    tensors({ shape }, [input], piece) {
      const [inputSize, outputSize] = [sizeOf(input!), sizeOf(shape)];
      return {
        panels: piece(4 * paddedSize(outputSize) * inputSize),
        transposedPanels: piece(4 * paddedSize(inputSize) * outputSize),
        bias: piece(4 * paddedSize(outputSize)),
      };
    },
    fill(memory, pointer, { shape }, [input], fields) {
      const sizes = { inputSize: sizeOf(input!), outputSize: sizeOf(shape) };
      DenseOperation.set(memory, pointer, { ...sizes, ...fields });
    },
    kept: undefined,
  },
  activation: {
    place: ({ activation }) => (activation.name === "identity" ? "same" : "inPlace"),
    struct: ActivationOperation,
    tensors: () => ({}),
    fill(memory, pointer, { activation, shape }) {
      ActivationOperation.set(memory, pointer, {
        size: sizeOf(shape),
        activation: ACTIVATION_CODES[activation.name],
        parameter: parameterOf(activation),
      });
    },
    kept: {
      struct: ActivationRows,
      allocate: (rows, tangentRows) => ({
        slopes: rows(),
        curvatures: tangentRows(),
        outputGradients: tangentRows(),
        bends: tangentRows(),
      }),
      fill: (memory, pointer, fields) => ActivationRows.set(memory, pointer, fields),
    },
  },
  reshape: {
    place: () => "same",
    struct: { size: 0 },
    tensors: () => ({}),
    fill() {},
    kept: undefined,
  },
};

function loweringOf(operation: Operation): Lowering<OperationKind> {
  return LOWERINGS[operation.kind] as Lowering<OperationKind>;
}

/** What an operation keeps for its backward pass. */
export function keptBy({ operation }: LoweredOperation): Keeping | undefined {
  return loweringOf(operation).kept;
}

export function lowerGraph(decoder: Decoder): LoweredGraph {
  const sizes = [decoder.latentSize];
  /** The value with rows that each value of the decoder is in. */
  const values = [0];
  const beforeLogits = logitOperations(decoder);
  let toLogits = 0;
  const operations = stepsOf(decoder).flatMap(({ operation, inputs, inputShapes }, i): LoweredOperation[] => {
    const input = values[inputs[0]!]!;
    const place = loweringOf(operation).place(operation);
    const output = place === "own" ? sizes.push(sizeOf(operation.shape)) - 1 : input;
    values.push(output);
    if (place === "same") return [];
    if (i < beforeLogits) toLogits++;
    return [{ operation, inputShapes, input, output }];
  });
  return { operations, sizes, output: values.at(-1)!, logitOperations: toLogits };
}

/** Takes memory for a graph with its packed parameters and fills in the structs; the panels are the kernels' to fill. */
export function writeGraph(arena: Arena, decoder: Decoder, lowered: LoweredGraph): number {
  const { operations, sizes, output } = lowered;
  const { layout } = arena.allocate((piece) => ({
    graph: piece(Graph.size),
    pointers: piece(4 * operations.length),
    zeros: piece(4 * paddedSize(Math.max(...sizes))),
    operations: operations.map(({ operation, inputShapes }) => ({
      pointer: piece(loweringOf(operation).struct.size),
      tensors: loweringOf(operation).tensors(operation, inputShapes, piece),
    })),
  }));
  const view = arena.view();
  Graph.set(view, layout.graph, {
    ...{ operationCount: operations.length, operations: layout.pointers, zeros: layout.zeros, output },
    ...{ latentSize: decoder.latentSize, outputSize: decoder.outputSize },
    logitOperations: lowered.logitOperations,
  });
  operations.forEach(({ operation, inputShapes, ...ends }, i) => {
    const { pointer, tensors } = layout.operations[i]!;
    view.setUint32(layout.pointers + 4 * i, pointer, true);
    OperationStruct.set(view, pointer, { kind: OPERATION_CODES[operation.kind], ...ends });
    loweringOf(operation).fill(view, pointer, operation, inputShapes, tensors);
  });
  return layout.graph;
}

/** The number that the kernels know an activation by, beside its kind: 0 where it has none. */
const PARAMETERS: { readonly [Name in Activation["name"]]: (activation: ActivationOf<Name>) => number } = {
  identity: () => 0,
  elu: ({ alpha }) => alpha,
  relu: () => 0,
  leakyRelu: ({ slope }) => slope,
  tanh: () => 0,
  sigmoid: () => 0,
  silu: () => 0,
  gelu: () => 0,
  softplus: () => 0,
  sine: ({ frequency }) => frequency,
};

type ActivationOf<Name> = Extract<Activation, { readonly name: Name }>;

function parameterOf(activation: Activation): number {
  const of = PARAMETERS[activation.name] as (activation: Activation) => number;
  return of(activation);
}
