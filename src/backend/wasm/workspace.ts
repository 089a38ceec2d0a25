import { attached } from "../../base/realms.ts";
import { LOSS_CODES, paddedSize, ValueRows, Workspace as WorkspaceStruct } from "../../kernels/layout.ts";
import { lossFloors } from "../../terms/loss-floor.ts";
import type { Loss } from "../../terms/losses.ts";
import { takesLogits } from "../../terms/losses.ts";
import type { Problem } from "../backend.ts";
import { keptBy } from "./kernel-operations.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocatePixelScratch } from "./pixel-scratch.ts";

/** Buffers of one call in its decoder's WASM memory, for `capacity` rows; assembly/memory/workspace.ts has a diagram. */
export type Workspace = ReturnType<typeof allocateWorkspace>;

/** Rows of one value in WASM memory: row r begins at address pointer + r · stride. */
export interface Rows {
  readonly pointer: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
}

/**
 * Allocates `capacity` rows for every value of a decoder, and writes the structs that point to them.
 *
 * @param options `withTangents`: true to allocate the rows that tangents need; `prior`: pointer to a Prior struct, 0 for none
 */
export function allocateWorkspace(
  packed: PackedDecoder,
  capacity: number,
  loss: Loss["name"],
  { withTangents = false, prior = 0 } = {},
) {
  const { arena } = packed;
  const { operations, sizes, aliases, output } = packed.lowered;
  const strides = sizes.map((size) => 4 * paddedSize(size));
  const block = arena.allocate((piece) => {
    const rowsOf = (value: number) => piece(strides[value]! * capacity);
    const tangentRowsOf = (value: number) => (withTangents ? rowsOf(value) : 0);
    return {
      pointer: piece(WorkspaceStruct.size),
      values: piece(ValueRows.size * sizes.length),
      kept: piece(4 * operations.length),
      rows: piece(4 * capacity),
      sources: piece(4 * capacity),
      destinations: piece(4 * capacity),
      targets: piece(4 * capacity),
      weights: piece(4 * capacity),
      scales: piece(8 * capacity),
      priorScales: piece(8 * capacity),
      losses: piece(8 * capacity),
      priors: piece(8 * capacity),
      objectives: piece(8 * capacity),
      fixed: piece(4 * capacity),
      pixels: allocatePixelScratch(packed, piece),
      ofValues: sizes.map((_, value) => {
        const isAlias = aliases[value] !== undefined;
        return {
          values: isAlias ? 0 : rowsOf(value),
          gradients: rowsOf(value),
          tangents: isAlias ? 0 : tangentRowsOf(value),
          gradientTangents: tangentRowsOf(value),
        };
      }),
      ofOperations: operations.map((operation) => {
        const kept = keptBy(operation);
        if (!kept) return { pointer: 0, fields: {} };
        const room = {
          rows: () => rowsOf(operation.output),
          tangentRows: () => tangentRowsOf(operation.output),
          numbers: (count: number) => piece(4 * count * capacity),
        };
        return { pointer: piece(kept.struct.size), fields: kept.allocate(operation, room) };
      }),
    };
  });
  const { pointer, pixels, ofValues: ownRows, ofOperations, ...pointers } = block.layout;
  const ofValues = ownRows.map((own, value) => {
    const { values, tangents } = ownRows[aliases[value] ?? value]!;
    return { ...own, values, tangents };
  });
  const view = arena.view();
  WorkspaceStruct.fill(view, pointer, {
    ...pointers,
    scratch: pixels.pointer,
    prior,
    loss: LOSS_CODES[loss],
    takesLogits: Number(takesLogits({ name: loss })),
  });
  pixels.write(view);
  ofValues.forEach((of, value) => {
    ValueRows.fill(view, pointers.values + value * ValueRows.size, { stride: strides[value]!, ...of });
  });
  ofOperations.forEach(({ pointer, fields }, i) => {
    view.setUint32(pointers.kept + 4 * i, pointer, true);
    keptBy(operations[i]!)?.struct.fill(view, pointer, fields);
  });
  const rowsAt = (value: number, of: keyof (typeof ofValues)[number]): Rows => ({
    pointer: ofValues[value]![of],
    stride: strides[value]!,
  });
  return {
    ...block,
    ...pointers,
    /** Pointer to the Workspace struct. */
    pointer,
    latents: rowsAt(0, "values"),
    gradients: rowsAt(0, "gradients"),
    outputs: rowsAt(output, "values"),
    outputGradients: rowsAt(output, "gradients"),
    // Pointers are 0 in a workspace without tangents: directions v, Hessian-vector products ∇²l·v, and the outputs' tangents.
    latentTangents: rowsAt(0, "tangents"),
    hessianProducts: rowsAt(0, "gradientTangents"),
    outputTangents: rowsAt(output, "tangents"),
    outputGradientTangents: rowsAt(output, "gradientTangents"),
  };
}

