import type { Decoder } from "../../decoder/decoder.ts";
import { logitOperations, stepsOf } from "../../graph/graph.ts";
import { averagePool } from "../../graph/kinds/average-pool.ts";
import { pad } from "../../graph/kinds/pad.ts";
import { concat, depthToSpace, expand, permute, slice } from "../../graph/kinds/rearranging.ts";
import { mean, sum } from "../../graph/kinds/reductions.ts";
import { resize } from "../../graph/kinds/resize.ts";
import { upsample } from "../../graph/kinds/upsample.ts";
import { type AxisMap, type LinearMap, linearMap, stretched } from "../../graph/linear-map.ts";
import { type Operation, type OperationKind, type Shape, sizeOf } from "../../graph/operations.ts";
import type { KernelOperation } from "./kernel-operations.ts";
import { geometryOf, pointwiseGeometry } from "./pixel-sets.ts";
import { assignSlots } from "./slots.ts";

/**
 * A decoder as the kernels see it. Values are those that have rows: the latent is value 0. Operations that only give a
 * value another shape are gone; a value that is read more than once is followed by a fork.
 */
export interface LoweredGraph {
  readonly operations: readonly KernelOperation[];
  /** Number of elements of each value. */
  readonly sizes: readonly number[];
  /** Index of the value whose storage each one shares; undefined if it has its own. Gradients are never shared. */
  readonly aliases: readonly (number | undefined)[];
  /** Slot of each value's tangents; values that are not needed at the same time share one. */
  readonly slots: readonly number[];
  /** Index of the value D(z), whose rows hold the logits before the output activation. */
  readonly output: number;
  /** Number of operations up to the logits. */
  readonly logitOperations: number;
  /** Number of elements of all fixed inputs of a sample together. */
  readonly fixedSize: number;
}

/** Translation of operations of one kind into those of the kernels. */
interface Lowering<Kind extends OperationKind> {
  /**
   * Rows of its value: "same", those of its input unchanged; "inPlace", those of its input, overwritten; "own", new ones.
   */
  place(operation: Operation<Kind>): "own" | "inPlace" | "same";
  /** Emits operations that compute it from the values `reads`; returns the index of the result. */
  emit(
    into: Emission,
    operation: Operation<Kind>,
    reads: readonly number[],
    inputs: readonly Shape[],
  ): number;
}

