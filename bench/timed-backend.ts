import type { Backend } from "../src/backend/backend.ts";
import { packDecoder } from "../src/backend/wasm/packed.ts";
import { runHere } from "../src/backend/wasm/team.ts";
import type { Decoder } from "../src/index.ts";
import type { Kernels } from "../src/kernels/instance.ts";
import { benchBackend, benchKernels } from "./kernels.ts";

/** The WASM backend on one thread, adding up the milliseconds spent in each kernel. */
export function timedBackend(relaxed: boolean, spent: Map<string, number>): Backend {
  return watchedBackend(relaxed, (name, kernel) => (...args) => {
    const start = performance.now();
    try {
      return kernel(...args);
    } finally {
      spent.set(name, (spent.get(name) ?? 0) + performance.now() - start);
    }
  });
}

/**
 * The WASM backend on one thread, counting what its solvers spend: passes of one sample through the decoder, forward or
 * back.
 */
export function countingBackend(): { readonly backend: Backend; passes(): number } {
  let passes = 0;
  const backend = watchedBackend(undefined, (name, kernel) => {
    if (name !== "solverRun") return kernel;
    return (...args) => {
      const spent = kernel(...args) as number;
      passes += spent;
      return spent;
    };
  });
  return { backend, passes: () => passes };
}

type Kernel = (...args: unknown[]) => unknown;

/** The WASM backend on one thread with kernels put in place of its own. */
function watchedBackend(
  relaxed: boolean | undefined,
  watch: (name: string, kernel: Kernel) => Kernel,
): Backend {
  const backend = benchBackend(relaxed);
  return {
    ...backend,
    async open(decoder: Decoder) {
      const session = await backend.open(decoder);
      const packed = await packDecoder(decoder, await benchKernels(relaxed));
      const kernels = { ...packed.kernels } as Record<string, unknown>;
      for (const [name, kernel] of Object.entries(kernels)) {
        if (typeof kernel === "function") kernels[name] = watch(name, kernel as Kernel);
      }
      const watched = kernels as unknown as Kernels;
      Object.assign(packed, { kernels: watched, run: runHere(watched) });
      return session;
    },
  };
}
