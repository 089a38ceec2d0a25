import type { Backend, Decoder, DifferentiableObjective, Loss } from "../../src/index.ts";

/** The objective of all samples given, on a backend, with all derivatives. */
export async function bindObjective(
  backend: Backend,
  decoder: Decoder,
  loss: Loss,
  y: Float32Array,
  weights?: Float32Array,
  copies?: number,
): Promise<DifferentiableObjective> {
  const sampleCount = y.length / decoder.outputSize;
  const prepared = await backend.prepare(decoder);
  const problem = { decoder, loss, sampleCount, targets: y, weights, batchSize: undefined };
  return prepared.differentiableObjective(problem, 0, sampleCount, copies);
}

/** Indices 0 … count - 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