/** Operations and values emitted so far. */
class Emission {
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

const own = () => "own" as const;

const LOWERINGS: { readonly [Kind in OperationKind]: Lowering<Kind> } = {
  dense: {
    place: own,
    emit(into, operation, [input], [shape]) {
      const output = into.value(sizeOf(operation.shape));
      const [inputSize, outputSize] = [shape!.at(-1)!, operation.shape.at(-1)!];
      const ends = { source: operation, input: input!, output };
      if (sizeOf(shape!) === inputSize) return into.emit({ kind: "dense", ...ends, inputSize, outputSize });
      const geometry = pointwiseGeometry(sizeOf(shape!) / inputSize, inputSize, outputSize);
      return into.emit({ kind: "convolution", ...ends, geometry });
    },
  },
  activation: {
    place: ({ activation }) => (activation.name === "identity" ? "same" : "inPlace"),
    emit: (into, { activation, shape }, [input]) =>
      into.emit({ kind: "activation", input: input!, output: input!, activation, size: sizeOf(shape) }),
  },
  pointwise: {
    place: () => "inPlace",
    emit: (into, operation, [input]) =>
      into.emit({
        kind: "activation",
        input: input!,
        output: input!,
        activation: operation.function,
        size: sizeOf(operation.shape),
      }),
  },
  reshape: { place: () => "same", emit: (_, __, [input]) => input! },
  conv: { place: own, emit: convolution },
  convTranspose: { place: own, emit: convolution },
  add: { place: own, emit: sumOf(1) },
  sub: { place: own, emit: sumOf(-1) },
  mul: {
    place: own,
    emit(into, { shape }, reads, inputs) {
      const [input, other] = stretchedReads(into, shape, reads, inputs);
      const size = sizeOf(shape);
      return into.emit({ kind: "product", input: input!, other: other!, output: into.value(size), size });
    },
  },
  maximum: { place: own, emit: extremumOf(false) },
  minimum: { place: own, emit: extremumOf(true) },
  where: {
    place: own,
    emit(into, { shape }, reads, inputs) {
      const [input, other, otherwise] = stretchedReads(into, shape, reads, inputs) as [
        number,
        number,
        number,
      ];
      const size = sizeOf(shape);
      return into.emit({ kind: "selection", input, other, otherwise, output: into.value(size), size });
    },
  },
  concat: maps(concat),
  expand: maps(expand),
  permute: maps(permute),
  slice: maps(slice),
  depthToSpace: maps(depthToSpace),
  pad: maps(pad),
  upsample: maps(upsample),
  resize: maps(resize),
  averagePool: maps(averagePool),
  sum: maps(sum),
  mean: maps(mean),
  layerNorm: {
    place: own,
    emit(into, operation, [input]) {
      return emitNormOfRows(into, operation, input!, sizeOf(operation.shape.slice(-operation.axes)), true);
    },
  },
  groupNorm: {
    place: own,
    emit(into, operation, [input]) {
      const size = sizeOf(operation.shape);
      const channels = operation.shape.at(-1)!;
      const { groups, epsilon } = operation;
      return into.emit({
        kind: "norm",
        source: operation,
        input: input!,
        output: into.value(size),
        sets: groups,
        beside: groups,
        setStride: 0,
        runs: size / channels,
        runStride: channels,
        width: channels / groups,
        hasMean: true,
        epsilon,
        parameterSize: channels,
      });
    },
  },
  rmsNorm: {
    place: own,
    emit(into, operation, [input]) {
      return emitNormOfRows(into, operation, input!, operation.shape.at(-1)!, false);
    },
  },
  affine: {
    place: own,
    emit(into, operation, [input]) {
      const size = sizeOf(operation.shape);
      const channels = operation.shape.at(-1)!;
      const output = into.value(size);
      const pixels = size / channels;
      return into.emit({ kind: "affine", source: operation, input: input!, output, pixels, channels });
    },
  },
  softmax: {
    place: own,
    emit(into, { shape }, [input]) {
      const channels = shape.at(-1)!;
      const pixels = sizeOf(shape) / channels;
      return into.emit({
        kind: "softmax",
        input: input!,
        output: into.value(sizeOf(shape)),
        pixels,
        channels,
      });
    },
  },
  matmul: {
    place: own,
    emit(into, { shape, transposed }, [input, other], [left]) {
      const [rows, columns] = shape.slice(-2);
      return into.emit({
        kind: "matmul",
        input: input!,
        other: other!,
        output: into.value(sizeOf(shape)),
        count: sizeOf(shape.slice(0, -2)),
        rows: rows!,
        inner: left!.at(-1)!,
        columns: columns!,
        isTransposed: transposed,
      });
    },
  },
  constant: {
    place: own,
    emit(into, operation) {
      const size = sizeOf(operation.shape);
      const output = into.value(size);
      return into.emit({ kind: "constant", source: operation, input: output, output, size });
    },
  },
  embedding: {
    place: own,
    emit(into, operation, [input], [shape]) {
      const { classes } = operation;
      const [count, units] = [sizeOf(shape!), operation.shape.at(-1)!];
      const output = into.value(sizeOf(operation.shape));
      return into.emit({
        kind: "embedding",
        source: operation,
        input: input!,
        output,
        count,
        classes,
        units,
      });
    },
  },
};

/** A norm of numbers that lie one after the other, `width` at a time. */
function emitNormOfRows(
  into: Emission,
  operation: Operation<"layerNorm" | "rmsNorm">,
  input: number,
  width: number,
  hasMean: boolean,
): number {
  const size = sizeOf(operation.shape);
  return into.emit({
    kind: "norm",
    source: operation,
    input,
    output: into.value(size),
    hasMean,
    sets: size / width,
    beside: 1,
    setStride: width,
    runs: 1,
    runStride: 0,
    width,
    epsilon: operation.epsilon,
    parameterSize: width,
  });
}

function convolution(
  into: Emission,
  operation: Operation<"conv" | "convTranspose">,
  [input]: readonly number[],
  [shape]: readonly Shape[],
): number {
  const output = into.value(sizeOf(operation.shape));
  const geometry = geometryOf(operation, shape!);
  return into.emit({ kind: "convolution", source: operation, input: input!, output, geometry });
}

/** a + b, or a - b: one after the other into the same value. */
function sumOf(sign: number): Lowering<"add" | "sub">["emit"] {
  return (into, { shape }, reads, inputs) => {
    const output = into.value(sizeOf(shape));
    reads.forEach((read, i) => {
      emitMap(into, stretched(inputs[i]!, shape, i === 0 ? 1 : sign), read, output, i > 0);
    });
    return output;
  };
}

/** Values in this shape: those with fewer numbers are copied along their axes of length 1. */
function stretchedReads(
  into: Emission,
  shape: Shape,
  reads: readonly number[],
  inputs: readonly Shape[],
): number[] {
  const size = sizeOf(shape);
  return reads.map((read, i) => {
    if (sizeOf(inputs[i]!) === size) return read;
    return emitMap(into, stretched(inputs[i]!, shape), read, into.value(size), false);
  });
}

function extremumOf(isMinimum: boolean): Lowering<"maximum" | "minimum">["emit"] {
  return (into, { shape }, reads, inputs) => {
    const [input, other] = stretchedReads(into, shape, reads, inputs);
    const [size, ends] = [sizeOf(shape), { input: input!, other: other! }];
    return into.emit({ kind: "extremum", ...ends, output: into.value(size), size, isMinimum });
  };
}

/** Lowering of kinds whose inputs each have a part of the output of their own. */
function maps<Kind extends OperationKind>(kind: {
  axes(operation: never, inputs: readonly Shape[], index: number): readonly AxisMap[];
}): Lowering<Kind> {
  return {
    place: own,
    emit(into, operation, reads, inputs) {
      const output = into.value(sizeOf(operation.shape));
      reads.forEach((read, i) => {
        const map = linearMap(kind.axes(operation as never, inputs, i), sizeOf(inputs[i]!));
        emitMap(into, map, read, output, false);
      });
      return output;
    },
  };
}

function emitMap(
  into: Emission,
  map: LinearMap,
  input: number,
  output: number,
  accumulates: boolean,
): number {
  return into.emit({ kind: "map", input, output, map, accumulates });
}

function loweringOf(operation: Operation): Lowering<OperationKind> {
  return LOWERINGS[operation.kind] as Lowering<OperationKind>;
}

export function lowerGraph(decoder: Decoder): LoweredGraph {
  const steps = stepsOf(decoder);
  const into = new Emission();
  const inputs = 1 + decoder.fixedInputs.length;
  /** The value of the decoder whose numbers each has, be it in another shape. */
  const roots = Array.from({ length: inputs }, (_, i) => i);
  const isCopied = new Map<number, boolean[]>();
  for (const { operation, inputs: read } of steps) {
    const place = loweringOf(operation).place(operation);
    if (place === "same") {
      roots.push(roots[read[0]!]!);
      continue;
    }
    roots.push(roots.length);
    for (const input of read) {
      const root = roots[input]!;
      isCopied.set(root, [...(isCopied.get(root) ?? []), place === "inPlace"]);
    }
  }
  /** The values with rows that the readers of each value of the decoder take, one after the other. */
  const branches = new Map<number, number[]>();
  const give = (root: number, value: number): void => {
    const copied = isCopied.get(root) ?? [];
    if (copied.length < 2) {
      branches.set(root, [value]);
      return;
    }
    const size = into.sizes[value]!;
    const own = copied.map((isCopy) => ({ isCopy, value: into.value(size, isCopy ? undefined : value) }));
    into.emit({ kind: "fork", input: value, output: value, size, branches: own });
    branches.set(
      root,
      own.map(({ value: branch }) => branch),
    );
  };
  give(0, into.value(decoder.latentSize));
  let fixedSize = 0;
  decoder.fixedInputs.forEach(({ shape }, i) => {
    const size = sizeOf(shape);
    const output = into.value(size);
    give(i + 1, into.emit({ kind: "fixed", input: output, output, size, offset: 4 * fixedSize }));
    fixedSize += size;
  });
  const beforeLogits = logitOperations(decoder);
  let toLogits = into.operations.length;
  steps.forEach(({ operation, inputs: read, inputShapes }, i) => {
    if (i === beforeLogits) toLogits = into.operations.length;
    const lowering = loweringOf(operation);
    if (lowering.place(operation) === "same") return;
    const reads = read.map((input) => branches.get(roots[input]!)!.shift()!);
    give(inputs + i, lowering.emit(into, operation, reads, inputShapes));
  });
  if (beforeLogits === steps.length) toLogits = into.operations.length;
  const output = branches.get(roots.at(-1)!)![0]!;
  const { operations, sizes, aliases } = into;
  const slots = assignSlots(operations, aliases, output);
  return { operations, sizes, aliases, slots, output, logitOperations: toLogits, fixedSize };
}
