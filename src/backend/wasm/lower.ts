import type { Decoder } from "../../decoder/decoder.ts";
import type { Activation } from "../../graph/activation.ts";
import { logitOperations, stepsOf } from "../../graph/graph.ts";
import { type Operation, type OperationKind, type Shape, sizeOf } from "../../graph/operations.ts";
import type { Arena } from "./arena.ts";
import {
  ACTIVATION_CODES,
  ActivationOperation,
  ActivationRows,
  ConvolutionOperation,
  DenseOperation,
  Graph,
  OPERATION_CODES,
  Operation as OperationStruct,
  PIXELS_AT_ONCE,
  paddedSize,
} from "./layout.ts";
import {
  allocatePixelTaps,
  type Convolution,
  type ConvolutionGeometry,
  columnsOf,
  fillPixelTaps,
  geometryOf,
  type PixelTapsPlace,
} from "./pixel-sets.ts";

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

/** Pointers to memory that an operation's struct points to, and to what lies deeper. */
interface Place {
  readonly fields: Readonly<Record<string, number>>;
  readonly taps?: { readonly forward: PixelTapsPlace; readonly backward: PixelTapsPlace };
}

/** How the kernels take operations of a kind. */
interface Lowering<Kind extends OperationKind> {
  /** Where its value is: in rows of its own, written over what it reads, or what it reads as it is. */
  place(operation: Operation<Kind>): "own" | "inPlace" | "same";
  readonly struct: { readonly size: number };
  /** Takes memory for packed parameters, and whatever else the struct points to; returns where it is. */
  tensors(operation: Operation<Kind>, inputs: readonly Shape[], piece: Pieces): Place;
  /** Fills in the fields of the struct beyond those of all operations. */
  fill(
    memory: DataView,
    pointer: number,
    operation: Operation<Kind>,
    inputs: readonly Shape[],
    place: Place,
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
        fields: {
          panels: piece(4 * paddedSize(outputSize) * inputSize),
          transposedPanels: piece(4 * paddedSize(inputSize) * outputSize),
          bias: piece(4 * paddedSize(outputSize)),
        },
      };
    },
    fill(memory, pointer, { shape }, [input], { fields }) {
      const sizes = { inputSize: sizeOf(input!), outputSize: sizeOf(shape) };
      DenseOperation.set(memory, pointer, { ...sizes, ...fields });
    },
    kept: undefined,
  },
  activation: {
    place: ({ activation }) => (activation.name === "identity" ? "same" : "inPlace"),
    struct: ActivationOperation,
    tensors: () => ({ fields: {} }),
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
  conv: convolution(),
  convTranspose: convolution(),
  reshape: {
    place: () => "same",
    struct: { size: 0 },
    tensors: () => ({ fields: {} }),
    fill() {},
    kept: undefined,
  },
};

/** Both are products over taps; the backward pass of one is the forward pass of the other. */
function convolution(): Lowering<"conv" | "convTranspose"> {
  return {
    place: () => "own",
    struct: ConvolutionOperation,
    tensors(operation: Convolution, [inputShape], piece) {
      const { input, output, taps, forward, backward } = geometryOf(operation, inputShape!);
      const matrices = operation.groups * taps;
      return {
        fields: {
          panels: piece(4 * matrices * paddedSize(output.channels) * input.channels),
          transposedPanels: piece(4 * matrices * paddedSize(input.channels) * output.channels),
          bias: piece(4 * operation.groups * paddedSize(output.channels)),
          ...columnPanels(operation, { input, output, taps, forward, backward }, piece),
        },
        taps: { forward: allocatePixelTaps(forward, piece), backward: allocatePixelTaps(backward, piece) },
      };
    },
    fill(memory, pointer, operation: Convolution, [inputShape], { fields, taps: places }) {
      const { input, output, taps, forward, backward } = geometryOf(operation, inputShape!);
      fillPixelTaps(memory, places!.forward, forward, input, output);
      fillPixelTaps(memory, places!.backward, backward, output, input);
      ConvolutionOperation.set(memory, pointer, {
        ...{ ...fields, groups: operation.groups, taps, outputPixels: output.pixels },
        ...{ inputChannels: input.channels, outputChannels: output.channels, inputPixels: input.pixels },
        isTransposed: operation.kind === "convTranspose" ? 1 : 0,
        ...{ forward: places!.forward.pointer, backward: places!.backward.pointer },
      });
    },
    kept: undefined,
  };
}

