import type { Loss } from "../../loss.ts";
import { isAmd } from "../../solver/amd.ts";
import type { Control, Solution, Solver } from "../../solver/base.ts";
import { isImplicitAmd } from "../../solver/implicit-amd.ts";
import type { CheckedPair, Problem } from "../base.ts";
import type { SampleFeed } from "../feed.ts";
import { solveByObjectives } from "../solve.ts";
import { fusedAmd } from "./amd.ts";
import { type Decoding, decodeRows } from "./decode.ts";
import { solveFused } from "./descent.ts";
import { fusedImplicitAmd } from "./implicit-amd.ts";
import { wasmObjective } from "./objective.ts";
import { residentRows } from "./pacer.ts";
import type { PackedDecoder } from "./packed.ts";

/** What one thread does with a decoder that is packed in its instance of the kernels. */
export interface OneThread {
  /** How many rows it works on at once at most. */
  readonly rows: number;
  /** How many samples of a problem are resident at once. */
  atOnce(problem: Problem): number;
  /** See `PreparedBackend.fused`; of the samples that the feed gives. */
  fused(solver: Solver, loss: Loss): FusedSolve | undefined;
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

type FusedSolve = (problem: Problem, solution: Solution, control: Control, feed: SampleFeed) => Promise<void>;

export function oneThread(packed: PackedDecoder): OneThread {
  const { layers, parameterCount } = packed.decoder;
  const outputs = layers.reduce((sum, layer) => sum + layer.outputSize, 0);
  const residents = residentRows(parameterCount, outputs);
  const atOnce = (problem: Problem) =>
    Math.min(problem.sampleCount, problem.batchSize ?? residents, residents);
  const general = {
    objectiveSize: atOnce,
    objective: (problem: Problem, first: number, count: number) =>
      wasmObjective(packed, problem, first, count),
  };
  function fused(solver: Solver, loss: Loss): FusedSolve | undefined {
    // A custom loss runs in JavaScript between the passes.
    if (loss.name === "custom") return undefined;
    const allocate = isAmd(solver)
      ? () => fusedAmd(packed, solver)
      : isImplicitAmd(solver) && (() => fusedImplicitAmd(packed, solver));
    if (!allocate) return undefined;
    return (problem, solution, control, feed) =>
      solveFused(packed, problem, allocate, atOnce(problem), solution, control, feed);
  }

  return {
    rows: residents,
    atOnce,
    fused,
    async solve(problem, pair, solution, control, feed) {
      // A fused solver keeps no points on its way.
      const solve = solution.recording ? undefined : fused(pair.solver, problem.loss);
      if (solve) await solve(problem, solution, control, feed);
      else await solveByObjectives(general, problem, pair, solution, control, feed);
    },
    decode: (decoding, control, feed) => decodeRows(packed, decoding, residents, feed, control),
  };
}
