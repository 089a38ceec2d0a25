import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

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

async function compileProbe(build: "plain" | "relaxed"): Promise<BufferSource> {
  const features = build === "relaxed" ? ["--enable", "relaxed-simd"] : [];
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const source = fileURLToPath(new URL("./probe/index.ts", import.meta.url));
  const args = [source, "-o", "probe.wasm", "-O3", "--noAssert", "--runtime", "stub", "--importMemory"];
  const { error, stderr } = await asc.main([...args, "--enable", "simd", ...features], {
    writeFile(_name, contents) {
      if (typeof contents !== "string") binary = Uint8Array.from(contents);
    },
  });
  if (error || !binary) throw new Error(`the probe could not be compiled: ${stderr}`);
  return binary;
}
