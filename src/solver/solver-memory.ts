import type { Arena, Block } from "../kernels/arena.ts";
import {
  Amd,
  FACTORS_AT_ONCE,
  FITTED_PAIRS,
  Lbfgs,
  LbfgsState,
  type LineSearchFields,
  NUMBERS_OF_FIT,
  packedSize,
  paddedSize,
  Request,
  SOLVER_CODES,
} from "../kernels/layout.ts";
import type { Amd as AmdSolver } from "./amd.ts";
import type { Lbfgs as LbfgsSolver } from "./lbfgs.ts";
import type { LineSearchSolver } from "./line-search.ts";
import { type CurvatureUse, hasMatrices } from "./objective.ts";

/** Memory of a line-search solver of assembly/: its struct, and the state of each row (sample being solved). */
export interface SolverMemory extends Block {
  /** Pointer to the solver's struct, which extends the struct LineSearch of assembly/. */
  readonly solver: number;
}

/** Pointers to the Gauss-Newton matrix that all samples share: its Cholesky factors, or its low-rank form. */
export interface SharedMatrixPointers {
  /**
   * Pointer to the Cholesky factors of A₀ + λτI for each damping λ, with A₀ the Gauss-Newton matrix at the decoder's start latent
   * and τ = tr(A₀)/d; 0 if there are none.
   */
  readonly factors: number;
  /** Pointer to the packed lower triangle of A₀, the Gauss-Newton matrix at the decoder's start latent; 0 without it. */
  readonly matrix: number;
  /** Scale τ = tr(A₀)/d of the damping, with A₀ the Gauss-Newton matrix at the decoder's start latent; 0 without A₀. */
  readonly damping: number;
  /** Pointer to the Ritz vectors of A₀'s low-rank form, with the Ritz values behind them; 0 if there are none. */
  readonly vectors: number;
  /** Number of Ritz vectors. */
  readonly rank: number;
  /** ρ, which stands for the eigenvalues of A₀ across the Ritz vectors. */
  readonly rest: number;
}

/** Value for samples that share no Gauss-Newton matrix. */
export const NO_SHARED_MATRIX: SharedMatrixPointers = {
  factors: 0,
  matrix: 0,
  damping: 0,
  vectors: 0,
  rank: 0,
  rest: 0,
};

/** Parameters for the memory of a line-search solver. */
export interface SolverUse extends SharedMatrixPointers {
  readonly latentSize: number;
  /** Number of rows, each for a sample that is being solved. */
  readonly capacity: number;
  readonly curvature: CurvatureUse;
}

/** Memory sizes and struct of a line-search solver, which differ between `amd` and `lbfgs`. */
interface Layout {
  readonly struct: { readonly size: number };
  /** Returns the number of bytes of state for each row (sample being solved); a multiple of 16, since rows are adjacent. */
  memory(latentSize: number, hasMatrices: boolean): number;
  /** Returns the number of bytes of scratch memory that all rows (samples being solved) share. */
  scratch(latentSize: number, use: { readonly hasMatrices: boolean; readonly rank: number }): number;
  /**
   * Writes the solver's struct at `pointer`: the fields in `common`, which `amd` and `lbfgs` both have, and those of the solver
   * alone. `scratch` points to the shared scratch memory.
   */
  fill(memory: DataView, pointer: number, common: LineSearchFields, use: SolverUse, scratch: number): void;
}

function amdLayout(solver: AmdSolver): Layout {
  return {
    struct: Amd,
    memory: (d) => 8 * even(d + solver.window),
    scratch: () => 0,
    fill(view, pointer, common) {
      Amd.fill(view, pointer, {
        ...solver,
        ...common,
        growFromTrial: Number(solver.growFrom === "trial"),
        settleTime: solver.settle * solver.t1,
      });
    },
  };
}

/**
 * Returns the number of float64 values in a packed d × d matrix followed by the gradient changes, d values each, of the L-BFGS
 * pairs by which the damping λ is chosen: scratch for the choice in assembly/solve/lbfgs-preconditioner.ts.
 */
function fittedSize(latentSize: number): number {
  return packedSize(latentSize) + FITTED_PAIRS * latentSize;
}

