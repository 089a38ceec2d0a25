import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { type Backend, wasm } from "../../src/index.ts";
import { Arena } from "../../src/kernels/arena.ts";
import type { KernelInstance, Kernels } from "../../src/kernels/instance.ts";
import { newMemory } from "../../src/kernels/shared-memory.ts";

/** A build of the kernels as the tests use it. A runtime that lacks one fails the tests, it skips nothing. */
export interface Build {
  readonly name: "debug" | "plain" | "relaxed" | "plain-wide" | "relaxed-wide";
  readonly module: WebAssembly.Module;
  readonly backend: Backend;
}

const moduleOf = (name: Build["name"]) =>
  new WebAssembly.Module(readFileSync(new URL(`../../build/wasm/${name}.wasm`, import.meta.url)));

function buildOf(name: "debug" | "plain" | "relaxed"): Build {
  const module = moduleOf(name);
  const backend = name === "debug" ? wasm({ module }) : wasm({ relaxed: name === "relaxed" });
  return { name, module, backend };
}

export const plain = buildOf("plain");
/**
 * Debug, plain and relaxed. Debug, which is slow and not published, runs on one Node alone: a second one is tried for the
 * machine code that it makes of what users have.
 */
export const builds: readonly Build[] = [
  ...(process.env.LATENTFLOW_TEST_WITHOUT_DEBUG ? [] : [buildOf("debug")]),
  plain,
  buildOf("relaxed"),
];

/** The builds with tiles for 256-bit vectors, which differ from the others in matrix products alone. */
export const wideBuilds: readonly Build[] = (["plain-wide", "relaxed-wide"] as const).map((name) => {
  const module = moduleOf(name);
  return { name, module, backend: wasm({ module }) };
});

/** The kernels of a build on a memory of their own, for tests that call them directly. */
export async function bareKernels({ module }: Build): Promise<KernelInstance> {
  const arena = new Arena(newMemory(module));
  const { exports } = instantiateSync(module, { env: { memory: arena.memory } });
  return { kernels: exports as unknown as Kernels, arena };
}
