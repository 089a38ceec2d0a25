import { Blocks } from "../../kernels/arena.ts";
import { Descent } from "../../kernels/layout.ts";
import type { Control } from "../../solver/base.ts";
import {
  type DescentSolver,
  isDescentSolver,
  isPreconditionedByDecoder,
  keepsMatrices,
} from "../../solver/descent.ts";
import { withoutMatrices } from "../../solver/objective.ts";
import { allocateSolver, NO_SHARED_MATRIX, rowsWithRoom } from "../../solver/solver-block.ts";
import { isCustom } from "../../terms/losses.ts";
import type { Task, Use } from "../backend.ts";
import type { Feed } from "../feed.ts";
import { allocateGaussNewton, NO_MATRICES } from "./gauss-newton-memory.ts";
import { loadObjectives } from "./load-objectives.ts";
import { Pacer } from "./pacer.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";
import { curvatureUse, type LowRankMaker, preconditionerOf } from "./preconditioner.ts";
import { allocatePrior } from "./prior-block.ts";
import type { Run } from "./run.ts";
import { Staging } from "./staging.ts";
import { allocateWorkspace } from "./workspace.ts";

/**
 * Returns true if WASM can run the whole solve by itself: no solver, custom loss or recording runs in JavaScript between its
 * passes.
 */
export function isFused({ problem, pair }: Omit<Use, "isRecorded">, isRecorded: boolean): boolean {
  return isDescentSolver(pair.solver) && !isRecorded && !isCustom(problem.loss);
}

const loadAndMakeLowRank: LowRankMaker = async (...given) => (await loadObjectives()).makeLowRank(...given);

/**
 * Solves the samples that `feed` returns, with kernels called by `run`: by a solver inside WASM if there is one, else by a solver
 * in JavaScript with the same results. The solver inside WASM works in slices of time on the samples whose data are in WASM
 * memory; between two slices finished samples are collected and new ones take their places.
 *
 * @param feed source of the samples to solve
 */
export async function solveSamples(
  packed: PackedDecoder,
  task: Task,
  control: Control,
  feed: Feed,
  run: Run = packed.run,
): Promise<void> {
  if (!isFused(task, task.solution.recording !== undefined)) {
    const { solveByObjectives } = await loadObjectives();
    return solveByObjectives(packed, task, control, feed, run);
  }
  const { problem } = task;
  const solver = task.pair.solver as DescentSolver;
  const { arena, graph, decoder } = packed;
  const curvature = curvatureUse(problem);
  const hasMatrices = keepsMatrices(solver, curvature);
  const capacity = Math.min(
    objectiveSize(packed, problem),
    rowsWithRoom(solver, decoder.latentSize, hasMatrices),
  );
  const isShared = isPreconditionedByDecoder(solver, curvature);
  const lease = isShared ? await preconditionerOf(packed, problem, loadAndMakeLowRank) : undefined;
  const shared = lease?.preconditioner;
  const hasFirst = shared !== undefined || (hasMatrices && curvature.matrix === "own");
  const blocks = lease ? new Blocks(lease) : new Blocks();
  try {
    const { pointer: prior } = blocks.add(() => allocatePrior(arena, problem.prior));
    const { pointer: workspace } = blocks.add(() =>
      allocateWorkspace(packed, capacity, problem.loss.name, { prior }),
    );
    const use = hasFirst && hasMatrices ? { ...NO_MATRICES, ...shared, own: true } : NO_MATRICES;
    const { work } = blocks.add(() => allocateGaussNewton(packed, use));
    const { solver: pointer } = blocks.add(() =>
      allocateSolver(arena, solver, {
        latentSize: decoder.latentSize,
        capacity,
        curvature: hasFirst ? curvature : withoutMatrices(curvature),
        ...(shared ?? NO_SHARED_MATRIX),
      }),
    );
    const staging = blocks.add(() => new Staging(packed, task, pointer, capacity, feed));
    const pacer = new Pacer(capacity);
    staging.exchange();
    while (!staging.isFinished && !control.aborted()) {
      const start = performance.now();
      const spent = await run("solverRun", pointer, graph, workspace, work, pacer.budget, staging.hasMore);
      pacer.record(spent, performance.now() - start);
      staging.exchange();
      await control.pause();
    }
    // An abort may come between the losses and the gradients of accepted steps, whose norms are reported: the gradients are
    // completed.
    if (Descent.get(arena.view(), pointer, "accepted") > 0)
      await run("solverRun", pointer, graph, workspace, work, 1, false);
    staging.collectUnfinished();
  } finally {
    blocks.free();
  }
}