/** Memory for the matrices of `columnsOf`; 0 for those that there are none of. */
function columnPanels(
  { groups }: Convolution,
  { input, output, taps, forward, backward }: ConvolutionGeometry,
  piece: Pieces,
): { readonly forwardColumns: number; readonly backwardColumns: number } {
  const forwards = columnsOf(forward, taps, input, output);
  const backwards = columnsOf(backward, taps, output, input);
  return {
    forwardColumns: forwards && piece(4 * groups * forwards * input.channels),
    backwardColumns: backwards && piece(4 * groups * backwards * output.channels),
  };
}

/** The most room that the columns of one sample take, in floats, and how many columns there are at most. */
function mostColumns(convolutions: readonly ConvolutionGeometry[]): {
  readonly numbers: number;
  readonly columns: number;
} {
  const all = convolutions.flatMap(({ input, output, taps, forward, backward }) => [
    { pixels: input.pixels, columns: columnsOf(forward, taps, input, output) },
    { pixels: output.pixels, columns: columnsOf(backward, taps, output, input) },
  ]);
  return {
    numbers: Math.max(0, ...all.map(({ pixels, columns }) => pixels * columns)),
    columns: Math.max(0, ...all.map(({ columns }) => columns)),
  };
}

/** The widest pixel of the convolutions, on either side, padded; 0 where there are none. */
function widestPixel(convolutions: readonly ConvolutionGeometry[]): number {
  return Math.max(
    0,
    ...convolutions.flatMap(({ input, output }) => [paddedSize(input.channels), paddedSize(output.channels)]),
  );
}

/** The convolutions of a graph. */
export function convolutionsOf({ operations }: LoweredGraph): ConvolutionGeometry[] {
  return operations.flatMap(({ operation, inputShapes }) =>
    operation.kind === "conv" || operation.kind === "convTranspose"
      ? [geometryOf(operation, inputShapes[0]!)]
      : [],
  );
}

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
  const convolutions = convolutionsOf(lowered);
  const pixelWidth = widestPixel(convolutions);
  const columns = mostColumns(convolutions);
  const pixels = pixelWidth > 0 ? PIXELS_AT_ONCE : 0;
  const { layout } = arena.allocate((piece) => ({
    graph: piece(Graph.size),
    pointers: piece(4 * operations.length),
    zeros: piece(4 * Math.max(paddedSize(Math.max(...sizes)), columns.columns)),
    scratch: {
      pixelSources: piece(4 * pixels),
      pixelDestinations: piece(4 * pixels),
      pixels: piece(4 * pixelWidth * pixels),
      pixelPlaces: piece(4 * pixels),
      // Four channels are read at once, also at the end.
      columns: piece(columns.numbers > 0 ? 4 * (columns.numbers + 4) : 0),
    },
    operations: operations.map(({ operation, inputShapes }) => ({
      pointer: piece(loweringOf(operation).struct.size),
      place: loweringOf(operation).tensors(operation, inputShapes, piece),
    })),
  }));
  const view = arena.view();
  Graph.set(view, layout.graph, {
    ...{ operationCount: operations.length, operations: layout.pointers, zeros: layout.zeros, output },
    ...{ latentSize: decoder.latentSize, outputSize: decoder.outputSize },
    ...{ logitOperations: lowered.logitOperations, ...layout.scratch },
  });
  operations.forEach(({ operation, inputShapes, ...ends }, i) => {
    const { pointer, place } = layout.operations[i]!;
    view.setUint32(layout.pointers + 4 * i, pointer, true);
    OperationStruct.set(view, pointer, { kind: OPERATION_CODES[operation.kind], ...ends });
    loweringOf(operation).fill(view, pointer, operation, inputShapes, place);
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
