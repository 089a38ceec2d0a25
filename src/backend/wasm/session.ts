import { curvatureFor } from "../../solver/line-search.ts";
import type { BackendInfo } from "../../solver/result.ts";
import type { Session } from "../backend.ts";
import { dividedSamples } from "../feed.ts";
import { decodeRows } from "./decode.ts";
import { isFused, solveFused } from "./fused-solve.ts";
import { loadObjectives } from "./load-objectives.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";
import { curvatureUse, makeJacobian } from "./preconditioner.ts";
import { onEach, type Team, teamOfOne } from "./team.ts";

/**
 * Makes a session of a packed decoder.
 *
 * @param team threads that divide the work. Default: the calling thread alone
 * @param used threads that the last call used, and the reason for fewer than asked for. Default: one thread
 */
export function wasmSession(
  packed: PackedDecoder,
  team: Team = teamOfOne(packed.run),
  used: () => Pick<BackendInfo, "threads" | "reason"> = () => ({ threads: 1 }),
): Session {
  const { decoder, compiled } = packed;
  return {
    get info() {
      return { name: "wasm", build: compiled.build, ...used() };
    },
    async solve(problem, pair, solution, control) {
      const { sampleCount } = problem;
      if (sampleCount === 0 || control.aborted()) return;
      const task = { problem, pair, solution };
      const isInWasm = isFused({ problem, pair, isRecorded: solution.recording !== undefined });
      await team(
        pair.solver,
        sampleCount,
        async (runs) => {
          if (curvatureFor(pair.solver, curvatureUse(problem)).matrix === "shared") {
            await makeJacobian(packed, control, runs);
            if (control.aborted()) return;
          }
          const feeds = dividedSamples(sampleCount, runs.length);
          await onEach(runs, control, async (run, own, thread) => {
            if (isInWasm) return solveFused(packed, task, own, feeds[thread]!, run);
            const { objectivesOf, solveByObjectives } = await loadObjectives();
            return solveByObjectives(objectivesOf(packed, teamOfOne(run)), task, own, feeds[thread]!);
          });
        },
        control.aborted,
      );
    },
    objectiveSize: (problem) => objectiveSize(packed, problem),
    async objective(problem, first, count) {
      const { objectivesOf } = await loadObjectives();
      return objectivesOf(packed, team).objective(problem, first, count);
    },
    async decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      const outputs = new Float32Array(sampleCount * decoder.outputSize);
      await team(
        "pass",
        sampleCount,
        (runs) => {
          const feeds = dividedSamples(sampleCount, runs.length);
          return onEach(runs, control, (run, own, thread) =>
            decodeRows(packed, { z, fixed, outputs, toLogits }, own, feeds[thread]!, run),
          );
        },
        control.aborted,
      );
      return outputs;
    },
    async train(optimizer, count) {
      const { wasmTrainer } = await loadObjectives();
      return wasmTrainer(packed, optimizer, team, count);
    },
  };
}
