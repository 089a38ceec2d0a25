import type { instantiate as debugBindings } from "../../build/wasm/debug.js";
import { Arena } from "./arena.ts";
import { newMemory } from "./shared-memory.ts";

type Bindings = Awaited<ReturnType<typeof debugBindings>>;

/**
 * The functions that the WASM module exports: assembly/index.ts. A struct is passed as its address, although the compiler's
 * declarations have an object in its place.
 */
export type Kernels = {
  readonly [Name in keyof Bindings]: Bindings[Name] extends (...args: infer Args) => infer Result
    ? (...args: { [I in keyof Args]: Args[I] extends boolean ? boolean : number }) => Result
    : Bindings[Name];
};

/** A compiled build of the WASM kernels: its module, name and checksum. */
export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  readonly build: string;
  /** CRC-32 of the binary for 128-bit vectors, as eight hexadecimal digits; the binary for 256 carries the same. */
  readonly checksum: string;
}

/** An instance of the kernels, with its memory. */
export interface KernelInstance {
  readonly arena: Arena;
  readonly kernels: Kernels;
}

/** Makes an instance of the kernels with a memory of its own: shared if the module imports a shared one. */
export async function newInstance(module: WebAssembly.Module): Promise<KernelInstance> {
  const arena = new Arena(newMemory(module));
  return { arena, kernels: await instantiateKernels(module, arena.memory) };
}

/**
 * Makes an instance of the kernels on the given memory: synchronously, since Node 20 occasionally hangs if many instantiations
 * are awaited in sequence; asynchronously if the synchronous way throws a RangeError, as it may for large modules on a page's
 * main thread.
 */
async function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  const imports = { env: { memory } };
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(module, imports);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    instance = await WebAssembly.instantiate(module, imports);
  }
  return instance.exports as unknown as Kernels;
}
