import type { DifferentiableObjective, Objective } from "../../objective.ts";
import type { Problem } from "../base.ts";
import { allocateBatch, type BatchRows, lossScale, type Rows, sampleWeights, writeWeights } from "./batch.ts";
import { customLossPasses } from "./custom-loss.ts";
import { paddedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateParameterSums } from "./parameter-gradient.ts";

/** The passes of an objective, on the rows listed in its batch; a custom loss has its own. */
export interface Passes {
  value(count: number): void;
  gradient(count: number): void;
  tangent(count: number): void;
}

/** The objective of samples first … first + count - 1: all of them resident, row r for sample first + r. */
export function wasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
): Objective {
  const { objective } = bindRows(packed, problem, first, count, false);
  return objective;
}

/** As `wasmObjective`, with derivatives for the parameters and tangents. */
export function differentiableWasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
): DifferentiableObjective {
  const { kernels, plan, decoder } = packed;
  const d = decoder.latentSize;
  const { objective, batch, passes, choose, rowOf } = bindRows(packed, problem, first, count, true);
  const sums = allocateParameterSums(packed, count);
  return {
    ...objective,
    parameterCount: decoder.parameterCount,
    async parameterGradient(rows) {
      choose(rows);
      sums.clear();
      kernels.objectiveParameterGradient(plan, batch.batch, sums.sums, rows.length);
      return sums.read();
    },
    async tangent(rows, v) {
      choose(rows);
      rows.forEach((row, i) => {
        rowOf(batch.latentTangents, row).set(v.subarray(i * d, (i + 1) * d));
      });
      kernels.objectiveTangentForward(plan, batch.batch, rows.length);
      passes.tangent(rows.length);
      kernels.objectiveTangentBackward(plan, batch.batch, rows.length);
      const products = new Float64Array(rows.length * d);
      rows.forEach((row, i) => {
        products.set(rowOf(batch.hessianProducts, row), i * d);
      });
      return products;
    },
    async mixedGradient(rows) {
      choose(rows);
      sums.clear();
      kernels.objectiveMixedGradient(plan, batch.batch, sums.sums, rows.length);
      return sums.read();
    },
    dispose() {
      sums.free();
      objective.dispose();
    },
  };
}

/** An objective and the rows it works on. */
export function bindRows(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
  withTangents: boolean,
) {
  const { arena, kernels, plan, decoder } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const rowSize = 4 * paddedSize(n);
  const batch = allocateBatch(packed, count, problem.loss.name, withTangents);
  const data = arena.allocate((piece) => ({
    targets: piece(rowSize * count),
    weights: problem.weights ? piece(rowSize * count) : 0,
  }));
  for (let row = 0; row < count; row++) bindSample(row);

  const passes: Passes =
    problem.loss.name === "custom"
      ? customLossPasses(packed, batch, problem.loss)
      : {
          value: (chosen) => kernels.objectiveValue(plan, batch.batch, chosen),
          gradient: (chosen) => kernels.objectiveGradient(plan, batch.batch, chosen),
          tangent: (chosen) => kernels.objectiveLossTangents(plan, batch.batch, chosen),
        };

  function bindSample(row: number): void {
    const sample = first + row;
    const target = data.layout.targets + row * rowSize;
    const weights = sampleWeights(problem, sample);
    const weight = weights ? data.layout.weights + row * rowSize : 0;
    arena.f32(target, n).set(problem.targets.subarray(sample * n, (sample + 1) * n));
    const scale = weights ? writeWeights(problem, weights, arena.f32(weight, n)) : lossScale(problem);
    const view = arena.view();
    view.setUint32(batch.targets + 4 * row, target, true);
    view.setUint32(batch.weights + 4 * row, weight, true);
    view.setFloat64(batch.scales + 8 * row, scale, true);
  }

  /** The d numbers of a row of latents. */
  function rowOf(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, d);
  }

  function choose(rows: Int32Array): void {
    arena.i32(batch.rows, rows.length).set(rows);
  }

  const objective: Objective = {
    batchSize: count,
    latentSize: d,
    async value(rows, z) {
      choose(rows);
      rows.forEach((row, i) => {
        rowOf(batch.latents, row).set(z.subarray(i * d, (i + 1) * d));
      });
      passes.value(rows.length);
      const losses = arena.f64(batch.losses, count);
      return Float64Array.from(rows, (row) => losses[row]!);
    },
    async gradient(rows) {
      choose(rows);
      passes.gradient(rows.length);
      const gradients = new Float64Array(rows.length * d);
      rows.forEach((row, i) => {
        gradients.set(rowOf(batch.gradients, row), i * d);
      });
      return gradients;
    },
    dispose() {
      data.free();
      batch.free();
    },
  };
  return { objective, batch, passes, choose, rowOf } satisfies { batch: BatchRows; [part: string]: unknown };
}
