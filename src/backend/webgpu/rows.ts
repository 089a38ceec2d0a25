import { attached } from "../../base/realms.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import type { FixedValues } from "../../decoder/fixed.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { StandardLoss } from "../../terms/losses.ts";
import type { Problem } from "../backend.ts";
import { sampleTarget, sampleWeights } from "../wasm/workspace.ts";
import type { BoundGraph } from "./bound-graph.ts";
import { ELEMENT_WEIGHTS, fixedName, type ObjectiveShape, type SampleShape, TARGETS } from "./graphs.ts";

/** A problem whose loss is a standard one, for which graphs can be written. */
export interface GpuProblem extends Problem {
  readonly loss: StandardLoss;
}

/** Returns what a decode graph is written for: the decoder, a number of rows, and which fixed inputs the samples share. */
export function sampleShape(decoder: Decoder, fixed: FixedValues, rows: number): SampleShape {
  const isShared = (values: Float32Array, i: number) =>
    values.length === sizeOf(decoder.fixedInputs[i]!.shape);
  return { decoder, rows, fixed: fixed.map((values, i) => (isShared(values, i) ? "shared" : "own")) };
}

/** Returns what an objective's graph is written for: the decoder, a number of rows, the loss, and whether there are weights. */
export function shapeOf({ decoder, loss, weights, fixed }: GpuProblem, rows: number): ObjectiveShape {
  return { ...sampleShape(decoder, fixed, rows), loss, weighted: weights !== undefined };
}

/** Returns a key that distinguishes the decode graphs of one decoder. */
export function sampleKey({ rows, fixed }: SampleShape): string {
  return [rows, ...fixed].join(" ");
}

/** Returns a key that distinguishes the objective graphs of one decoder. */
export function shapeKey(shape: ObjectiveShape): string {
  const { loss, weighted } = shape;
  return `${loss.name} ${loss.reduction} ${weighted ? "weighted " : ""}${sampleKey(shape)}`;
}

/** Writes the fixed inputs that all samples share into a graph. */
export function writeShared(graph: BoundGraph, { decoder, fixed }: SampleShape, values: FixedValues): void {
  values.forEach((given, i) => {
    const { name } = decoder.fixedInputs[i]!;
    if (fixed[i] === "shared") graph.write(fixedName(i), attached(`fixed.${name}`, given));
  });
}

/**
 * Writes one sample's values of the fixed inputs (inputs beside z) that differ between samples into a row of a graph's tensors.
 */
export function writeOwn(
  graph: BoundGraph,
  { decoder, fixed }: SampleShape,
  values: FixedValues,
  sample: number,
  row: number,
): void {
  values.forEach((given, i) => {
    const { name, shape } = decoder.fixedInputs[i]!;
    const size = sizeOf(shape);
    if (fixed[i] === "shared") return;
    const own = attached(`fixed.${name}`, given).slice(sample * size, (sample + 1) * size);
    graph.write(fixedName(i), own, row * size);
  });
}

/** Writes one sample's data, weights and own fixed inputs into a row of a graph. */
export function writeRow(
  graph: BoundGraph,
  shape: ObjectiveShape,
  problem: GpuProblem,
  sample: number,
  row: number,
): void {
  writeOwn(graph, shape, problem.fixed, sample, row);
  const targets = sampleTarget(problem, sample).slice();
  const at = row * targets.length;
  const weights = sampleWeights(problem, sample)?.slice();
  if (weights) {
    const isMean = problem.loss.reduction === "mean";
    const sum = isMean ? weights.reduce((total, weight) => total + weight, 0) || 1 : 1;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = weights[i]! / sum;
      // Missing data must not be NaN: 0 · NaN is not 0.
      if (weights[i] === 0) targets[i] = 0;
    }
    graph.write(ELEMENT_WEIGHTS, weights, at);
  }
  graph.write(TARGETS, targets, at);
}
