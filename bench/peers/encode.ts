import { availableParallelism } from "node:os";
import { type Amd, amd, encode, type Lbfgs } from "../../src/index.ts";
import { mean } from "../timing.ts";
import { lbfgsTo, oneThread, threaded } from "./latentflow.ts";
import type { Peer, Task } from "./peer.ts";
import { inTurns, medianOf, ratioOf, type Timed } from "./rounds.ts";

const AMD_NAME = "latentflow, amd";
export const LBFGS_NAME = "latentflow, lbfgs";

/** How many digits a peer encodes at once, and how many it is timed on. */
export interface PeerLoad {
  readonly batch: number;
  readonly samples: number;
}

export interface EncodeFigure {
  readonly name: string;
  /** For all samples of the task; scaled where fewer were timed. */
  readonly seconds: number;
  /** How many were timed. */
  readonly samples: number;
  readonly meanLoss: number;
  /** Its time divided by our `amd`'s and by our `lbfgs`'s on one thread. */
  readonly toAmd: number;
  readonly toLbfgs: number;
}

/** Encoding the task's data to the mean loss at which our `amd` ends. */
export async function measureEncode(
  task: Task,
  peers: readonly Peer[],
  loadOf: (peer: Peer) => PeerLoad,
  rounds: number,
): Promise<EncodeFigure[]> {
  const { decoder, y } = task;
  const count = y.length / decoder.outputSize;
  const end = await encode(decoder, y, { solver: amd(), backend: oneThread() });
  const fast = await lbfgsTo(task, mean(end.loss));
  const meanLoss = new Map<string, number>();
  const timed = new Map<string, number>();
  const cases: Timed[] = [];

  function ours(name: string, solver: Amd | Lbfgs, backend: ReturnType<typeof oneThread>): void {
    timed.set(name, count);
    async function time(): Promise<number> {
      const { seconds, loss } = await encode(decoder, y, { solver, backend });
      meanLoss.set(name, mean(loss));
      return seconds;
    }
    cases.push({ name, time });
  }
  ours(AMD_NAME, amd(), oneThread());
  ours(LBFGS_NAME, fast, oneThread());
  const cores = availableParallelism();
  if (cores > 1) {
    const all = threaded(cores);
    // Not their start: the first call on a decoder waits for the workers.
    const { backend: info } = await encode(decoder, y, { solver: fast, backend: all });
    if (info.threads !== cores) throw new Error(`encoding on ${cores} threads: ${info.reason}`);
    ours(`${AMD_NAME}, ${cores} threads`, amd(), all);
    ours(`${LBFGS_NAME}, ${cores} threads`, fast, all);
  }

  for (const { name, encode: run, ...peer } of peers) {
    if (!run) continue;
    const { batch, samples } = loadOf({ name, encode: run, ...peer });
    timed.set(name, samples);
    // Compiles for this size of batch, and stops after the first iteration. (JSON has no infinity.)
    await run(0, Math.min(batch, samples), Number.MAX_VALUE);
    cases.push({
      name,
      async time() {
        let seconds = 0;
        let losses = 0;
        for (let first = 0; first < samples; first += batch) {
          const size = Math.min(batch, samples - first);
          const wanted = mean(end.loss.subarray(first, first + size));
          const encoded = await run(first, size, wanted);
          seconds += encoded.seconds;
          losses += encoded.meanLoss * size;
        }
        meanLoss.set(name, losses / samples);
        return (seconds * count) / samples;
      },
    });
  }
  const times = await inTurns(cases, rounds);
  return cases.map(({ name }) => ({
    name,
    seconds: medianOf(times, name),
    samples: timed.get(name)!,
    meanLoss: meanLoss.get(name)!,
    toAmd: ratioOf(times, name, AMD_NAME),
    toLbfgs: ratioOf(times, name, LBFGS_NAME),
  }));
}
