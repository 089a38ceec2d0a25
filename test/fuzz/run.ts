import { Worker } from "node:worker_threads";
import { type Counts, fuzzRound, newCounts } from "./target.ts";

/** A round that takes so long hangs. */
const HANGS_AFTER = 60;

/** Ends the process where a round hangs, since the thread that hangs cannot say which one it is. */
function watch(seed: number): { round: (number: number) => void; stop: () => Promise<number> } {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { workerData: { shared, seed, seconds } } = require("node:worker_threads");
    let last = -1;
    let since = 0;
    setInterval(() => {
      since = shared[0] === last ? since + 1 : 0;
      last = shared[0];
      if (since < seconds) return;
      require("node:fs").writeSync(2, "fuzz: seed " + seed + ", round " + last + " hangs\\n");
      process.kill(process.pid, "SIGKILL");
    }, 1000);
  `;
  const workerData = { shared, seed, seconds: HANGS_AFTER };
  const worker = new Worker(code, { eval: true, workerData, execArgv: [] });
  worker.unref();
  return { round: (number) => void Atomics.store(shared, 0, number), stop: () => worker.terminate() };
}

/**
 * Goes through the rounds of a seed, from the first on, until one of the bounds is reached.
 *
 * @throws Error as `fuzzRound` does
 */
export async function fuzz(
  seed: number,
  { rounds = Infinity, seconds = Infinity }: { readonly rounds?: number; readonly seconds?: number },
): Promise<Counts> {
  const counts = newCounts();
  const watcher = watch(seed);
  const end = performance.now() + seconds * 1000;
  try {
    for (let round = 0; round < rounds && performance.now() < end; round++) {
      watcher.round(round);
      await fuzzRound(seed, round, counts);
    }
  } finally {
    await watcher.stop();
  }
  return counts;
}
