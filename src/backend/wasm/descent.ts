import type { Control, Solution } from "../../solver/base.ts";
import type { DescentOptions } from "../../solver/descent.ts";
import type { Problem } from "../base.ts";
import type { SampleFeed } from "../feed.ts";
import type { Block } from "./arena.ts";
import { allocateBatch } from "./batch.ts";
import { Pacer } from "./pacer.ts";
import type { PackedDecoder } from "./packed.ts";
import { Staging } from "./staging.ts";

/** A solver fused with the kernels, its struct in a decoder's memory. */
export interface FusedDescent extends Block {
  readonly solver: DescentOptions;
  /** Points to the struct, which extends Descent. */
  readonly descent: number;
  /** How many float64 numbers it keeps of a sample. */
  readonly memorySize: number;
  /** Works on the staged samples; see `amdRun` in assembly/amd.ts. */
  run(descent: number, plan: number, batch: number, maxPasses: number, refill: number): number;
}

/**
 * Solves samples of a problem: WASM works on the staged ones slice by slice; between slices the finished ones
 * are collected and new ones staged in their places.
 *
 * @param allocate takes the solver's memory, freed at the end
 * @param capacity resident rows
 * @param feed the samples of the problem that are solved
 */
export async function solveFused(
  packed: PackedDecoder,
  problem: Problem,
  allocate: () => FusedDescent,
  capacity: number,
  solution: Solution,
  control: Control,
  feed: SampleFeed,
): Promise<void> {
  const blocks: { free(): void }[] = [];
  try {
    const batch = allocateBatch(packed, capacity, problem.loss.name);
    blocks.push(batch);
    const fused = allocate();
    blocks.push(fused);
    const { solver, descent, memorySize } = fused;
    const staging = new Staging(packed, problem, solver, descent, memorySize, capacity, solution, feed);
    blocks.push(staging);
    const pacer = new Pacer(2 * capacity);
    staging.exchange();
    while (!staging.isFinished && !control.aborted()) {
      const start = performance.now();
      const refill = staging.hasMore ? 1 : 0;
      const spent = fused.run(descent, packed.plan, batch.batch, pacer.budget, refill);
      pacer.record(spent, performance.now() - start);
      staging.exchange();
      await control.pause();
    }
    staging.collectUnfinished();
  } finally {
    for (const block of blocks) block.free();
  }
}
