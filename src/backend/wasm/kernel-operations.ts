import type { Activation } from "../../graph/activation.ts";
import { type LinearMap, transposed } from "../../graph/linear-map.ts";
import type { Operation } from "../../graph/operations.ts";
import { type PointwiseFunction, pointwiseParameters } from "../../graph/pointwise.ts";
import {
  ACTIVATION_CODES,
  ActivationOperation,
  ActivationRows,
  AffineOperation,
  ConstantOperation,
  ConvolutionOperation,
  DenseOperation,
  EmbeddingOperation,
  ExtremumOperation,
  FixedOperation,
  ForkOperation,
  KERNEL_CODES,
  MapOperation,
  MatmulOperation,
  NormOperation,
  NormRows,
  Operation as OperationStruct,
  ProductOperation,
  paddedSize,
  SelectionOperation,
  SoftmaxOperation,
  SoftmaxRows,
} from "../../kernels/layout.ts";
import {
  allocatePixelTaps,
  type ConvolutionGeometry,
  columnsOf,
  fillPixelTaps,
  type PixelTapsPlace,
} from "./pixel-sets.ts";
import { allocateMatrix, fillMatrix, type MatrixPlace } from "./sparse-matrix.ts";

/** What the kernels do, by its kind: settings of the structs of assembly/memory/graph.ts. */
interface KernelKinds {
  readonly dense: { readonly inputSize: number; readonly outputSize: number };
  readonly activation: { readonly activation: Activation | PointwiseFunction; readonly size: number };
  readonly convolution: { readonly geometry: ConvolutionGeometry };
  readonly fork: {
    readonly size: number;
    readonly branches: readonly { readonly value: number; readonly isCopy: boolean }[];
  };
  readonly map: { readonly map: LinearMap; readonly accumulates: boolean };
  readonly product: { readonly other: number; readonly size: number };
  readonly extremum: { readonly other: number; readonly size: number; readonly isMinimum: boolean };
  readonly selection: { readonly other: number; readonly otherwise: number; readonly size: number };
  readonly norm: {
    readonly sets: number;
    readonly beside: number;
    readonly setStride: number;
    readonly runs: number;
    readonly runStride: number;
    readonly width: number;
    readonly hasMean: boolean;
    readonly epsilon: number;
    readonly parameterSize: number;
  };
  readonly affine: { readonly pixels: number; readonly channels: number };
  readonly softmax: { readonly pixels: number; readonly channels: number };
  readonly matmul: {
    readonly other: number;
    readonly count: number;
    readonly rows: number;
    readonly inner: number;
    readonly columns: number;
    readonly isTransposed: boolean;
  };
  readonly constant: { readonly size: number };
  readonly embedding: { readonly count: number; readonly classes: number; readonly units: number };
  readonly fixed: { readonly size: number; readonly offset: number };
}

type KernelKind = keyof KernelKinds;

/** An operation of the kernels, of any kind or of the kind `Kind`. */
export type KernelOperation<Kind extends KernelKind = KernelKind> = {
  [K in Kind]: {
    readonly kind: K;
    /** Values, by their numbers. The same twice where it works in place. */
    readonly input: number;
    readonly output: number;
    /** The decoder's operation whose parameters it has. */
    readonly source?: Operation;
  } & KernelKinds[K];
}[Kind];

type Pieces = (bytes: number) => number;

/** Room for what an operation keeps of each row. */
export interface RowRoom {
  /** Rows of its value. */
  rows(): number;
  /** The same; 0 where a call takes no tangents. */
  tangentRows(): number;
  /** So many numbers a row. */
  numbers(count: number): number;
}

/** What operations of a kind keep of each row for their backward pass: a struct, and memory for rows of their value. */
interface Keeping<Kind extends KernelKind> {
  readonly struct: { readonly size: number };
  /** Takes memory; returns the fields that point to it. */
  allocate(operation: KernelOperation<Kind>, room: RowRoom): Record<string, number>;
  fill(memory: DataView, pointer: number, fields: Record<string, number>): void;
}

/** Pointers to memory that an operation's struct points to, and to what lies deeper. */
interface Place {
  readonly fields: Readonly<Record<string, number>>;
  readonly deeper?: readonly unknown[];
}

/** How operations of a kind lie in memory. */
interface Kernel<Kind extends KernelKind> {
  readonly struct: { readonly size: number };
  /** Takes memory for packed parameters, and whatever else the struct points to; returns where it is. */
  allocate(operation: KernelOperation<Kind>, piece: Pieces): Place;
  /** Fills in the fields of the struct beyond those of all operations, and what it points to but for parameters. */
  fill(memory: DataView, pointer: number, operation: KernelOperation<Kind>, place: Place): void;
  readonly kept?: Keeping<Kind>;
}

const nothing = (): Place => ({ fields: {} });

