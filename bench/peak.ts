import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** The register peak of a build: see bench/probe. */
export interface Peak {
  /** Runs each probe once for about a tenth of a millisecond; returns the better one's GFLOP/s. */
  measure(): number;
}

interface ProbeExports {
  CHAINED: WebAssembly.Global;
  INDEPENDENT: WebAssembly.Global;
  chained(iterations: number, operands: number): number;
  independent(iterations: number, operands: number): number;
}

/** GFLOP/s: the best of many short runs. */
export function bestOf(peak: Peak): number {
  return Math.max(...Array.from({ length: 40 }, () => peak.measure()));
}

const ITERATIONS = 20_000;
/** A multiply-add of 4 lanes. */
const OPERATIONS = 8;

export async function compilePeak(build: "plain" | "relaxed"): Promise<Peak> {
  const module = await WebAssembly.compile(await compileProbe(build));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const probe = exports as unknown as ProbeExports;
  const operands = 1024;
  new Float32Array(memory.buffer, operands, 24).fill(1e-3);

  function speed(run: ProbeExports["chained"], perIteration: number): number {
    const start = performance.now();
    run(ITERATIONS, operands);
    return (ITERATIONS * perIteration * OPERATIONS) / (performance.now() - start) / 1e6;
  }
  return {
    measure: () =>
      Math.max(speed(probe.chained, probe.CHAINED.value), speed(probe.independent, probe.INDEPENDENT.value)),
  };
}

/** The register peak of several threads at once. */
export interface ThreadedPeak {
  /** Runs the probe in so many threads at the same time; returns the sum of their GFLOP/s. */
  measure(threads: number, milliseconds: number): Promise<number>;
  dispose(): Promise<void>;
}

/** @param threads the most that are measured */
export async function startPeak(build: "plain" | "relaxed", threads: number): Promise<ThreadedPeak> {
  const module = await WebAssembly.compile(await compileProbe(build));
  const workerData = { module, iterations: ITERATIONS, operations: OPERATIONS };
  const file = new URL("peak-worker.mjs", import.meta.url);
  const workers = Array.from({ length: threads }, () => new Worker(file, { workerData, execArgv: [] }));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  return {
    async measure(count, milliseconds) {
      const speeds = workers.slice(0, count).map(async (worker) => {
        worker.postMessage(milliseconds);
        const [speed] = await once(worker, "message");
        return speed as number;
      });
      return (await Promise.all(speeds)).reduce((sum, speed) => sum + speed, 0);
    },
    async dispose() {
      for (const worker of workers) await worker.terminate();
    },
  };
}

async function compileProbe(build: "plain" | "relaxed"): Promise<BufferSource> {
  // Here, since it takes ten seconds to load: most of who imports this file measures nothing.
  const { default: asc } = await import("assemblyscript/asc");
  const features = build === "relaxed" ? ["--enable", "relaxed-simd"] : [];
  let binary: Uint8Array<ArrayBuffer> | undefined;
  // Of its folder, or the kernels would be compiled along with it.
  const baseDir = fileURLToPath(new URL("./probe", import.meta.url));
  const args = ["index.ts", "--baseDir", baseDir, "-o", "probe.wasm", "-O3", "--noAssert"];
  const options = ["--runtime", "stub", "--importMemory", "--enable", "simd", ...features];
  const { error, stderr } = await asc.main([...args, ...options], {
    writeFile(_name, contents) {
      if (typeof contents !== "string") binary = Uint8Array.from(contents);
    },
  });
  if (error || !binary) throw new Error(`the probe could not be compiled: ${stderr}`);
  return binary;
}
