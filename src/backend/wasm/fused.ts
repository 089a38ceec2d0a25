import { withoutMatrices } from "../../objective.ts";
import type { Control } from "../../solver/base.ts";
import { type DescentSolver, isPreconditioned, isPreconditionedByDecoder } from "../../solver/descent.ts";
import { allocateSolver, rowsWithRoom } from "../../solver/solver-block.ts";
import type { Problem, SampleSet } from "../backend.ts";
import type { Feed } from "../feed.ts";
import { allocateGaussNewton, NO_MATRICES } from "./gauss-newton.ts";
import { Descent } from "./layout.ts";
import { Pacer } from "./pacer.ts";
import type { PackedDecoder } from "./packed.ts";
import { curvatureUse, preconditionerOf } from "./preconditioner.ts";
import { allocatePrior } from "./prior-block.ts";
import { Staging } from "./staging.ts";
import { allocateWorkspace } from "./workspace.ts";

/**
 * Solves samples of a problem by a solver fused with the kernels: WASM works on the staged ones slice by slice; between
 * slices the finished ones are collected and new ones staged in their places.
 *
 * @param problem all samples of the call
 * @param most resident rows
 * @param feed the samples that are solved here
 */
export async function solveFused(
  packed: PackedDecoder,
  problem: Problem,
  solver: DescentSolver,
  most: number,
  control: Control,
  feed: Feed<SampleSet>,
): Promise<void> {
  const { arena, kernels, graph, decoder } = packed;
  const curvature = curvatureUse(problem);
  const hasMatrices = isPreconditioned(solver, curvature);
  const capacity = Math.min(most, rowsWithRoom(solver, decoder.latentSize, hasMatrices));
  const isShared = isPreconditionedByDecoder(solver, curvature);
  const lease = isShared ? await preconditionerOf(packed, problem) : undefined;
  const shared = lease?.preconditioner;
  const hasFirst = shared !== undefined || (hasMatrices && curvature.ownFirst);
  const blocks: { free(): void }[] = [];
  const taken = <T extends { free(): void }>(block: T): T => {
    blocks.push(block);
    return block;
  };
  if (lease) taken(lease);
  try {
    const { pointer: prior } = taken(allocatePrior(arena, problem.prior));
    const { pointer: workspace } = taken(allocateWorkspace(packed, capacity, problem.loss.name, { prior }));
    const use = hasFirst ? { ...NO_MATRICES, ...shared, own: true } : NO_MATRICES;
    const { work } = taken(allocateGaussNewton(packed, use));
    const { solver: pointer } = taken(
      allocateSolver(arena, solver, {
        ...{ latentSize: decoder.latentSize, capacity },
        curvature: hasFirst ? curvature : withoutMatrices(curvature),
        factors: shared?.factors ?? 0,
        matrix: shared?.matrix ?? 0,
        damping: shared?.damping ?? 0,
      }),
    );
    const staging = taken(new Staging(packed, problem, pointer, capacity, feed));
    const pacer = new Pacer(capacity);
    staging.exchange();
    while (!staging.isFinished && !control.aborted()) {
      const start = performance.now();
      const refill = staging.hasMore ? 1 : 0;
      const spent = kernels.solverRun(pointer, graph, workspace, work, pacer.budget, refill);
      pacer.record(spent, performance.now() - start);
      staging.exchange();
      await control.pause();
    }
    // An abort may come between losses and gradients, of which there is to be a norm.
    if (Descent.get(arena.view(), pointer, "judged") > 0)
      kernels.solverRun(pointer, graph, workspace, work, 1, 0);
    staging.collectUnfinished();
  } finally {
    for (const block of blocks) block.free();
  }
}
