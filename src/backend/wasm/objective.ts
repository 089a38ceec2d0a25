import { allocateBeside } from "../../kernels/arena.ts";
import { paddedSize } from "../../kernels/layout.ts";
import type { DifferentiableObjective, Objective } from "../../solver/objective.ts";
import { isCustom } from "../../terms/losses.ts";
import type { Problem } from "../backend.ts";
import { wasmCurvature } from "./curvature.ts";
import { customLossPasses } from "./custom-loss.ts";
import { allocateFixed } from "./fixed-rows.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateParameterSums } from "./parameter-gradient.ts";
import type { Passes } from "./passes.ts";
import { allocatePrior } from "./prior-block.ts";
import {
  allocateWorkspace,
  lossScales,
  type Rows,
  sampleTarget,
  sampleWeights,
  type Workspace,
  writeWeights,
} from "./workspace.ts";

/** Makes the objective of samples first … first + count - 1, all resident: row r has sample first + r. */
export function wasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
): Objective {
  const { objective } = bindRows(packed, problem, first, count);
  return objective;
}

/**
 * Makes an objective with derivatives for the parameters and tangents, and with `copies` rows for each sample: row copy ·
 * count + r has sample first + r.
 *
 * @param gradients block of `parameterBlock(decoder)`, cleared, to which gradients for the parameters are added; default
 *   one of its own
 */
export function differentiableWasmObjective(
  packed: PackedDecoder,
  problem: Problem,
  first: number,
  count: number,
  copies: number,
  gradients?: number,
): DifferentiableObjective {
  const { kernels, graph, decoder } = packed;
  const d = decoder.latentSize;
  const { objective, workspace, passes, choose, rowOf } = bindRows(packed, problem, first, count, {
    copies,
    withTangents: true,
  });
  const sums = allocateBeside({ free: objective.dispose }, () =>
    allocateParameterSums(packed, count * copies, gradients),
  );
  return {
    ...objective,
    parameterCount: decoder.parameterCount,
    async addParameterGradient(rows) {
      choose(rows);
      kernels.objectiveParameterGradient(graph, workspace.pointer, sums.sums, rows.length);
    },
    async tangent(rows, v) {
      choose(rows);
      rows.forEach((row, i) => {
        rowOf(workspace.latentTangents, row).set(v.subarray(i * d, (i + 1) * d));
      });
      kernels.objectiveTangentForward(graph, workspace.pointer, rows.length);
      passes.tangent(rows.length);
      kernels.objectiveTangentBackward(graph, workspace.pointer, rows.length);
      const products = new Float64Array(rows.length * d);
      rows.forEach((row, i) => {
        products.set(rowOf(workspace.hessianProducts, row), i * d);
      });
      return products;
    },
    async addMixedGradient(rows) {
      choose(rows);
      kernels.objectiveMixedGradient(graph, workspace.pointer, sums.sums, rows.length);
    },
    async takeParameterSums() {
      const values = sums.read();
      sums.clear();
      return values;
    },
    dispose() {
      sums.free();
      objective.dispose();
    },
  };
}

/** Makes an objective, and the rows that it works on. */
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
  const prior = allocatePrior(arena, problem.prior);
  const workspace = allocateBeside(prior, () =>
    allocateWorkspace(packed, rowCount, problem.loss.name, { withTangents, prior: prior.pointer }),
  );
  const ofRows = { free: () => [workspace, prior].forEach((block) => void block.free()) };
  const given = allocateBeside(ofRows, () => allocateFixed(packed, count));
  given.point(workspace, copies);
  const room = { free: () => [given, ofRows].forEach((block) => void block.free()) };
  const data = allocateBeside(room, () =>
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

  const curvature = wasmCurvature(packed, problem, workspace, passes, (row) => first + (row % count));

  function free(): void {
    curvature.free();
    data.free();
    room.free();
  }

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

  allocateBeside({ free }, () => {
    for (let index = 0; index < count; index++) bindSample(index);
  });

  /** Returns the d numbers of a row of latents. */
  function rowOf(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, d);
  }

  /** Returns the chosen elements of f64[rowCount]. */
  function pick(pointer: number, rows: Int32Array): Float64Array {
    const values = arena.f64(pointer, rowCount);
    return Float64Array.from(rows, (row) => values[row]!);
  }

  function choose(rows: Int32Array): void {
    arena.i32(workspace.rows, rows.length).set(rows);
  }

  const objective: Objective = {
    sampleCount: count,
    latentSize: d,
    async value(rows, z) {
      choose(rows);
      rows.forEach((row, i) => {
        rowOf(workspace.latents, row).set(z.subarray(i * d, (i + 1) * d));
      });
      passes.value(rows.length);
      return pick(workspace.objectives, rows);
    },
    terms: (rows) => ({ losses: pick(workspace.losses, rows), priors: pick(workspace.priors, rows) }),
    async gradient(rows) {
      choose(rows);
      passes.gradient(rows.length);
      const gradients = new Float64Array(rows.length * d);
      rows.forEach((row, i) => {
        gradients.set(rowOf(workspace.gradients, row), i * d);
      });
      return gradients;
    },
    ...(curvature.use.hasCurvature && { curvature }),
    kernels: packed.compiled.module,
    dispose: free,
  };
  return { objective, workspace, passes, choose, rowOf } satisfies {
    workspace: Workspace;
    [part: string]: unknown;
  };
}
