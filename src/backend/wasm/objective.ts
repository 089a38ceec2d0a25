import type { Objective } from "../../objective.ts";
import type { Problem } from "../base.ts";
import { allocateBatch, lossScale, type Rows, sampleWeights } from "./batch.ts";
import { paddedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** The objective of samples first … first + count - 1: all of them resident, row r for sample first + r. */
export function wasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
): Objective {
  const { arena, kernels, plan } = packed;
  const d = packed.decoder.latentSize;
  const n = packed.decoder.outputSize;
  const rowSize = 4 * paddedSize(n);
  const batch = allocateBatch(packed, count, problem.loss.name);
  const data = arena.allocate((piece) => ({
    targets: piece(rowSize * count),
    weights: problem.weights ? piece(rowSize * count) : 0,
  }));
  for (let row = 0; row < count; row++) bindSample(row);

  function bindSample(row: number): void {
    const sample = first + row;
    const target = data.layout.targets + row * rowSize;
    const weights = sampleWeights(problem, sample);
    const weight = weights ? data.layout.weights + row * rowSize : 0;
    arena.f32(target, n).set(problem.targets.subarray(sample * n, (sample + 1) * n));
    if (weights) arena.f32(weight, n).set(weights);
    const view = arena.view();
    view.setUint32(batch.targets + 4 * row, target, true);
    view.setUint32(batch.weights + 4 * row, weight, true);
    view.setFloat64(batch.scales + 8 * row, lossScale(problem, weights), true);
  }

  function latentRow(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, d);
  }

  return {
    batchSize: count,
    latentSize: d,
    async value(rows, z) {
      arena.i32(batch.rows, rows.length).set(rows);
      rows.forEach((row, i) => {
        latentRow(batch.latents, row).set(z.subarray(i * d, (i + 1) * d));
      });
      kernels.objectiveValue(plan, batch.batch, rows.length);
      const losses = arena.f64(batch.losses, count);
      return Float64Array.from(rows, (row) => losses[row]!);
    },
    async gradient(rows) {
      arena.i32(batch.rows, rows.length).set(rows);
      kernels.objectiveGradient(plan, batch.batch, rows.length);
      const gradients = new Float64Array(rows.length * d);
      rows.forEach((row, i) => {
        gradients.set(latentRow(batch.gradients, row), i * d);
      });
      return gradients;
    },
    dispose() {
      data.free();
      batch.free();
    },
  };
}
