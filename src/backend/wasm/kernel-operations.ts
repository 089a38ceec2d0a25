import { type Activation, activationParameters, isActivationName } from "../../graph/activation.ts";
import { type LinearMap, transposed } from "../../graph/linear-map.ts";
import type { Operation } from "../../graph/operations.ts";
import { type PointwiseFunction, pointwiseParameters } from "../../graph/pointwise.ts";
import * as layout from "../../kernels/layout.ts";
import { paddedSize } from "../../kernels/layout.ts";
import type { FieldType, Struct } from "../../kernels/struct.ts";
import { allocatePixelTaps, type ConvolutionGeometry } from "./pixel-sets.ts";
import { allocateMatrix } from "./sparse-matrix.ts";

/** Fields of a kernel's struct that are numbers known before allocation: all but `kind` and the pointers. */
type SettingsIn<S> =
  S extends Struct<infer Fields>
    ? {
        readonly [Name in keyof Fields as Fields[Name] extends "usize"
          ? never
          : Exclude<Name, "kind">]: number;
      }
    : never;

/**
 * Settings of the kernels' operations by kind: fields of their structs, which assembly/memory/graph.ts explains, or the objects
 * that the fields are computed from.
 */
interface KernelKinds {
  readonly dense: SettingsIn<typeof layout.DenseOperation>;
  readonly activation: { readonly activation: Activation | PointwiseFunction; readonly size: number };
  readonly convolution: { readonly geometry: ConvolutionGeometry };
  readonly fork: {
    readonly size: number;
    readonly branches: readonly { readonly value: number; readonly isCopy: boolean }[];
  };
  readonly map: { readonly map: LinearMap; readonly accumulates: number };
  readonly product: SettingsIn<typeof layout.ProductOperation>;
  readonly extremum: SettingsIn<typeof layout.ExtremumOperation>;
  readonly selection: SettingsIn<typeof layout.SelectionOperation>;
  readonly norm: SettingsIn<typeof layout.NormOperation>;
  readonly affine: SettingsIn<typeof layout.AffineOperation>;
  readonly softmax: SettingsIn<typeof layout.SoftmaxOperation>;
  readonly matmul: SettingsIn<typeof layout.MatmulOperation>;
  readonly constant: SettingsIn<typeof layout.ConstantOperation>;
  readonly embedding: SettingsIn<typeof layout.EmbeddingOperation>;
  readonly fixed: SettingsIn<typeof layout.FixedOperation>;
}

type KernelKind = keyof KernelKinds;

/** Operation as the WASM kernels compute it, of kind `Kind`; of any kind by default. */
export type KernelOperation<Kind extends KernelKind = KernelKind> = {
  [K in Kind]: {
    readonly kind: K;
    /** Index of the graph value that the operation reads. */
    readonly input: number;
    /** Index of the graph value that the operation writes; equal to `input` if it works in place. */
    readonly output: number;
    /**
     * Operation of the decoder that the kernel operation computes, with its parameters; may be absent if it has no
     * parameters.
     */
    readonly source?: Operation;
  } & KernelKinds[K];
}[Kind];

type Pieces = (bytes: number) => number;

/** Allocators of the memory that an operation needs for each row, between its forward and its backward pass. */
export interface RowRoom {
  /** Allocates rows as wide as the operation's output; returns the pointer. */
  rows(): number;
  /** Allocates rows as wide as the operation's output; returns 0 if the call takes no tangents. */
  tangentRows(): number;
  /** Allocates `count` floats per row; returns the pointer. */
  numbers(count: number): number;
}

/** Struct that kernel operations of one kind store for their backward pass, such as NormRows, and its allocation. */
interface Keeping<Kind extends KernelKind> {
  readonly struct: AnyStruct;
  /** Allocates the rows stored for the backward pass, and returns the struct's fields, which point to the rows. */
  allocate(operation: KernelOperation<Kind>, room: RowRoom): Record<string, number>;
}

type AnyStruct = Pick<Struct<Record<string, FieldType>>, "size" | "fill">;

/** Fields of an operation's struct that are known after allocation, and the function that writes the memory they point to. */
interface Place<Name extends PropertyKey = string> {
  readonly fields: { readonly [N in Name]: number };
  /** Fills the memory that the fields point to. Parameters, which are written elsewhere, are left as they are. */
  write?(memory: DataView): void;
}

/**
 * Memory layout of kernel operations of one kind, such as `dense`: the operation's struct, the allocation of the memory that
 * the struct points to, and of the rows stored from the forward pass for the backward pass.
 */
interface Kernel<Kind extends KernelKind> {
  readonly struct: AnyStruct;
  /** Allocates the memory that the operation's struct points to, including its packed parameters. */
  allocate(operation: KernelOperation<Kind>, piece: Pieces): Place;
  readonly kept?: Keeping<Kind>;
}

type NumericKeys<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

/**
 * Makes the memory layout of kernel operations of one kind. Every field of the struct must be a setting of the operation or
 * returned by `allocate`; a missing field is a compile error that names it.
 */
function kernel<Kind extends KernelKind, Fields extends Record<string, FieldType>>(
  struct: Struct<Fields>,
  allocate: (
    operation: KernelOperation<Kind>,
    piece: Pieces,
  ) => Place<Exclude<keyof Fields, NumericKeys<KernelOperation<Kind>> | "kind">>,
  kept?: Keeping<Kind>,
): Kernel<Kind> {
  return { struct, allocate, ...(kept && { kept }) };
}

const nothing = () => ({ fields: {} });