/**
 * Factors that turn a sample's sums over elements into its loss and curvature; fields of the Sample struct of
 * assembly/solve/line-search.ts.
 */
export interface LossScales {
  /** Factor of the sample's sum of n element losses: 1/n for a mean, 1/Σw for a mean with weights w, 1 for a sum. */
  readonly scale: number;
  /**
   * Factor for the shared curvature matrix, which is made for a mean over the outputs, to fit the sample's loss: 1 for a
   * mean; for a sum, n or Σw.
   */
  readonly curvatureScale: number;
  /**
   * Factor of the prior in the objective: 1/n for a loss that is a mean over n elements, 1/Σw for a weighted mean, 1 for a sum.
   */
  readonly priorScale: number;
}

/**
 * Returns the factors of the loss, its curvature and the prior of a sample without weights, for a loss that is the mean or the
 * sum over its elements.
 */
export function lossScales({ loss, decoder }: Problem): LossScales {
  const n = decoder.outputSize;
  return loss.reduction === "sum"
    ? { scale: 1, curvatureScale: n, priorScale: 1 }
    : { scale: 1 / n, curvatureScale: 1, priorScale: 1 / n };
}

/**
 * Writes a sample's weights into `row` and returns the factors of its loss, curvature and prior. For a mean, the weights are
 * multiplied by a power of two that brings the largest near 1, without rounding, so that products with them stay within
 * float32's range. If all weights are 0, of a sample without any value that is there, the loss is 0 and the prior alone decides.
 */
export function writeWeights(problem: Problem, weights: Float32Array, row: Float32Array): LossScales {
  const isSum = problem.loss.reduction === "sum";
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  if (largest === 0) {
    row.fill(0);
    return { scale: 0, curvatureScale: 0, priorScale: 1 };
  }
  const factor = isSum ? 1 : 2 ** -Math.floor(Math.log2(largest));
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    row[i] = weights[i]! * factor;
    sum += row[i]!;
  }
  return isSum
    ? { scale: 1, curvatureScale: sum, priorScale: 1 }
    : { scale: 1 / sum, curvatureScale: 1, priorScale: factor / sum };
}

/**
 * Returns the factor of the prior in one sample's objective: 1/n for a loss that is a mean over n elements, 1/Σw for a weighted
 * mean, 1 for a sum and where all weights are 0.
 */
export function priorScale(problem: Pick<Problem, "loss" | "decoder" | "weights">, sample: number): number {
  if (problem.loss.reduction === "sum") return 1;
  const weights = sampleWeights(problem, sample);
  return weights
    ? 1 / (weights.reduce((sum, weight) => sum + weight, 0) || 1)
    : 1 / problem.decoder.outputSize;
}

/**
 * Returns the weights of one sample, outputSize numbers: its own row, or the row that all samples share; undefined without
 * weights.
 */
export function sampleWeights(
  problem: Pick<Problem, "decoder" | "weights">,
  index: number,
): Float32Array | undefined {
  const n = problem.decoder.outputSize;
  if (!problem.weights) return undefined;
  const weights = attached("weights", problem.weights);
  return weights.length === n ? weights : weights.subarray(index * n, (index + 1) * n);
}

/** Returns the floor (lower bound) of one sample's loss. */
export function lossFloor(problem: Problem, index: number): number {
  const { loss, decoder } = problem;
  const [floor] = lossFloors(
    loss,
    sampleTarget(problem, index),
    decoder.outputSize,
    sampleWeights(problem, index),
  );
  return floor!;
}

/** Returns the data y of one sample, outputSize numbers. */
export function sampleTarget({ decoder, targets }: Problem, index: number): Float32Array {
  const n = decoder.outputSize;
  return attached("y", targets).subarray(index * n, (index + 1) * n);
}
