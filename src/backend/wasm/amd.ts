import type { Amd as AmdSolver } from "../../solver/amd.ts";
import type { FusedDescent } from "./descent.ts";
import { Amd } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** AMD fused with the kernels, assembly/amd.ts. */
export function fusedAmd({ arena, kernels }: PackedDecoder, solver: AmdSolver): FusedDescent {
  const { window, growFrom, t1, stepMax, slope, settle } = solver;
  const block = arena.allocate((piece) => piece(Amd.size));
  const growFromTrial = growFrom === "trial" ? 1 : 0;
  Amd.set(arena.view(), block.layout, {
    ...{ window, growFromTrial, t1, stepMax, slope },
    settleTime: settle * t1,
  });
  return { ...block, solver, descent: block.layout, memorySize: window, run: kernels.solveAmd };
}
