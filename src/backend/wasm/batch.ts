import { attached } from "../../brand.ts";
import type { Loss } from "../../loss.ts";
import type { Problem } from "../base.ts";
import type { Block } from "./arena.ts";
import { Batch, LayerRows, LOSS_CODES, paddedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** The resident rows of one call, in its decoder's memory; assembly/plan.ts draws them. */
export interface BatchRows extends Block {
  /** Points to the Batch. */
  readonly batch: number;
  /** Points to i32[capacity], the rows that the next pass is for. */
  readonly rows: number;
  /** Where row r of the latents, their gradients and the outputs begin: pointer + r · stride. */
  readonly latents: Rows;
  readonly gradients: Rows;
  readonly outputs: Rows;
  /** The rows of tangents, 0 without: directions in, Hessian-vector products out, and scratch at the outputs. */
  readonly latentTangents: Rows;
  readonly hessianProducts: Rows;
  readonly outputGradients: Rows;
  readonly outputTangents: Rows;
  readonly scratch: Rows;
  /** Points to usize[capacity], usize[capacity], f64[capacity], f64[capacity]; see the Batch struct. */
  readonly targets: number;
  readonly weights: number;
  readonly scales: number;
  readonly losses: number;
}

export interface Rows {
  readonly pointer: number;
  /** In bytes. */
  readonly stride: number;
}

/**
 * Takes memory for `capacity` rows of a decoder and fills in the structs.
 *
 * @param withTangents also the rows that tangents need
 */
export function allocateBatch(
  packed: PackedDecoder,
  capacity: number,
  loss: Loss["name"],
  withTangents = false,
): BatchRows {
  const { arena, decoder } = packed;
  const widths = [decoder.latentSize, ...decoder.layers.map((layer) => layer.outputSize)];
  const strides = widths.map((width) => 4 * paddedSize(width));
  const scratchStride = Math.max(...strides);
  const block = arena.allocate((piece) => {
    const rowsOfAllLayers = () => strides.map((stride) => piece(stride * capacity));
    const tangentRows = () => (withTangents ? rowsOfAllLayers() : strides.map(() => 0));
    return {
      batch: piece(Batch.size),
      layers: piece(LayerRows.size * strides.length),
      rows: piece(4 * capacity),
      sources: piece(4 * capacity),
      destinations: piece(4 * capacity),
      targets: piece(4 * capacity),
      weights: piece(4 * capacity),
      scales: piece(8 * capacity),
      losses: piece(8 * capacity),
      outputs: rowsOfAllLayers(),
      // Neither latents nor logits pass an activation, but a decoder's last layer may.
      slopes: rowsOfAllLayers(),
      gradients: rowsOfAllLayers(),
      curvatures: tangentRows(),
      outputGradients: tangentRows(),
      tangents: tangentRows(),
      gradientTangents: tangentRows(),
      scratch: withTangents ? piece(scratchStride * capacity) : 0,
    };
  });
  const { layout } = block;
  const view = arena.view();
  const { batch, layers, rows, sources, destinations, targets, weights, scales, losses, scratch } = layout;
  Batch.set(view, batch, {
    ...{ layers, rows, sources, destinations, targets, weights, scales, losses, scratch, scratchStride },
    loss: LOSS_CODES[loss],
  });
  strides.forEach((stride, i) => {
    LayerRows.set(view, layers + i * LayerRows.size, {
      stride,
      outputs: layout.outputs[i]!,
      slopes: layout.slopes[i]!,
      gradients: layout.gradients[i]!,
      curvatures: layout.curvatures[i]!,
      outputGradients: layout.outputGradients[i]!,
      tangents: layout.tangents[i]!,
      gradientTangents: layout.gradientTangents[i]!,
    });
  });
  const first = (pointers: number[]): Rows => ({ pointer: pointers[0]!, stride: strides[0]! });
  const last = (pointers: number[]): Rows => ({ pointer: pointers.at(-1)!, stride: strides.at(-1)! });
  return {
    ...block,
    ...{ batch, rows, targets, weights, scales, losses },
    latents: first(layout.outputs),
    gradients: first(layout.gradients),
    outputs: last(layout.outputs),
    outputGradients: last(layout.gradients),
    latentTangents: first(layout.tangents),
    hessianProducts: first(layout.gradientTangents),
    outputTangents: last(layout.tangents),
    scratch: { pointer: scratch, stride: scratchStride },
  };
}

/** What makes a sample's loss and curvature of sums over its elements; see the Sample struct. */
export interface LossScales {
  readonly scale: number;
  readonly curvatureScale: number;
}

/** Of a sample without weights: the mean or the sum of its elements. */
export function lossScales({ loss, decoder }: Problem): LossScales {
  const n = decoder.outputSize;
  return loss.reduction === "sum" ? { scale: 1, curvatureScale: n } : { scale: 1 / n, curvatureScale: 1 };
}

/**
 * Writes a sample's weights into its row and returns the scales. For the mean they are brought to about 1 by a power of
 * two, which rounds nothing, so that products with them stay inside float32 whatever their scale.
 */
export function writeWeights(problem: Problem, weights: Float32Array, row: Float32Array): LossScales {
  const isSum = problem.loss.reduction === "sum";
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  const factor = isSum ? 1 : 2 ** -Math.floor(Math.log2(largest));
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    row[i] = weights[i]! * factor;
    sum += row[i]!;
  }
  return isSum ? { scale: 1, curvatureScale: sum } : { scale: 1 / sum, curvatureScale: 1 };
}

/** The curvature scale of one sample. */
export function curvatureScale(problem: Problem, sample: number): number {
  const weights = sampleWeights(problem, sample);
  if (!weights || problem.loss.reduction === "mean") return lossScales(problem).curvatureScale;
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** The weights of one sample: its own row, or the one row for all. */
export function sampleWeights(problem: Problem, index: number): Float32Array | undefined {
  const n = problem.decoder.outputSize;
  if (!problem.weights) return undefined;
  const weights = attached("weights", problem.weights);
  return weights.length === n ? weights : weights.subarray(index * n, (index + 1) * n);
}

/** The target of one sample. */
export function sampleTarget({ decoder, targets }: Problem, index: number): Float32Array {
  const n = decoder.outputSize;
  return attached("y", targets).subarray(index * n, (index + 1) * n);
}
