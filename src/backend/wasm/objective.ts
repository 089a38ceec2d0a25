import { Blocks } from "../../kernels/arena.ts";
import { paddedSize } from "../../kernels/layout.ts";
import type { DifferentiableObjective, SessionObjective } from "../../solver/objective.ts";
import { isCustom } from "../../terms/losses.ts";
import type { Problem } from "../backend.ts";
import { wasmCurvature } from "./curvature.ts";
import { customLossPasses } from "./custom-loss.ts";
import { allocateFixed } from "./fixed-rows.ts";
import { jacobianProducts } from "./jacobian-product.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateParameterSums } from "./parameter-gradient.ts";
import type { Passes } from "./passes.ts";
import { allocatePrior } from "./prior-block.ts";
import {
  allocateWorkspace,
  leastLoss,
  lossScales,
  type Rows,
  sampleTarget,
  sampleWeights,
  writeWeights,
} from "./workspace.ts";

/** Makes the objective of samples first … first + count - 1, all resident in WASM memory: row r holds sample first + r. */
export function wasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
): SessionObjective {
  return bindRows(packed, problem, first, count).objective;
}

/**
 * Makes an objective of all samples with parameter gradients and tangents, and with `copies` rows per sample: row
 * copy · sampleCount + r holds sample r.
 *
 * @param gradients pointer to a cleared block of `parameterBlock(decoder)`, to which parameter gradients are added; a new one
 *   by default
 */
export function differentiableWasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  copies: number,
  gradients?: number,
): DifferentiableObjective {
  const { kernels, graph, decoder } = packed;
  const { sampleCount } = problem;
  const bound = bindRows(packed, problem, 0, sampleCount, { copies, withTangents: true });
  const { objective, blocks, workspace, passes, choose, read, write } = bound;
  const sums = blocks.add(() => allocateParameterSums(packed, sampleCount * copies, gradients));
  return {
    ...objective,
    parameterCount: decoder.parameterCount,
    async addParameterGradient(rows) {
      choose(rows);
      kernels.objectiveParameterGradient(graph, workspace.pointer, sums.sums, rows.length, false, 0, 1);
    },
    async tangent(rows, v) {
      choose(rows);
      write(workspace.latentTangents, rows, v);
      kernels.objectiveTangentForward(graph, workspace.pointer, rows.length);
      passes.tangent(rows.length);
      kernels.objectiveTangentBackward(graph, workspace.pointer, rows.length);
      return read(workspace.hessianProducts, rows);
    },
    async addMixedGradient(rows) {
      choose(rows);
      kernels.objectiveParameterGradient(graph, workspace.pointer, sums.sums, rows.length, true, 0, 1);
    },
    async takeParameterSums() {
      const values = sums.read();
      sums.clear();
      return values;
    },
  };
}

/** Makes an objective, and allocates and fills the rows that it works on. */
function bindRows(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
  { copies = 1, withTangents = false } = {},
) {
  const { arena, kernels, graph, decoder } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const rowSize = 4 * paddedSize(n);
  const rowCount = count * copies;
  const blocks = new Blocks();
  const { pointer: prior } = blocks.add(() => allocatePrior(arena, problem.prior));
  const workspace = blocks.add(() =>
    allocateWorkspace(packed, rowCount, problem.loss.name, { withTangents, prior }),
  );
  const given = blocks.add(() => allocateFixed(packed, count));
  given.point(workspace, copies);
  const data = blocks.add(() =>
    arena.allocate((piece) => ({
      targets: piece(rowSize * count),
      weights: problem.weights ? piece(rowSize * count) : 0,
    })),
  );
  const passes: Passes = isCustom(problem.loss)
    ? customLossPasses(packed, workspace, problem.loss)
    : {
        value: (chosen) => kernels.objectiveValue(graph, workspace.pointer, chosen),
        gradient: (chosen) => kernels.objectiveGradient(graph, workspace.pointer, chosen),
        tangent: (chosen) => kernels.objectiveLossTangents(graph, workspace.pointer, chosen),
      };

  const curvature = blocks.add(() =>
    wasmCurvature(packed, problem, workspace, passes, (row) => first + (row % count)),
  );

  const products = blocks.add(() => jacobianProducts(packed, problem, first, count));

  function bindSample(index: number): void {
    const sample = first + index;
    const target = data.layout.targets + index * rowSize;
    const weights = sampleWeights(problem, sample);
    const weight = weights ? data.layout.weights + index * rowSize : 0;
    arena.f32(target, n).set(sampleTarget(problem, sample));
    given.write(index, problem.fixed, sample);
    const { scale, priorScale } = weights
      ? writeWeights(problem, weights, arena.f32(weight, n))
      : lossScales(problem);
    const view = arena.view();
    for (let row = index; row < rowCount; row += count) {
      view.setUint32(workspace.targets + 4 * row, target, true);
      view.setUint32(workspace.weights + 4 * row, weight, true);
      view.setFloat64(workspace.scales + 8 * row, scale, true);
      view.setFloat64(workspace.priorScales + 8 * row, priorScale, true);
    }
  }

  blocks.guard(() => {
    for (let index = 0; index < count; index++) bindSample(index);
  });

  /** Returns a view of the d numbers of a row of latents. */
  function rowOf(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, d);
  }

  /** Returns copies of the chosen rows of latents, one after the other. */
  function read(rows: Rows, chosen: Int32Array): Float64Array {
    const values = new Float64Array(chosen.length * d);
    chosen.forEach((row, i) => {
      values.set(rowOf(rows, row), i * d);
    });
    return values;
  }

  /** Writes `values`, one row of d numbers after the other, into the chosen rows of latents. */
  function write(rows: Rows, chosen: Int32Array, values: Float64Array): void {
    chosen.forEach((row, i) => {
      rowOf(rows, row).set(values.subarray(i * d, (i + 1) * d));
    });
  }

  /** Returns the elements of f64[rowCount] at `pointer` that belong to the chosen rows. */
  function pick(pointer: number, rows: Int32Array): Float64Array {
    const values = arena.f64(pointer, rowCount);
    return Float64Array.from(rows, (row) => values[row]!);
  }

  function choose(rows: Int32Array): void {
    arena.i32(workspace.rows, rows.length).set(rows);
  }

  const objective: SessionObjective = {
    sampleCount: count,
    latentSize: d,
    async value(rows, z) {
      choose(rows);
      write(workspace.latents, rows, z);
      passes.value(rows.length);
      return pick(workspace.objectives, rows);
    },
    terms: (rows) => ({ losses: pick(workspace.losses, rows), priors: pick(workspace.priors, rows) }),
    async gradient(rows) {
      choose(rows);
      passes.gradient(rows.length);
      return read(workspace.gradients, rows);
    },
    leastLoss: (row) => leastLoss(problem, first + (row % count)),
    jacobianProduct: async (rows, v) => products.at(rows, read(workspace.latents, rows), v),
    ...(curvature.use.hasCurvature && { curvature }),
    kernels: packed.compiled.module,
    dispose: blocks.free,
  };
  return { objective, blocks, workspace, passes, choose, read, write };
}
