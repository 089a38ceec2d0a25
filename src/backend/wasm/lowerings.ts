import type { Activation } from "../../graph/activation.ts";
import { type LinearMap, linearMap, stretched } from "../../graph/linear-map.ts";
import type { MapKind } from "../../graph/map-kind.ts";
import {
  KINDS,
  type MapKindName,
  type Operation,
  type OperationKind,
  type Shape,
  sizeOf,
} from "../../graph/operations.ts";
import type { PointwiseFunction } from "../../graph/pointwise.ts";
import type { KernelOperation } from "./kernel-operations.ts";
import { type Convolution, geometryOf, pointwiseGeometry } from "./pixel-sets.ts";

// Translation of each kind of operation into kernel operations; lower.ts applies it to a whole graph.

/** Translation of operations of one kind into kernel operations. */
interface Lowering<Kind extends OperationKind> {
  /**
   * Storage of the operation's result: "same", its input's rows, unchanged; "inPlace", its input's rows, overwritten; "own",
   * the default, new rows.
   */
  place?(operation: Operation<Kind>): "own" | "inPlace" | "same";
  /**
   * Emits kernel operations that compute the operation from the values with indices `reads`, of shapes `inputs`; returns the
   * index of the value that holds the result.
   */
  emit(
    into: Emission,
    operation: Operation<Kind>,
    reads: readonly number[],
    inputs: readonly Shape[],
  ): number;
}

/** Kernel operations and values emitted so far, while a graph is lowered. */
export class Emission {
  /** Kernel operations in the order in which they are computed. */
  readonly operations: KernelOperation[] = [];
  /** Count of numbers in each value, for one row. */
  readonly sizes: number[] = [];
  /** For each value, the index of the value whose storage it shares; undefined if it has its own. */
  readonly aliases: (number | undefined)[] = [];

  /** Adds a value of `size` numbers for one row, with storage of its own or that of the value `alias`; returns its index. */
  value(size: number, alias?: number): number {
    this.aliases.push(alias);
    return this.sizes.push(size) - 1;
  }

  /** Adds a kernel operation; returns the index of the value that it writes. */
  emit(operation: KernelOperation): number {
    this.operations.push(operation);
    return operation.output;
  }
}

/** Settings of a kernel operation: all fields but its source, the indices of its values and its size. */
type KernelSettings = KernelOperation extends infer Each
  ? Each extends KernelOperation
    ? Omit<Each, "input" | "output" | "source" | "other" | "otherwise" | "size">
    : never
  : never;

/**
 * Makes the lowering to one kernel operation whose result has rows of its own.
 *
 * @param isStretched true to broadcast smaller inputs to the operation's shape first
 */
function kernel<Kind extends OperationKind>(
  settingsOf: (operation: Operation<Kind>, inputs: readonly Shape[]) => KernelSettings,
  isStretched = false,
): Lowering<Kind> {
  return {
    emit(into, operation, reads, inputs) {
      const { shape } = operation;
      const size = sizeOf(shape);
      const [input, other, otherwise] = isStretched ? stretchedReads(into, shape, reads, inputs) : reads;
      const output = into.value(size);
      const ends = { source: operation, input: input ?? output, output, size };
      const others = other === undefined ? {} : { other, otherwise };
      return into.emit({ ...settingsOf(operation, inputs), ...ends, ...others } as KernelOperation);
    },
  };
}

