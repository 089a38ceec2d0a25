import type { Control, Solution } from "../../solver/base.ts";
import { isDescentSolver } from "../../solver/descent.ts";
import { isCustom } from "../../terms/losses.ts";
import type { CheckedPair, Problem } from "../base.ts";
import type { SampleFeed } from "../feed.ts";
import { solveByObjectives } from "../solve.ts";
import { type Decoding, decodeRows } from "./decode.ts";
import { solveFused } from "./fused.ts";
import { wasmObjective } from "./objective.ts";
import { residentRows } from "./pacer.ts";
import type { PackedDecoder } from "./packed.ts";

/** What one thread does with a decoder that is packed in its instance of the kernels. */
export interface OneThread {
  /** How many rows it works on at once at most. */
  readonly rows: number;
  /** How many samples of a problem are resident at once. */
  atOnce(problem: Problem): number;
  /** See `solveAll`; of the samples that the feed gives. */
  solve(
    problem: Problem,
    pair: CheckedPair,
    solution: Solution,
    control: Control,
    feed: SampleFeed,
  ): Promise<void>;
  decode(decoding: Decoding, control: Control, feed: SampleFeed): Promise<void>;
}

export function oneThread(packed: PackedDecoder): OneThread {
  const residents = residentRows(packed.decoder);
  const atOnce = (problem: Problem) =>
    Math.min(problem.sampleCount, problem.batchSize ?? residents, residents);
  const general = {
    objectiveSize: atOnce,
    objective: (problem: Problem, first: number, count: number) =>
      wasmObjective(packed, problem, first, count),
  };
  return {
    rows: residents,
    atOnce,
    async solve(problem, pair, solution, control, feed) {
      const { solver } = pair;
      // A fused solver keeps no points on its way; a custom loss runs in JavaScript between the passes.
      if (isDescentSolver(solver) && !solution.recording && !isCustom(problem.loss)) {
        await solveFused(packed, problem, solver, atOnce(problem), solution, control, feed);
      } else {
        await solveByObjectives(general, problem, pair, solution, control, feed);
      }
    },
    decode: (decoding, control, feed) => decodeRows(packed, decoding, residents, feed, control),
  };
}
