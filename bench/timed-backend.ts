import type { Backend } from "../src/backend/base.ts";
import { compileKernels, type Kernels } from "../src/backend/wasm/load.ts";
import { packDecoder } from "../src/backend/wasm/packed.ts";
import { wasm } from "../src/backend/wasm/wasm.ts";
import type { Decoder } from "../src/index.ts";

/** The WASM backend on one thread, adding up the milliseconds spent in each kernel. */
export function timedBackend(relaxed: boolean, spent: Map<string, number>): Backend {
  const backend = wasm({ relaxed, threads: 1 });
  return {
    ...backend,
    async prepare(decoder: Decoder) {
      const prepared = await backend.prepare(decoder);
      const packed = await packDecoder(decoder, await compileKernels(relaxed));
      const kernels = { ...packed.kernels } as Record<string, unknown>;
      for (const [name, kernel] of Object.entries(kernels)) {
        if (typeof kernel !== "function") continue;
        kernels[name] = (...args: unknown[]) => {
          const start = performance.now();
          try {
            return kernel(...args);
          } finally {
            spent.set(name, (spent.get(name) ?? 0) + performance.now() - start);
          }
        };
      }
      Object.assign(packed, { kernels: kernels as unknown as Kernels });
      return prepared;
    },
  };
}
