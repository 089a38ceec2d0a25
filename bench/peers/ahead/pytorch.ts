import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { environment } from "../find-torch.ts";
import { amdSettings, conversation } from "../pytorch.ts";
import type { Setting } from "./contenders.ts";
import type { TrainedDecoder } from "./decoders.ts";

/** By which times are taken: the wall's, or the process's own on the processor, for a machine that others use, too. */
export type Clock = "wall" | "cpu";

/** What one run of a contender has come by, evaluation after evaluation. */
export interface History {
  readonly times: readonly number[];
  /** Passes of a sample by then, on average. */
  readonly passes: readonly number[];
  /** [evaluations][samples] */
  readonly losses: readonly (readonly number[])[];
  /** Its limit of time ended it. */
  readonly cut: boolean;
}

export interface TorchInfo {
  readonly version: string;
  /** The library of its matrix products. */
  readonly blas: string;
  /** The vectors that its other loops use. */
  readonly cpu: string;
}

/** Contenders.py in a process of its own. */
export interface TorchContenders {
  readonly info: TorchInfo;
  load({ name, samples }: TrainedDecoder, folder: string): Promise<void>;
  /** Losses and the norms of their gradients at z. */
  evaluate(z: Float32Array): Promise<{ losses: readonly number[]; norms: readonly number[] }>;
  run(
    contender: string,
    setting: Setting,
    limits: { clock: Clock; evaluations: number; seconds: number; patience: number },
  ): Promise<History>;
  dispose(): void;
}

/** @throws Error where PyTorch's matrix products are those of the reference BLAS, which is not made for speed */
export async function startContenders(python: string): Promise<TorchContenders> {
  const script = fileURLToPath(new URL("contenders.py", import.meta.url));
  const child = spawn(python, [script], { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  const ask = conversation(child);
  const { loaded, ...info } = (await ask("begin", { settings: amdSettings() })) as Omit<TorchInfo, "blas"> & {
    readonly blas: string | null;
    readonly loaded: readonly string[];
  };
  try {
    return {
      info: { ...info, blas: checkBlas(info.blas, loaded) },
      load: async ({ name, samples }, folder) => void (await ask("load", { name, folder, samples })),
      evaluate: async (z) => (await ask("evaluate", { z: Array.from(z) })) as never,
      run: async (contender, setting, limits) =>
        (await ask("run", { contender, setting, ...limits })) as History,
      dispose() {
        child.stdin.end();
      },
    };
  } catch (error) {
    child.stdin.end();
    throw error;
  }
}

/** The name of a BLAS that is worth being ahead of. */
export function checkBlas(blas: string | null, loaded: readonly string[]): string {
  if (blas !== null) return blas;
  throw new Error(
    `PyTorch's matrix products are those of ${loaded.join(", ") || "an unknown BLAS"}, expected OpenBLAS or MKL: on Debian ` +
      "`apt-get install libopenblas0-pthread`, or set PYTHON to another Python with PyTorch",
  );
}
