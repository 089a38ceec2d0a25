import { makeTurns } from "../../base/event-loop.ts";
import { kept } from "../../base/kept.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { costOf } from "../../graph/graph.ts";
import { type Block, Blocks } from "../../kernels/arena.ts";
import { DAMPING_COUNT, packedSize } from "../../kernels/layout.ts";
import type { Control } from "../../solver/base.ts";
import { makeControl } from "../../solver/control.ts";
import type { CurvatureUse, LowRankArrays } from "../../solver/objective.ts";
import { NO_SHARED_MATRIX, type SharedMatrixPointers } from "../../solver/solver-memory.ts";
import { isCustom, type Loss, type LossTraits, lossTraits } from "../../terms/losses.ts";
import { areSameComponents } from "../../terms/prior-components.ts";
import type { PriorComponents } from "../../terms/prior-numbers.ts";
import type { Problem } from "../backend.ts";
import { atStart } from "./at-start.ts";
import { type Jacobian, NO_MATRICES } from "./gauss-newton-memory.ts";
import type { PackedDecoder } from "./packed.ts";
import { computeJacobian } from "./start-jacobian.ts";
import type { Run } from "./team.ts";

/**
 * Pointers to the Jacobian J₀ and the matrix A₀ = J₀ᵀWJ₀ at the decoder's `start` latent, which precondition `lbfgs` for all
 * samples with the same loss and prior; W is the loss's curvature there. A₀ includes the prior's curvature.
 */
export interface Preconditioner extends Jacobian, SharedMatrixPointers {
  /** Low-rank form of A₀ that `vectors` points to; undefined if A₀ has Cholesky factors. */
  readonly lowRank: LowRankArrays | undefined;
}

/** Makes a low-rank form by `rank` probes, as randomised-low-rank.ts does, which is loaded on first use. */
export type LowRankMaker = (
  packed: PackedDecoder,
  terms: Pick<Factors, "loss" | "prior">,
  rank: number,
) => Promise<{ block: Block; shared: SharedMatrixPointers; lowRank: LowRankArrays } | undefined>;

/** Maximum number of latents d for which A₀ as it is, with refreshed curvature, may save more than it costs. */
const MOST_LATENTS = 512;
/** Maximum number of latents d for which Cholesky factors of A₀ are used although its curvature is never refreshed. */
const MOST_LATENTS_OF_FACTORS = 64;
/** Maximum rank of the low-rank form of A₀: more vectors take more time than they save passes. */
const MOST_VECTORS = 64;
/** Minimum rank of the low-rank form of A₀. */
const LEAST_VECTORS = 16;
/** Passes that making a low-rank form takes for each vector. */
const PASSES_OF_VECTOR = 8;
/** Time of the six Cholesky factors of a d × d matrix, divided by d³, in multiplications of a pass. */
const PRODUCTS_OF_FACTORS = 3;
/** Multiplications that a step takes for each latent and vector of the low-rank form; a step may take as many as a pass. */
const PRODUCTS_OF_VECTOR = 6;
/** Maximum size n · d of the Jacobian, for n outputs and d latents, for which a preconditioner saves more than it costs. */
const MOST_NUMBERS = 2 ** 24;
/** Maximum number of multiplications and sums in the passes that make the Jacobian or the low-rank form: some three seconds on one thread. */
const MOST_WORK = 2 ** 36;
/** Maximum number of latents for which a Gauss-Newton matrix at each sample's z0 saves more than it costs. */
const MOST_LATENTS_OF_OWN = 32;
/**
 * Last step after which the loss's curvature W in the preconditioner is recomputed: later, the L-BFGS pairs have captured its
 * changes.
 */
const LAST_REFRESH = 8;
/** Maximum cost, in passes, of putting a sample's loss curvature W into the preconditioner's matrix J₀ᵀWJ₀. */
const MOST_PASSES = 4;

/**
 * Returns how solvers use the curvature of a problem's objective. The use depends on the decoder, the loss, the prior and
 * whether there are weights, never on the number of samples or on whether the samples share weights.
 */
export function curvatureUse({ decoder, loss, weights, prior }: Problem): CurvatureUse {
  const { curvature } = lossTraits(loss);
  const hasCurvature = !isCustom(loss) || loss.curvature !== undefined;
  const matrix = hasCurvature ? matrixUse(decoder, curvature) : "none";
  const isCheap = matrix === "shared" && isCheaplyRefreshed(decoder);
  const isConstant =
    curvature === "constant" && decoder.outputActivation.name === "identity" && prior?.curvature !== "latent";
  // The prior is then divided by Σw, which differs from sample to sample.
  const isWeighed = prior !== undefined && weights !== undefined;
  return {
    hasCurvature,
    matrix,
    refreshesAtStart: isCheap && (curvature === "outputAndTarget" || isWeighed),
    lastRefresh: !isCheap ? 0 : !isConstant ? LAST_REFRESH : weights !== undefined ? 1 : 0,
  };
}

