import type { BackendInfo } from "../../solver/result.ts";
import type { Session } from "../backend.ts";
import { allSamples } from "../feed.ts";
import { taskOf } from "../solve-around.ts";
import { type Decoding, decodeRows } from "./decode.ts";
import { objectiveSize } from "./objective.ts";
import type { PackedDecoder } from "./packed.ts";
import { readJacobian } from "./preconditioner.ts";
import { solverOn, wasmObjectives } from "./solver-on.ts";
import { decodeTime, solveTime } from "./threads/cost-model.ts";
import { decodeJob, solveJob } from "./threads/jobs.ts";
import { Sharing, type ThreadOptions } from "./threads/sharing.ts";
import { wasmTrainer } from "./trainer.ts";

/** The session of a packed decoder: each call is done on this thread, or shared with workers. */
export function wasmSession(packed: PackedDecoder, options: ThreadOptions): Session {
  const { decoder, compiled } = packed;
  const sharing = new Sharing(packed, options);
  return {
    get info(): BackendInfo {
      return { name: "wasm", build: compiled.build, ...sharing.info };
    },
    ...wasmObjectives(packed),
    async solve(problem, pair, solution, control) {
      const { sampleCount } = problem;
      if (sampleCount === 0 || control.aborted()) return;
      const task = taskOf(problem, pair, solution);
      const milliseconds = solveTime(decoder, pair.solver);
      const load = { sampleCount, atOnce: objectiveSize(packed, problem), milliseconds };
      const isPrepared = sharing.isWorthPreparing(problem, pair);
      // Workers that come later, or hold another decoder now, are to have it as well.
      const jacobian = isPrepared ? () => readJacobian(packed) : undefined;
      const job = sharing.isWorth(load)
        ? solveJob(sharing.handle, packed, task, solution, jacobian)
        : undefined;
      if (typeof job === "object") {
        const first = isPrepared ? () => sharing.prepare(control) : undefined;
        sharing.wasShared(await sharing.workers.run(job, sharing.useFor(load), control, first));
      } else {
        sharing.isAlone(job);
        await solverOn(packed, task, solution.recording !== undefined)(control, allSamples(sampleCount));
      }
    },
    async decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      const outputs = new Float32Array(sampleCount * decoder.outputSize);
      const decoding: Decoding = { z, fixed, outputs, toLogits };
      const load = { sampleCount, atOnce: packed.rows, milliseconds: decodeTime(decoder) };
      if (sharing.isWorth(load)) {
        const job = decodeJob(sharing.handle, packed, decoding);
        sharing.wasShared(await sharing.workers.run(job, sharing.useFor(load), control));
      } else {
        sharing.isAlone();
        await decodeRows(packed, decoding, control, allSamples(sampleCount));
      }
      return outputs;
    },
    train: (optimizer) => sharing.trainer(wasmTrainer(packed, optimizer, compiled), optimizer),
  };
}
