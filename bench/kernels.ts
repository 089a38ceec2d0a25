import { REVECTORIZE, wideKernels } from "../src/cli/vectors.ts";
import { type Backend, type WasmOptions, wasm } from "../src/index.ts";
import type { CompiledKernels } from "../src/kernels/instance.ts";
import { canRunRelaxed, compileKernels, recogniseKernels } from "../src/kernels/load.ts";

// The kernels that the program would run in this process: those with tiles for 256-bit vectors if V8's flag is set.

const isWide = process.execArgv.includes(REVECTORIZE);

/** @param relaxed undefined for the build that is the fastest here */
export async function benchKernels(relaxed?: boolean): Promise<CompiledKernels> {
  return isWide ? recogniseKernels(wideModule(relaxed)) : compileKernels(relaxed);
}

/** @param relaxed undefined for the build that is the fastest here */
export function benchBackend(relaxed?: boolean, options: WasmOptions = {}): Backend {
  return wasm({ threads: 1, ...(isWide ? { module: wideModule(relaxed) } : { relaxed }), ...options });
}

function wideModule(relaxed = canRunRelaxed()): WebAssembly.Module {
  return new WebAssembly.Module(wideKernels(relaxed ? "relaxed" : "plain"));
}