/** Returns the form of the Gauss-Newton matrix that preconditions a decoder's samples. */
function matrixUse(decoder: Decoder, curvature: LossTraits["curvature"]): CurvatureUse["matrix"] {
  const { latentSize: d, outputSize: n } = decoder;
  const pass = passCost(decoder);
  const hasRoom = d <= MOST_LATENTS && n * d <= MOST_NUMBERS && d * pass <= MOST_WORK;
  // With fixed inputs each sample's decoder is another function of z.
  if (decoder.fixedInputs.length > 0) return hasRoom && d <= MOST_LATENTS_OF_OWN ? "own" : "none";
  const isCheaplyFactorised = PRODUCTS_OF_FACTORS * d * d * d <= MOST_PASSES * pass;
  const isCheap = d <= MOST_LATENTS_OF_FACTORS || (isCheaplyFactorised && isCheaplyRefreshed(decoder));
  if (hasRoom && isCheap) return "shared";
  // Of a custom loss the curvature depends on the data.
  if (curvature === "outputAndTarget") return hasRoom ? "shared" : "none";
  const rank = rankOf(decoder);
  return rank >= LEAST_VECTORS && PASSES_OF_VECTOR * rank * pass <= MOST_WORK ? "lowRank" : "none";
}

/** Returns the number of Ritz vectors in a decoder's low-rank form, a multiple of four. */
function rankOf(decoder: Decoder): number {
  const affordable = passCost(decoder) / (PRODUCTS_OF_VECTOR * decoder.latentSize);
  return Math.min(MOST_VECTORS, 4 * Math.floor(affordable / 4));
}

/** True if the loss's curvature W is put into A = J₀ᵀWJ₀ for less than MOST_PASSES passes. */
function isCheaplyRefreshed(decoder: Decoder): boolean {
  const { latentSize: d, outputSize: n } = decoder;
  return n * packedSize(d) <= MOST_PASSES * passCost(decoder);
}

function passCost(decoder: Decoder): number {
  const { multiplications, sums } = costOf(decoder);
  return multiplications + sums;
}

/** Jacobian and Cholesky factors that have been made for a packed decoder. */
interface Made {
  /**
   * Promise of J₀ᵀ, the transposed Jacobian at the decoder's start latent, once its computation has begun; undefined before,
   * and again after a failure.
   */
  jacobian: ReturnType<typeof computeJacobian> | undefined;
  /** Memory of J₀ᵀ, the transposed Jacobian at the decoder's start latent, once it is complete. */
  block: Block | undefined;
  readonly factors: Factors[];
}

/** Cholesky factors, or a low-rank form, made for one loss and prior. */
interface Factors {
  readonly loss: Loss["name"];
  readonly prior: PriorComponents | undefined;
  /** Number of running calls that use the Cholesky factors. */
  users: number;
  block: Block | undefined;
  preconditioner: Promise<Preconditioner | undefined>;
}

/** Maximum number of priors whose unused Cholesky factors stay cached per decoder. */
const MOST_KEPT = 4;

const madeFor = new WeakMap<PackedDecoder, Made>();

function madeOf(packed: PackedDecoder): Made {
  return kept(madeFor, packed, () => ({ jacobian: undefined, block: undefined, factors: [] }));
}

/** Preconditioner leased for the duration of one call. */
export interface PreconditionerLease {
  /** Preconditioner; undefined if its matrix A₀ or the Cholesky factors of A₀ are not finite and positive. */
  readonly preconditioner: Preconditioner | undefined;
  /** Releases the preconditioner. Must be called at the end of the call; later calls are no-ops. */
  free(): void;
}

/**
 * Returns the preconditioner for a loss and prior. On first use computes J₀, the Jacobian at the decoder's start latent, a
 * block of tangents at a time, and the Cholesky factors, and caches both with the packed decoder. Concurrent calls share one
 * promise, and the abort of one call does not stop the work for the others.
 */
export async function preconditionerOf(
  packed: PackedDecoder,
  { loss: { name: loss }, prior }: Pick<Problem, "loss" | "prior">,
  makeLowRank: LowRankMaker,
): Promise<PreconditionerLease> {
  const made = madeOf(packed);
  const kept = made.factors.find((other) => other.loss === loss && isSame(other.prior, prior));
  const factors = kept ?? makeFactorsFor(packed, loss, prior, made, makeLowRank);
  factors.users++;
  const { free } = new Blocks({
    free() {
      factors.users--;
      dropUnused(made);
    },
  });
  try {
    return { preconditioner: await factors.preconditioner, free };
  } catch (error) {
    free();
    throw error;
  }
}

function isSame(a: PriorComponents | undefined, b: PriorComponents | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && areSameComponents(a, b));
}