/** Lowerings of the kinds of operation that are not just sparse linear maps of their inputs. */
const LOWERINGS: {
  readonly [Kind in Exclude<OperationKind, MapKindName<"parts" | "pixels">>]: Lowering<Kind>;
} = {
  dense: kernel(({ shape }, [input]) => {
    const [inputSize, outputSize] = [input!.at(-1)!, shape.at(-1)!];
    const pixels = sizeOf(input!) / inputSize;
    if (pixels === 1) return { kind: "dense", inputSize, outputSize };
    return { kind: "convolution", geometry: pointwiseGeometry(pixels, inputSize, outputSize) };
  }),
  activation: {
    place: ({ activation }) => (activation.name === "identity" ? "same" : "inPlace"),
    emit: (into, { activation, shape }, reads) => emitFunction(into, activation, shape, reads),
  },
  pointwise: {
    place: () => "inPlace",
    emit: (into, operation, reads) => emitFunction(into, operation.function, operation.shape, reads),
  },
  reshape: { place: () => "same", emit: (_, __, [input]) => input! },
  conv: kernel(convolutionOf),
  convTranspose: kernel<"convTranspose">(convolutionOf),
  add: { emit: sumOf(1) },
  sub: { emit: sumOf(-1) },
  mul: kernel(() => ({ kind: "product" }), true),
  maximum: kernel(() => ({ kind: "extremum", isMinimum: 0 }), true),
  minimum: kernel(() => ({ kind: "extremum", isMinimum: 1 }), true),
  where: kernel(() => ({ kind: "selection" }), true),
  layerNorm: kernel(({ shape, axes, epsilon }) => normOfRows(shape, sizeOf(shape.slice(-axes)), epsilon, 1)),
  groupNorm: kernel(({ shape, groups, epsilon }) => {
    const { pixels, channels } = pixelsOf(shape);
    return {
      kind: "norm",
      sets: groups,
      beside: groups,
      setStride: 0,
      runs: pixels,
      runStride: channels,
      width: channels / groups,
      hasMean: 1,
      epsilon,
      parameterSize: channels,
    };
  }),
  rmsNorm: kernel(({ shape, epsilon }) => normOfRows(shape, shape.at(-1)!, epsilon, 0)),
  affine: kernel(({ shape }) => ({ kind: "affine", ...pixelsOf(shape) })),
  softmax: kernel(({ shape }) => ({ kind: "softmax", ...pixelsOf(shape) })),
  matmul: kernel(({ shape, transposed }, [left]) => {
    const [rows, columns] = shape.slice(-2);
    return {
      kind: "matmul",
      count: sizeOf(shape.slice(0, -2)),
      rows: rows!,
      inner: left!.at(-1)!,
      columns: columns!,
      isTransposed: Number(transposed),
    };
  }),
  sparse: {
    emit: (into, { map, shape }, [input]) => emitMap(into, map, input!, into.value(sizeOf(shape)), 0),
  },
  constant: kernel(() => ({ kind: "constant" })),
  embedding: kernel(({ shape, classes }, [input]) => ({
    kind: "embedding",
    count: sizeOf(input!),
    classes,
    units: shape.at(-1)!,
  })),
};

function convolutionOf(operation: Convolution, [input]: readonly Shape[]): KernelSettings {
  return { kind: "convolution", geometry: geometryOf(operation, input!) };
}

function emitFunction(
  into: Emission,
  activation: Activation | PointwiseFunction,
  shape: Shape,
  [input]: readonly number[],
): number {
  return into.emit({ kind: "activation", input: input!, output: input!, activation, size: sizeOf(shape) });
}

function pixelsOf(shape: Shape): { readonly pixels: number; readonly channels: number } {
  const channels = shape.at(-1)!;
  return { pixels: sizeOf(shape) / channels, channels };
}

/** Returns the settings of a norm over `width` adjacent numbers at a time; `hasMean` is 0 for an RMS norm. */
function normOfRows(shape: Shape, width: number, epsilon: number, hasMean: 0 | 1): KernelSettings {
  return {
    kind: "norm",
    sets: sizeOf(shape) / width,
    beside: 1,
    setStride: width,
    runs: 1,
    runStride: 0,
    width,
    hasMean,
    epsilon,
    parameterSize: width,
  };
}

/** Emits a + sign · b, for sign 1 or -1, as two linear maps; the second adds to the result of the first. */
function sumOf(sign: number): Lowering<"add" | "sub">["emit"] {
  return (into, { shape }, reads, inputs) => {
    const output = into.value(sizeOf(shape));
    reads.forEach((read, i) => {
      emitMap(into, stretched(inputs[i]!, shape, i === 0 ? 1 : sign), read, output, Number(i > 0));
    });
    return output;
  };
}

/** Returns the indices of the inputs broadcast to a shape: smaller ones are copied along their axes of length 1. */
function stretchedReads(
  into: Emission,
  shape: Shape,
  reads: readonly number[],
  inputs: readonly Shape[],
): number[] {
  const size = sizeOf(shape);
  return reads.map((read, i) => {
    if (sizeOf(inputs[i]!) === size) return read;
    return emitMap(into, stretched(inputs[i]!, shape), read, into.value(size), 0);
  });
}

/** Lowering of the kinds whose output is assembled from linear maps of their inputs: one map per input. */
const MAPS: Lowering<OperationKind> = {
  emit(into, operation, reads, inputs) {
    const { axes } = KINDS[operation.kind] as MapKind<object>;
    const output = into.value(sizeOf(operation.shape));
    reads.forEach((read, i) => {
      emitMap(into, linearMap(axes(operation, inputs, i), sizeOf(inputs[i]!)), read, output, 0);
    });
    return output;
  },
};

function emitMap(into: Emission, map: LinearMap, input: number, output: number, accumulates: number): number {
  return into.emit({ kind: "map", input, output, map, accumulates });
}

/** Returns the translation of an operation's kind into kernel operations. */
export function loweringOf({ kind }: Operation): Lowering<OperationKind> {
  return (LOWERINGS as Partial<Record<OperationKind, Lowering<OperationKind>>>)[kind] ?? MAPS;
}
