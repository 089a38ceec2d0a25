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
import { geometryOf, pointwiseGeometry } from "./pixel-sets.ts";

// Kernels of each kind of operation; lower.ts puts those of a whole graph together.

/** Translation of operations of one kind into those of the kernels. */
interface Lowering<Kind extends OperationKind> {
  /**
   * Rows of the operation's value: "same", those of its input, unchanged; "inPlace", those of its input, overwritten; "own",
   * new ones. Default "own".
   */
  place?(operation: Operation<Kind>): "own" | "inPlace" | "same";
  /** Emits kernel operations that compute the operation from the values `reads`; returns the index of the result. */
  emit(
    into: Emission,
    operation: Operation<Kind>,
    reads: readonly number[],
    inputs: readonly Shape[],
  ): number;
}

/** Operations and values emitted so far. */
export class Emission {
  readonly operations: KernelOperation[] = [];
  readonly sizes: number[] = [];
  readonly aliases: (number | undefined)[] = [];

  value(size: number, alias?: number): number {
    this.aliases.push(alias);
    return this.sizes.push(size) - 1;
  }

  emit(operation: KernelOperation): number {
    this.operations.push(operation);
    return operation.output;
  }
}

/** Kernel operation without the indices of its values, and without its size. */
type KernelSettings = KernelOperation extends infer Each
  ? Each extends KernelOperation
    ? Omit<Each, "input" | "output" | "source" | "other" | "otherwise" | "size">
    : never
  : never;

/**
 * Makes the lowering to one kernel operation, with rows of its own.
 *
 * @param isStretched true if values with fewer numbers are copied along their axes of length 1 first
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

/** Lowerings of the kinds that are not just linear maps of their inputs. */
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
  conv: kernel((operation, [input]) => ({ kind: "convolution", geometry: geometryOf(operation, input!) })),
  convTranspose: kernel((operation, [input]) => ({
    kind: "convolution",
    geometry: geometryOf(operation, input!),
  })),
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
  constant: kernel(() => ({ kind: "constant" })),
  embedding: kernel(({ shape, classes }, [input]) => ({
    kind: "embedding",
    count: sizeOf(input!),
    classes,
    units: shape.at(-1)!,
  })),
};

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

/** Makes the settings of a norm over `width` adjacent numbers at a time. */
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

/** Emits a + b, or a - b, as two accumulating maps into one value. */
function sumOf(sign: number): Lowering<"add" | "sub">["emit"] {
  return (into, { shape }, reads, inputs) => {
    const output = into.value(sizeOf(shape));
    reads.forEach((read, i) => {
      emitMap(into, stretched(inputs[i]!, shape, i === 0 ? 1 : sign), read, output, Number(i > 0));
    });
    return output;
  };
}

/** Returns the values broadcast to a shape: smaller ones are copied along their axes of length 1. */
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

/** Linear maps of each input, for the kinds whose output is the sum of such maps. */
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

/** Returns the lowering of an operation's kind. */
export function loweringOf({ kind }: Operation): Lowering<OperationKind> {
  return (LOWERINGS as Partial<Record<OperationKind, Lowering<OperationKind>>>)[kind] ?? MAPS;
}
