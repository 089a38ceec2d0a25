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

/** Takes memory for `capacity` rows of a decoder and fills in the structs. */
export function allocateBatch(packed: PackedDecoder, capacity: number, loss: Loss["name"]): BatchRows {
  const { arena, decoder } = packed;
  const widths = [decoder.latentSize, ...decoder.layers.map((layer) => layer.outputSize)];
  const strides = widths.map((width) => 4 * paddedSize(width));
  const block = arena.allocate((piece) => ({
    batch: piece(Batch.size),
    layers: piece(LayerRows.size * strides.length),
    rows: piece(4 * capacity),
    sources: piece(4 * capacity),
    destinations: piece(4 * capacity),
    targets: piece(4 * capacity),
    weights: piece(4 * capacity),
    scales: piece(8 * capacity),
    losses: piece(8 * capacity),
    outputs: strides.map((stride) => piece(stride * capacity)),
    // Neither latents nor logits pass an activation, but a decoder's last layer may.
    slopes: strides.map((stride) => piece(stride * capacity)),
    gradients: strides.map((stride) => piece(stride * capacity)),
  }));
  const { layout } = block;
  const view = arena.view();
  const { batch, layers, rows, sources, destinations, targets, weights, scales, losses } = layout;
  Batch.set(view, batch, {
    ...{ layers, rows, sources, destinations, targets, weights, scales, losses },
    loss: LOSS_CODES[loss],
  });
  strides.forEach((stride, i) => {
    LayerRows.set(view, layers + i * LayerRows.size, {
      stride,
      outputs: layout.outputs[i]!,
      slopes: layout.slopes[i]!,
      gradients: layout.gradients[i]!,
    });
  });
  return {
    ...block,
    ...{ batch, rows, targets, weights, scales, losses },
    latents: { pointer: layout.outputs[0]!, stride: strides[0]! },
    gradients: { pointer: layout.gradients[0]!, stride: strides[0]! },
    outputs: { pointer: layout.outputs.at(-1)!, stride: strides.at(-1)! },
  };
}

/** What a sample's sum over elements is multiplied by: 1/n, 1/Σw or 1. `weights` are the sample's own. */
export function lossScale(problem: Problem, weights: Float32Array | undefined): number {
  if (problem.loss.reduction === "sum") return 1;
  return 1 / (weights ? weights.reduce((sum, w) => sum + w, 0) : problem.decoder.outputSize);
}

/** The weights of one sample: its own row, or the one row for all. */
export function sampleWeights(problem: Problem, index: number): Float32Array | undefined {
  const n = problem.decoder.outputSize;
  if (!problem.weights || problem.weights.length === n) return problem.weights;
  return problem.weights.subarray(index * n, (index + 1) * n);
}
