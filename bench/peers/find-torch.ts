import { spawnSync } from "node:child_process";

/**
 * One thread, also of OpenBLAS, which torch.set_num_threads does not reach; and OpenBLAS's own choice of kernels,
 * whatever the shell has asked of it for the sake of other programs.
 */
export const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OPENBLAS_"))),
  OPENBLAS_NUM_THREADS: "1",
  OMP_NUM_THREADS: "1",
};

/** The first Python that has PyTorch, of $PYTHON, the PATH's and the system's; undefined where there is none. */
export function findTorch(): string | undefined {
  const candidates = [process.env.PYTHON ?? "python3", "python3", "/usr/bin/python3"];
  return candidates.find(
    (python) => spawnSync(python, ["-c", "import torch"], { env: environment }).status === 0,
  );
}
