import { webgpu } from "../../src/backend/webgpu/index.ts";
import { type Backend, wasm } from "../../src/index.ts";

/** A backend that takes part. */
export interface Contender {
  /** For people. */
  readonly label: string;
  readonly color: string;
  /** Does it compile something for each batch size? Then its first call of a size tells nothing of the others. */
  readonly compilesForSize: boolean;
  /** @param worker of the library's workers, see `wasm` */
  readonly makeBackend: (worker: string | URL) => Backend;
}

/** Who takes part, in the order of the tables; the one that the others are measured against is the last. */
export const CONTENDERS = {
  wasm: {
    label: "WASM, 1 thread",
    color: "#2f6db5",
    compilesForSize: false,
    makeBackend: () => wasm({ threads: 1 }),
  },
  wasmThreads: {
    label: "WASM, all cores",
    color: "#2a8a4a",
    compilesForSize: false,
    makeBackend: (worker) => wasm({ threads: "auto", worker }),
  },
  webgpu: {
    label: "WebGPU",
    color: "#c2571a",
    compilesForSize: true,
    makeBackend: () => webgpu(),
  },
} as const satisfies Record<string, Contender>;

export type ContenderName = keyof typeof CONTENDERS;

export const CONTENDER_NAMES = Object.keys(CONTENDERS) as ContenderName[];
