import type { Session } from "../backend.ts";
import { allSamples } from "../feed.ts";
import { decodeRows } from "./decode.ts";
import { loadObjectives } from "./load-objectives.ts";
import { objectiveSize, type PackedDecoder } from "./packed.ts";
import { solveSamples } from "./solve.ts";
import type { Team } from "./team.ts";

/**
 * Makes a session of a packed decoder that solves and decodes on the calling thread alone.
 *
 * @param team threads that divide objectives and training. Default: the calling thread
 */
export function wasmSession(packed: PackedDecoder, team?: Team): Session {
  const { decoder, compiled } = packed;
  return {
    info: { name: "wasm", build: compiled.build, threads: 1 },
    async solve(problem, pair, solution, control) {
      const { sampleCount } = problem;
      if (sampleCount === 0 || control.aborted()) return;
      await solveSamples(packed, { problem, pair, solution }, control, allSamples(sampleCount));
    },
    objectiveSize: (problem) => objectiveSize(packed, problem),
    async objective(problem, first, count) {
      const { objectivesOf } = await loadObjectives();
      return objectivesOf(packed, team).objective(problem, first, count);
    },
    async decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      const outputs = new Float32Array(sampleCount * decoder.outputSize);
      await decodeRows(packed, { z, fixed, outputs, toLogits }, control, allSamples(sampleCount));
      return outputs;
    },
    async train(optimizer) {
      const { wasmTrainer } = await loadObjectives();
      return wasmTrainer(packed, optimizer, team);
    },
  };
}
