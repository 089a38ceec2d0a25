import type { Amd as AmdSolver } from "../../solver/amd.ts";
import type { Control, Solution } from "../../solver/base.ts";
import type { Problem } from "../base.ts";
import { allocateBatch } from "./batch.ts";
import { Pacer } from "./pacer.ts";
import type { PackedDecoder } from "./packed.ts";
import { Staging } from "./staging.ts";

/**
 * AMD fused with the kernels: assembly/amd.ts works on the staged samples slice by slice; between slices the
 * finished ones are collected and new ones staged in their places.
 *
 * @param capacity resident rows
 */
export async function solveFusedAmd(
  packed: PackedDecoder,
  problem: Problem,
  solver: AmdSolver,
  capacity: number,
  solution: Solution,
  control: Control,
): Promise<void> {
  const batch = allocateBatch(packed, capacity, problem.loss.name);
  let staging: Staging | undefined;
  try {
    staging = new Staging(packed, problem, solver, capacity, solution);
    const pacer = new Pacer(2 * capacity);
    staging.exchange();
    while (!staging.isFinished && !control.aborted()) {
      const start = performance.now();
      const refill = staging.hasMore ? 1 : 0;
      const spent = packed.kernels.solveAmd(staging.amd, packed.plan, batch.batch, pacer.budget, refill);
      pacer.record(spent, performance.now() - start);
      staging.exchange();
      await control.pause();
    }
    staging.collectUnfinished();
  } finally {
    staging?.free();
    batch.free();
  }
}
