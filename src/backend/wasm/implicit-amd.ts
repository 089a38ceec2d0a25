import {
  type ImplicitAmd as ImplicitAmdSolver,
  LEAST_DAMPING,
  LEAST_SECANT_CURVATURE,
} from "../../solver/implicit-amd.ts";
import { allocateBeside } from "./arena.ts";
import type { FusedDescent } from "./descent.ts";
import { allocateGaussNewton } from "./gauss-newton.ts";
import { ImplicitAmd } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** Implicit AMD fused with the kernels, assembly/implicit-amd.ts. */
export function fusedImplicitAmd(packed: PackedDecoder, solver: ImplicitAmdSolver): FusedDescent {
  const { arena, kernels, decoder } = packed;
  const d = decoder.latentSize;
  const work = allocateGaussNewton(packed);
  const block = allocateBeside(work, () =>
    arena.allocate((piece) => ({
      solver: piece(ImplicitAmd.size),
      factor: piece(8 * d * d),
      vector: piece(8 * d),
    })),
  );
  const { factor, vector } = block.layout;
  const { explicitSteps, matrixSteps, slope } = solver;
  ImplicitAmd.set(arena.view(), block.layout.solver, {
    ...{ explicitSteps, matrixSteps, slope, factor, vector },
    leastDamping: LEAST_DAMPING,
    leastSecantCurvature: LEAST_SECANT_CURVATURE,
    gaussNewton: work.work,
  });
  return {
    ...block,
    solver,
    descent: block.layout.solver,
    memorySize: d * (d + 2),
    run: kernels.solveImplicitAmd,
    free() {
      block.free();
      work.free();
    },
  };
}
