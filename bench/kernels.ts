import { isStartedWithRevectorize, wideKernels } from "../src/cli/vectors.ts";
import { type Backend, type WasmOptions, wasm } from "../src/index.ts";
import type { CompiledKernels } from "../src/kernels/instance.ts";
import { canRunRelaxed, compileKernels, recogniseKernels } from "../src/kernels/load.ts";

// The kernels that benches time: those with tiles for 256-bit vectors if Node was started with V8's flag for them. The
// environment variable KERNELS chooses "narrow" or "wide" ones whatever the flag.

const { KERNELS } = process.env;
if (KERNELS !== undefined && KERNELS !== "narrow" && KERNELS !== "wide") {
  throw new Error(`KERNELS is "${KERNELS}", expected narrow or wide`);
}
const isWide = KERNELS === undefined ? isStartedWithRevectorize() : KERNELS === "wide";

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