const KERNELS: { readonly [Kind in KernelKind]: Kernel<Kind> } = {
  dense: kernel(layout.DenseOperation, ({ inputSize, outputSize }, piece) => ({
    fields: {
      panels: piece(4 * paddedSize(outputSize) * inputSize),
      transposedPanels: piece(4 * paddedSize(inputSize) * outputSize),
      bias: piece(4 * paddedSize(outputSize)),
    },
  })),
  activation: kernel(
    layout.ActivationOperation,
    ({ activation }) => {
      const [parameter = 0, otherParameter = 0] = parametersOf(activation);
      return { fields: { activation: layout.FUNCTION_CODES[activation.name], parameter, otherParameter } };
    },
    {
      struct: layout.ActivationRows,
      allocate: (_, { rows, tangentRows }) => ({
        slopes: rows(),
        curvatures: tangentRows(),
        outputGradients: tangentRows(),
        bends: tangentRows(),
      }),
    },
  ),
  // Convolutions and transposed convolutions are products over taps; the backward pass of one is the forward pass of the other.
  convolution: kernel(layout.ConvolutionOperation, ({ geometry }, piece) => {
    const { groups, input, output, taps, isTransposed, forwardColumns, backwardColumns } = geometry;
    const matrices = groups * taps;
    const forward = allocatePixelTaps(geometry.forward, input, output, piece);
    const backward = allocatePixelTaps(geometry.backward, output, input, piece);
    return {
      fields: {
        groups,
        taps,
        inputPixels: input.pixels,
        outputPixels: output.pixels,
        inputChannels: input.channels,
        outputChannels: output.channels,
        isTransposed: Number(isTransposed),
        forward: forward.pointer,
        backward: backward.pointer,
        panels: piece(4 * matrices * paddedSize(output.channels) * input.channels),
        transposedPanels: piece(4 * matrices * paddedSize(input.channels) * output.channels),
        bias: piece(4 * groups * paddedSize(output.channels)),
        forwardColumns: forwardColumns && piece(4 * groups * forwardColumns * input.channels),
        backwardColumns: backwardColumns && piece(4 * groups * backwardColumns * output.channels),
      },
      write(memory) {
        forward.write(memory);
        backward.write(memory);
      },
    };
  }),
  fork: kernel(layout.ForkOperation, ({ branches }, piece) => {
    const fields = {
      branchCount: branches.length,
      branches: piece(4 * branches.length),
      areCopies: piece(4 * branches.length),
    };
    return {
      fields,
      write(memory) {
        branches.forEach(({ value, isCopy }, i) => {
          memory.setInt32(fields.branches + 4 * i, value, true);
          memory.setInt32(fields.areCopies + 4 * i, isCopy ? 1 : 0, true);
        });
      },
    };
  }),
  map: kernel(layout.MapOperation, ({ map }, piece) => {
    const forward = allocateMatrix(map, piece);
    const backward = allocateMatrix(transposed(map), piece);
    return {
      fields: { forward: forward.pointer, backward: backward.pointer },
      write(memory) {
        forward.write(memory);
        backward.write(memory);
      },
    };
  }),
  product: kernel(layout.ProductOperation, nothing),
  extremum: kernel(layout.ExtremumOperation, nothing),
  selection: kernel(layout.SelectionOperation, nothing),
  norm: kernel(
    layout.NormOperation,
    ({ parameterSize, hasMean }, piece) => ({
      fields: {
        weight: piece(4 * paddedSize(parameterSize)),
        bias: hasMean ? piece(4 * paddedSize(parameterSize)) : 0,
      },
    }),
    {
      struct: layout.NormRows,
      allocate: ({ sets }, { rows, tangentRows, numbers }) => ({
        units: rows(),
        scales: numbers(sets),
        unitTangents: tangentRows(),
      }),
    },
  ),
  affine: kernel(layout.AffineOperation, ({ channels }, piece) => ({
    fields: { weight: piece(4 * paddedSize(channels)), bias: piece(4 * paddedSize(channels)) },
  })),
  softmax: kernel(layout.SoftmaxOperation, nothing, {
    struct: layout.SoftmaxRows,
    allocate: (_, { rows, tangentRows }) => ({ outputs: rows(), outputTangents: tangentRows() }),
  }),
  matmul: kernel(layout.MatmulOperation, nothing),
  constant: kernel(layout.ConstantOperation, ({ size }, piece) => ({
    fields: { weight: piece(4 * paddedSize(size)) },
  })),
  embedding: kernel(layout.EmbeddingOperation, ({ classes, units }, piece) => ({
    fields: { table: piece(4 * classes * units) },
  })),
  fixed: kernel(layout.FixedOperation, nothing),
};

function kernelOf(operation: KernelOperation): Kernel<KernelKind> {
  return KERNELS[operation.kind] as unknown as Kernel<KernelKind>;
}

/** Returns the struct that an operation stores for its backward pass, and its allocation; undefined if it stores nothing. */
export function keptBy(operation: KernelOperation): Keeping<KernelKind> | undefined {
  return kernelOf(operation).kept;
}

/**
 * Allocates an operation's struct and the memory that it points to; `write` fills both, except for parameters, which are written
 * elsewhere.
 */
export function allocateOperation(operation: KernelOperation, piece: Pieces) {
  const { struct, allocate } = kernelOf(operation);
  const pointer = piece(struct.size);
  const place = allocate(operation, piece);
  return {
    pointer,
    write(memory: DataView): void {
      const kind = layout.KERNEL_CODES[operation.kind];
      const fields = { ...operation, ...place.fields, kind } as object as Record<string, number>;
      struct.fill(memory, pointer, fields);
      place.write?.(memory);
    },
  };
}

function parametersOf(of: Activation | PointwiseFunction): readonly number[] {
  return isActivationName(of.name)
    ? activationParameters(of as Activation)
    : pointwiseParameters(of as PointwiseFunction);
}
