import type { instantiate as debugBindings } from "../../build/wasm/debug.js";

/** The exports of assembly/index.ts. */
export type Kernels = Awaited<ReturnType<typeof debugBindings>>;

/** A compiled build of the kernels. */
export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  readonly build: string;
  /** CRC-32 of the binary, as eight hexadecimal digits. */
  readonly checksum: string;
}

/**
 * Makes an instance with its own memory: synchronously if the runtime allows it, since Node 20 hangs now and then if many
 * instantiations are awaited one after the other. A page's main thread may refuse that for large modules by a RangeError; it
 * then awaits.
 */
export async function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<Kernels> {
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