const KERNELS: { readonly [Kind in KernelKind]: Kernel<Kind> } = {
  dense: {
    struct: DenseOperation,
    allocate: ({ inputSize, outputSize }, piece) => ({
      fields: {
        panels: piece(4 * paddedSize(outputSize) * inputSize),
        transposedPanels: piece(4 * paddedSize(inputSize) * outputSize),
        bias: piece(4 * paddedSize(outputSize)),
      },
    }),
    fill(memory, pointer, { inputSize, outputSize }, { fields }) {
      DenseOperation.set(memory, pointer, { inputSize, outputSize, ...fields });
    },
  },
  activation: {
    struct: ActivationOperation,
    allocate: nothing,
    fill(memory, pointer, { activation, size }) {
      const [parameter = 0, otherParameter = 0] = parametersOf(activation);
      ActivationOperation.set(memory, pointer, {
        ...{ size, activation: ACTIVATION_CODES[activation.name], parameter, otherParameter },
      });
    },
    kept: {
      struct: ActivationRows,
      allocate: (_, { rows, tangentRows }) => ({
        slopes: rows(),
        curvatures: tangentRows(),
        outputGradients: tangentRows(),
        bends: tangentRows(),
      }),
      fill: (memory, pointer, fields) => ActivationRows.set(memory, pointer, fields),
    },
  },
  // Convolutions and transposed ones are products over taps; the backward pass of one is the forward pass of the other.
  convolution: {
    struct: ConvolutionOperation,
    allocate({ geometry }, piece) {
      const { groups, input, output, taps, forward, backward } = geometry;
      const matrices = groups * taps;
      return {
        fields: {
          panels: piece(4 * matrices * paddedSize(output.channels) * input.channels),
          transposedPanels: piece(4 * matrices * paddedSize(input.channels) * output.channels),
          bias: piece(4 * groups * paddedSize(output.channels)),
          ...columnPanels(geometry, piece),
        },
        deeper: [allocatePixelTaps(forward, piece), allocatePixelTaps(backward, piece)],
      };
    },
    fill(memory, pointer, { geometry }, { fields, deeper }) {
      const { groups, input, output, taps, forward, backward, isTransposed } = geometry;
      const [forwards, backwards] = deeper as [PixelTapsPlace, PixelTapsPlace];
      fillPixelTaps(memory, forwards, forward, input, output);
      fillPixelTaps(memory, backwards, backward, output, input);
      ConvolutionOperation.set(memory, pointer, {
        ...{ ...fields, groups, taps, outputPixels: output.pixels },
        ...{ inputChannels: input.channels, outputChannels: output.channels, inputPixels: input.pixels },
        isTransposed: isTransposed ? 1 : 0,
        ...{ forward: forwards.pointer, backward: backwards.pointer },
      });
    },
  },
  fork: {
    struct: ForkOperation,
    allocate: ({ branches }, piece) => ({
      fields: { branches: piece(4 * branches.length), areCopies: piece(4 * branches.length) },
    }),
    fill(memory, pointer, { size, branches }, { fields }) {
      branches.forEach(({ value, isCopy }, i) => {
        memory.setInt32(fields.branches! + 4 * i, value, true);
        memory.setInt32(fields.areCopies! + 4 * i, isCopy ? 1 : 0, true);
      });
      ForkOperation.set(memory, pointer, { size, branchCount: branches.length, ...fields });
    },
  },
  map: {
    struct: MapOperation,
    allocate({ map }, piece) {
      const back = transposed(map);
      const forwards = allocateMatrix(map, piece);
      const backwards = allocateMatrix(back, piece);
      return {
        fields: { forward: forwards.pointer, backward: backwards.pointer },
        deeper: [back, forwards, backwards],
      };
    },
    fill(memory, pointer, { map, accumulates }, { fields, deeper }) {
      const [back, forwards, backwards] = deeper as [LinearMap, MatrixPlace, MatrixPlace];
      fillMatrix(memory, forwards, map);
      fillMatrix(memory, backwards, back);
      MapOperation.set(memory, pointer, { accumulates: accumulates ? 1 : 0, ...fields });
    },
  },
  product: {
    struct: ProductOperation,
    allocate: nothing,
    fill: (memory, pointer, { other, size }) => ProductOperation.set(memory, pointer, { other, size }),
  },
  extremum: {
    struct: ExtremumOperation,
    allocate: nothing,
    fill: (memory, pointer, { other, size, isMinimum }) =>
      ExtremumOperation.set(memory, pointer, { other, size, isMinimum: isMinimum ? 1 : 0 }),
  },
  selection: {
    struct: SelectionOperation,
    allocate: nothing,
    fill: (memory, pointer, { other, otherwise, size }) =>
      SelectionOperation.set(memory, pointer, { other, otherwise, size }),
  },
  norm: {
    struct: NormOperation,
    allocate: ({ parameterSize, hasMean }, piece) => ({
      fields: {
        weight: piece(4 * paddedSize(parameterSize)),
        bias: hasMean ? piece(4 * paddedSize(parameterSize)) : 0,
      },
    }),
    fill(memory, pointer, operation, { fields }) {
      const { sets, beside, setStride, runs, runStride, width, epsilon, parameterSize } = operation;
      NormOperation.set(memory, pointer, {
        ...{ sets, beside, setStride, runs, runStride, width, epsilon, parameterSize },
        hasMean: operation.hasMean ? 1 : 0,
        ...fields,
      });
    },
    kept: {
      struct: NormRows,
      allocate: ({ sets }, { rows, tangentRows, numbers }) => ({
        units: rows(),
        scales: numbers(sets),
        unitTangents: tangentRows(),
      }),
      fill: (memory, pointer, fields) => NormRows.set(memory, pointer, fields),
    },
  },
  affine: {
    struct: AffineOperation,
    allocate: ({ channels }, piece) => ({
      fields: { weight: piece(4 * paddedSize(channels)), bias: piece(4 * paddedSize(channels)) },
    }),
    fill(memory, pointer, { pixels, channels }, { fields }) {
      AffineOperation.set(memory, pointer, { pixels, channels, ...fields });
    },
  },
  softmax: {
    struct: SoftmaxOperation,
    allocate: nothing,
    fill(memory, pointer, { pixels, channels }) {
      SoftmaxOperation.set(memory, pointer, { pixels, channels });
    },
    kept: {
      struct: SoftmaxRows,
      allocate: (_, { rows, tangentRows }) => ({ outputs: rows(), outputTangents: tangentRows() }),
      fill: (memory, pointer, fields) => SoftmaxRows.set(memory, pointer, fields),
    },
  },
  matmul: {
    struct: MatmulOperation,
    allocate: nothing,
    fill(memory, pointer, { other, count, rows, inner, columns, isTransposed }) {
      MatmulOperation.set(memory, pointer, {
        ...{ other, count, rows, inner, columns, isTransposed: isTransposed ? 1 : 0 },
      });
    },
  },
  constant: {
    struct: ConstantOperation,
    allocate: ({ size }, piece) => ({ fields: { weight: piece(4 * paddedSize(size)) } }),
    fill: (memory, pointer, { size }, { fields }) =>
      ConstantOperation.set(memory, pointer, { size, ...fields }),
  },
  embedding: {
    struct: EmbeddingOperation,
    allocate: ({ classes, units }, piece) => ({ fields: { table: piece(4 * classes * units) } }),
    fill(memory, pointer, { count, classes, units }, { fields }) {
      EmbeddingOperation.set(memory, pointer, { count, classes, units, ...fields });
    },
  },
  fixed: {
    struct: FixedOperation,
    allocate: nothing,
    fill: (memory, pointer, { size, offset }) =>
      FixedOperation.set(memory, pointer, { size, offset: 4 * offset }),
  },
};

