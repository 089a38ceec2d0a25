import { readFileSync } from "node:fs";
import { Arena } from "../../src/backend/wasm/arena.ts";
import { instantiateKernels, type Kernels } from "../../src/backend/wasm/load.ts";
import { type Backend, wasm } from "../../src/index.ts";

/** A build of the kernels as the tests use it. A runtime that lacks one fails the tests, it skips nothing. */
export interface Build {
  readonly name: "debug" | "plain" | "relaxed";
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly backend: Backend;
}

export const builds: readonly Build[] = (["debug", "plain", "relaxed"] as const).map((name) => {
  const bytes = Uint8Array.from(readFileSync(new URL(`../../build/wasm/${name}.wasm`, import.meta.url)));
  return { name, bytes, backend: name === "debug" ? wasm({ bytes }) : wasm({ relaxed: name === "relaxed" }) };
});

/** The kernels of a build on a memory of their own, for tests that call them directly. */
export async function bareKernels(build: Build): Promise<{ kernels: Kernels; arena: Arena }> {
  const arena = new Arena();
  const kernels = await instantiateKernels(await WebAssembly.compile(build.bytes), arena.memory);
  return { kernels, arena };
}
