import { Blocks } from "../../kernels/arena.ts";
import { LineSearch } from "../../kernels/layout.ts";
import type { Control } from "../../solver/base.ts";
import { curvatureFor, isLineSearch, type LineSearchSolver } from "../../solver/line-search.ts";
import { hasMatrices, withoutMatrices } from "../../solver/objective.ts";
import { allocateSolver, NO_SHARED_MATRIX, rowsWithRoom } from "../../solver/solver-memory.ts";
import { isCustom } from "../../terms/losses.ts";
import type { Task, Use } from "../backend.ts";
import type { Feed } from "../feed.ts";
import { allocateGaussNewton, NO_MATRICES } from "./gauss-newton-memory.ts";
import { loadObjectives } from "./load-objectives.ts";
import { Pacer } from "./pacer.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";
import { curvatureUse, type LowRankMaker, preconditionerOf } from "./preconditioner.ts";
import { allocatePrior } from "./prior-block.ts";
import { stageSamples } from "./staging.ts";
import type { Run } from "./team.ts";
import { allocateWorkspace } from "./workspace.ts";

/**
 * Returns true if WASM can run the whole solve by itself: no solver, custom loss or recording runs in JavaScript between its
 * passes.
 */
export function isFused({ problem, pair, isRecorded }: Use): boolean {
  return isLineSearch(pair.solver) && !isRecorded && !isCustom(problem.loss);
}

const loadAndMakeLowRank: LowRankMaker = async (...given) => (await loadObjectives()).makeLowRank(...given);

/**
 * Solves the samples that `feed` returns inside WASM, where `isFused` says that it can, with kernels called by `run`. It works in
 * slices of time on the samples whose data are in WASM memory; between two slices finished samples are collected and new ones take
 * their places.
 *
 * @param feed source of the samples to solve
 */
export async function solveFused(
  packed: PackedDecoder,
  task: Task,
  control: Control,
  feed: Feed,
  run: Run = packed.run,
): Promise<void> {
  const { problem } = task;
  const solver = task.pair.solver as LineSearchSolver;
  const { arena, graph, decoder } = packed;
  const plan = curvatureFor(solver, curvatureUse(problem));
  const capacity = Math.min(
    objectiveSize(packed, problem),
    rowsWithRoom(solver, decoder.latentSize, hasMatrices(plan)),
  );
  const isShared = plan.matrix === "shared" || plan.matrix === "lowRank";
  const lease = isShared ? await preconditionerOf(packed, problem, loadAndMakeLowRank) : undefined;
  const shared = lease?.preconditioner;
  const curvature = isShared && !shared ? withoutMatrices(plan) : plan;
  const blocks = lease ? new Blocks(lease) : new Blocks();
  try {
    const { pointer: prior } = blocks.add(() => allocatePrior(arena, problem.prior));
    const { pointer: workspace } = blocks.add(() =>
      allocateWorkspace(packed, capacity, problem.loss.name, { prior }),
    );
    const use = hasMatrices(curvature) ? { ...NO_MATRICES, ...shared, own: true } : NO_MATRICES;
    const { work } = blocks.add(() => allocateGaussNewton(packed, use));
    const { solver: pointer } = blocks.add(() =>
      allocateSolver(arena, solver, {
        latentSize: decoder.latentSize,
        capacity,
        curvature,
        ...(shared ?? NO_SHARED_MATRIX),
      }),
    );
    const staging = blocks.add(() => stageSamples(packed, task, pointer, capacity, feed));
    const pacer = new Pacer(capacity);
    staging.exchange();
    while (!staging.isFinished() && !control.aborted()) {
      const start = performance.now();
      const spent = await run("solverRun", pointer, graph, workspace, work, pacer.budget, feed.hasMore);
      pacer.record(spent, performance.now() - start);
      staging.exchange();
      await control.pause();
    }
    // An abort may come between the losses and the gradients of accepted steps, whose norms are reported: the gradients are
    // completed.
    if (LineSearch.get(arena.view(), pointer, "accepted") > 0)
      await run("solverRun", pointer, graph, workspace, work, 1, false);
    staging.collectUnfinished();
  } finally {
    blocks.free();
  }
}