function kernelOf(operation: KernelOperation): Kernel<KernelKind> {
  return KERNELS[operation.kind] as unknown as Kernel<KernelKind>;
}

/** What an operation keeps for its backward pass. */
export function keptBy(operation: KernelOperation): Keeping<KernelKind> | undefined {
  return kernelOf(operation).kept;
}

/** Takes memory for an operation. */
export function allocateOperation(
  operation: KernelOperation,
  piece: Pieces,
): { readonly pointer: number; readonly place: Place } {
  const kernel = kernelOf(operation);
  return { pointer: piece(kernel.struct.size), place: kernel.allocate(operation, piece) };
}

/** Fills it in. */
export function fillOperation(
  memory: DataView,
  operation: KernelOperation,
  { pointer, place }: ReturnType<typeof allocateOperation>,
): void {
  const { kind, input, output } = operation;
  OperationStruct.set(memory, pointer, { kind: KERNEL_CODES[kind] satisfies number, input, output });
  kernelOf(operation).fill(memory, pointer, operation, place);
}

/** Memory for the matrices of `columnsOf`; 0 for those that there are none of. */
function columnPanels(
  { groups, input, output, taps, forward, backward }: ConvolutionGeometry,
  piece: Pieces,
): { readonly forwardColumns: number; readonly backwardColumns: number } {
  const forwards = columnsOf(forward, taps, input, output);
  const backwards = columnsOf(backward, taps, output, input);
  return {
    forwardColumns: forwards && piece(4 * groups * forwards * input.channels),
    backwardColumns: backwards && piece(4 * groups * backwards * output.channels),
  };
}

/** The numbers that the kernels know an activation by, beside its kind. */
const PARAMETERS: {
  readonly [Name in Activation["name"]]: (activation: ActivationOf<Name>) => readonly number[];
} = {
  identity: () => [],
  elu: ({ alpha }) => [alpha],
  relu: () => [],
  leakyRelu: ({ slope }) => [slope],
  tanh: () => [],
  sigmoid: () => [],
  silu: () => [],
  gelu: () => [],
  softplus: () => [],
  sine: ({ frequency }) => [frequency],
};

type ActivationOf<Name> = Extract<Activation, { readonly name: Name }>;

function parametersOf(activation: Activation | PointwiseFunction): readonly number[] {
  if (!(activation.name in PARAMETERS)) return pointwiseParameters(activation as PointwiseFunction);
  const of = PARAMETERS[activation.name as Activation["name"]] as (
    activation: Activation,
  ) => readonly number[];
  return of(activation as Activation);
}
