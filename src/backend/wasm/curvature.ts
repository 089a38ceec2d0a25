import { makeTurns } from "../../base/event-loop.ts";
import { DAMPING_COUNT, packedSize } from "../../kernels/layout.ts";
import type { Curvature } from "../../solver/objective.ts";
import type { Problem } from "../backend.ts";
import { allocateGaussNewton, type GaussNewtonWork, NO_MATRICES } from "./gauss-newton-memory.ts";
import type { PackedDecoder } from "./packed.ts";
import type { Passes } from "./passes.ts";
import { curvatureUse, type PreconditionerLease, preconditionerOf } from "./preconditioner.ts";
import { makeLowRank } from "./randomised-low-rank.ts";
import { lossScales, sampleWeights, type Workspace } from "./workspace.ts";

/**
 * Makes the `curvature` of an objective: second derivatives of a problem's losses for the rows of a workspace. Memory is
 * allocated on first use.
 *
 * @param sampleOf returns the index of the problem's sample that a row holds
 */
export function wasmCurvature(
  packed: PackedDecoder,
  problem: Problem,
  { pointer: workspace }: Workspace,
  curvatures: Passes["curvatures"],
  sampleOf: (row: number) => number,
): Curvature & { free(): void } {
  const { arena, kernels, graph, decoder } = packed;
  const d = decoder.latentSize;
  let work: GaussNewtonWork | undefined;
  let jacobian = { jacobian: 0, jacobianPanels: 0 };
  let hasMatrices = false;
  let lease: PreconditionerLease | undefined;

  function freeWork(): void {
    work?.free();
    work = undefined;
  }

  function free(): void {
    freeWork();
    lease?.free();
    lease = undefined;
  }

  function room(forMatrices: boolean): GaussNewtonWork {
    if (forMatrices && !hasMatrices) freeWork();
    hasMatrices ||= forMatrices;
    work ??= allocateGaussNewton(
      packed,
      hasMatrices ? { ...NO_MATRICES, ...jacobian, own: true } : NO_MATRICES,
    );
    return work;
  }

  return {
    use: curvatureUse(problem),
    scale: (row) => curvatureScale(problem, sampleOf(row)),
    async shared() {
      if (curvatureUse(problem).matrix === "own") return {};
      lease?.free();
      lease = await preconditionerOf(packed, problem, makeLowRank);
      const shared = lease.preconditioner;
      if (!shared) return undefined;
      jacobian = shared;
      freeWork();
      const { factors, matrix, damping, lowRank } = shared;
      if (lowRank) return { lowRank };
      if (factors === 0) return {};
      const size = packedSize(d);
      return {
        own: {
          factors: arena.f64(factors, DAMPING_COUNT * size).slice(),
          matrix: arena.f32(matrix, size).slice(),
          damping,
        },
      };
    },
    async matrices(rows, kind) {
      if (kind === "shared" && jacobian.jacobian === 0)
        throw new Error("what samples share has not been made");
      const at = room(true);
      const matrices = new Float32Array(rows.length * d * d);
      const turn = makeTurns();
      for (const [i, row] of rows.entries()) {
        await turn();
        curvatures?.(row, at.curvatures);
        if (kind === "own") kernels.objectiveGaussNewton(graph, workspace, at.work, row);
        else kernels.objectiveSharedGaussNewton(graph, workspace, at.work, row);
        at.read(matrices.subarray(i * d * d, (i + 1) * d * d));
      }
      return matrices;
    },
    async alongGradient(rows) {
      const at = room(false);
      return Float64Array.from(rows, (row) => {
        curvatures?.(row, at.curvatures);
        return kernels.objectiveCurvatureAlong(graph, workspace, at.work, row);
      });
    },
    free,
  };
}

/**
 * Returns the factor σ by which the shared curvature matrix, made for a mean over the outputs, is multiplied for one sample's
 * loss: 1 for a mean, n = outputSize or, with weights, Σw for a sum.
 */
export function curvatureScale(problem: Problem, sample: number): number {
  const weights = sampleWeights(problem, sample);
  if (!weights || problem.loss.reduction === "mean") return lossScales(problem).curvatureScale;
  return weights.reduce((sum, weight) => sum + weight, 0);
}