function makeFactorsFor(
  packed: PackedDecoder,
  loss: Loss["name"],
  prior: PriorComponents | undefined,
  made: Made,
  makeLowRank: LowRankMaker,
): Factors {
  const factors: Factors = {
    loss,
    prior,
    users: 0,
    block: undefined,
    preconditioner: Promise.resolve(undefined),
  };
  factors.preconditioner = make(packed, factors, makeLowRank);
  factors.preconditioner.catch(() => void made.factors.splice(made.factors.indexOf(factors), 1));
  made.factors.push(factors);
  return factors;
}

/** Frees the oldest unused Cholesky factors of priors: otherwise calls with ever new priors would accumulate them. */
function dropUnused({ factors }: Made): void {
  const unused = factors.filter(({ prior, users }) => prior !== undefined && users === 0);
  for (const old of unused.slice(0, Math.max(0, unused.length - MOST_KEPT))) {
    factors.splice(factors.indexOf(old), 1);
    old.block?.free();
  }
}

/** Frees a decoder's Jacobian and Cholesky factors after its weights have changed. No solve may be running. */
export function forgetPreconditioner(packed: PackedDecoder): void {
  const made = madeFor.get(packed);
  made?.block?.free();
  for (const { block } of made?.factors ?? []) block?.free();
  madeFor.delete(packed);
}

/**
 * Makes J₀ᵀ, the transposed Jacobian at the decoder's `start` latent, unless it exists. If another call is making it, waits,
 * and makes it itself if that call aborts or fails.
 *
 * @param runs function that calls kernels, of each thread that takes part
 * @returns pointers to the rows and to their copy in panels (packed blocks of 8 columns); undefined if the call was aborted
 *   first, and then nothing is cached
 * @throws LatentflowError `out_of_memory`; `worker_failed`
 */
export async function makeJacobian(
  packed: PackedDecoder,
  control: Control = makeControl(undefined),
  runs: readonly Run[] = [packed.run],
): Promise<Jacobian | undefined> {
  const made = madeOf(packed);
  while (made.jacobian && !control.aborted()) {
    const jacobian = await made.jacobian.catch(() => undefined);
    if (jacobian || control.aborted()) return jacobian?.layout;
  }
  const making = computeJacobian(packed, runs, control);
  made.jacobian = making;
  try {
    const jacobian = await making;
    made.block = jacobian;
    return jacobian?.layout;
  } finally {
    if (!made.block) made.jacobian = undefined;
  }
}

async function make(
  packed: PackedDecoder,
  factors: Factors,
  makeLowRank: LowRankMaker,
): Promise<Preconditioner | undefined> {
  // Without this call's own control: other calls may wait for these factors too, and must get them if this one aborts.
  const { curvature } = lossTraits({ name: factors.loss });
  if (matrixUse(packed.decoder, curvature) === "lowRank") {
    const made = await makeLowRank(packed, factors, rankOf(packed.decoder));
    if (!made) return undefined;
    factors.block = made.block;
    return { ...made.shared, jacobian: 0, jacobianPanels: 0, lowRank: made.lowRank };
  }
  const jacobian = (await makeJacobian(packed))!;
  if (curvature === "outputAndTarget") return { ...NO_SHARED_MATRIX, ...jacobian, lowRank: undefined };
  return makeFactors(packed, jacobian, factors);
}

/**
 * Computes the Cholesky factors of A₀ + λτI for each damping λ, with τ = tr(A₀)/d. A₀ is J₀ᵀWJ₀ plus the prior's curvature
 * divided by n = outputSize, both at the decoder's `start` latent; W is the loss's curvature with every output weighted by
 * 1/n. Returns undefined if A₀ has no finite positive factor.
 */
async function makeFactors(
  packed: PackedDecoder,
  jacobian: Jacobian,
  made: Factors,
): Promise<Preconditioner | undefined> {
  const { arena, decoder, kernels, graph } = packed;
  const { latentSize: d } = decoder;
  const turn = makeTurns();
  const size = 8 * packedSize(d);
  const block = arena.allocate((piece) => ({
    factors: piece(DAMPING_COUNT * size),
    packed: piece(size / 2),
  }));
  const { factors, packed: matrix } = block.layout;
  let damping = 0;
  try {
    const room = { ...NO_MATRICES, ...jacobian };
    await atStart(packed, made, room, async ({ workspace, work, matrix: rows, matrixStride }) => {
      kernels.objectiveSharedGaussNewton(graph, workspace, work, 0);
      for (let i = 0; i < d; i++) {
        arena.f32(matrix, packedSize(d)).set(arena.f32(rows + i * matrixStride, i + 1), packedSize(i));
      }
      for (let i = 0; i < DAMPING_COUNT; i++) {
        damping = kernels.sharedFactorInto(rows, matrixStride, d, i, factors + i * size);
        if (damping === 0) return;
        await turn();
      }
    });
    if (damping === 0) return undefined;
    made.block = block;
    return { ...NO_SHARED_MATRIX, ...jacobian, factors, matrix, damping, lowRank: undefined };
  } finally {
    if (made.block !== block) block.free();
  }
}