/**
 * Returns the number of float64 values of the scratch for a factor: a packed matrix and gradient changes, or for a low-rank
 * form two vectors of float32 and their coefficients.
 */
function factorSize(latentSize: number, rank: number): number {
  return rank > 0 ? paddedSize(latentSize) + rank : fittedSize(latentSize);
}

function lbfgsLayout({ memory: pairs }: LbfgsSolver): Layout {
  return {
    struct: Lbfgs,
    memory(d, hasMatrices) {
      // p and ∇l; s, y and sᵀy of each pair; the factor L; then A in float32.
      const numbers = d * (2 + 2 * pairs) + pairs + (hasMatrices ? packedSize(d) : 0);
      return LbfgsState.size + 8 * even(numbers + (hasMatrices ? Math.ceil(packedSize(d) / 2) : 0));
    },
    scratch(d, { hasMatrices, rank }) {
      const vectors = Math.max(d, pairs) + Math.max(d, FACTORS_AT_ONCE);
      if (!hasMatrices && rank === 0) return 8 * vectors;
      const ofFit = factorSize(d, rank) + (hasMatrices ? FACTORS_AT_ONCE * fittedSize(d) : 0);
      return 8 * (vectors + NUMBERS_OF_FIT * FITTED_PAIRS + ofFit);
    },
    fill(view, pointer, common, use, vector) {
      const { latentSize: d, curvature } = use;
      const otherVector = vector + 8 * Math.max(d, pairs);
      const factor = otherVector + 8 * Math.max(d, FACTORS_AT_ONCE);
      Lbfgs.fill(view, pointer, {
        ...use,
        ...common,
        pairs,
        vector,
        otherVector,
        factor,
        changes: factor + 8 * factorSize(d, use.rank),
        firstMatrix: firstMatrixOf(curvature),
        lastRefresh: curvature.lastRefresh,
        makesOwn: Number(hasMatrices(curvature)),
      });
    },
  };
}

function firstMatrixOf({ matrix, refreshesAtStart }: CurvatureUse): number {
  if (matrix === "own") return Request.ownMatrix;
  return refreshesAtStart ? Request.sharedJacobianMatrix : 0;
}

function layoutOf(solver: LineSearchSolver): Layout {
  return solver.name === "amd" ? amdLayout(solver) : lbfgsLayout(solver);
}

function even(numbers: number): number {
  return 2 * Math.ceil(numbers / 2);
}

/** Maximum number of bytes of solver state for all rows (samples being solved) together. */
const MOST_BYTES = 2 ** 28;

/** Returns the maximum number of rows (samples being solved) whose solver state fits into MOST_BYTES; at least 1. */
export function rowsWithRoom(solver: LineSearchSolver, latentSize: number, hasMatrices: boolean): number {
  return Math.max(1, Math.floor(MOST_BYTES / layoutOf(solver).memory(latentSize, hasMatrices)));
}

/** Allocates the memory of a line-search solver and writes its struct; the caller then links the samples to it. */
export function allocateSolver(arena: Arena, solver: LineSearchSolver, use: SolverUse): SolverMemory {
  const { latentSize, capacity, curvature } = use;
  const layout = layoutOf(solver);
  const memoryStride = layout.memory(latentSize, hasMatrices(curvature));
  const block = arena.allocate((piece) => ({
    solver: piece(layout.struct.size),
    residents: piece(4 * capacity),
    memories: piece(memoryStride * capacity),
    scratch: piece(layout.scratch(latentSize, { hasMatrices: hasMatrices(curvature), rank: use.rank })),
  }));
  const { solver: pointer, residents, memories, scratch } = block.layout;
  arena.i32(residents, capacity).fill(0);
  const view = arena.view();
  const common: LineSearchFields = {
    ...solver,
    solver: SOLVER_CODES[solver.name],
    // Written by the caller when it links the samples.
    samples: 0,
    sampleCount: 0,
    residents,
    residentCapacity: capacity,
    latentSize,
    cursor: 0,
    accepted: 0,
    requests: 0,
    answered: 0,
    memories,
    memoryStride,
    hasCurvature: Number(curvature.hasCurvature),
  };
  layout.fill(view, pointer, common, use, scratch);
  return { ...block, solver: pointer };
}
