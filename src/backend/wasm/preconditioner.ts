import { costOf } from "../../graph/graph.ts";
import type { CurvatureUse } from "../../objective.ts";
import { isCustom, type Loss } from "../../terms/losses.ts";
import { takesLogits, termTraits } from "../../terms/terms.ts";
import { makeTurns } from "../../turns.ts";
import type { Problem } from "../backend.ts";
import type { Block } from "./arena.ts";
import { allocateGaussNewton, type GaussNewtonWork, jacobianStride, panelBytes } from "./gauss-newton.ts";
import { DAMPINGS, packedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateWorkspace } from "./workspace.ts";

/** What all samples of a decoder share, for one loss, where `lbfgs` is preconditioned by it. */
export interface Preconditioner {
  /** Point to the rows of J₀ᵀ, see `jacobianStride`, and to the same as panels. */
  readonly jacobian: number;
  readonly jacobianPanels: number;
  /** Points to f64[DAMPINGS][packed d], the factors of A₀ + λτI; 0 for a loss whose curvature depends on the data. */
  readonly factors: number;
  /** Points to f32[packed d], A₀ itself; 0 for the same. */
  readonly matrix: number;
  /** τ */
  readonly damping: number;
}

/** Beyond this many latents, or numbers of J₀, a preconditioner costs more than it saves. */
const MOST_LATENTS = 512;
const MOST_NUMBERS = 2 ** 24;
/** Nor where its tangents take so many multiplications and sums, some three seconds on one thread. */
const MOST_WORK = 2 ** 36;
/** Beyond this many latents a matrix of its own costs a sample more than it saves. */
const MOST_LATENTS_OF_OWN = 32;
/** A sample's curvature is put into the decoder's matrix only where that costs no more than so many passes. */
const MOST_PASSES = 4;

/**
 * Depends on the decoder, the loss and whether there are weights, never on the number of samples or on how the weights
 * were given.
 */
export function curvatureUse({ decoder, loss, weights }: Problem): CurvatureUse {
  const { latentSize: d, outputSize: n } = decoder;
  const { multiplications, sums } = costOf(decoder);
  const work = d * (multiplications + sums);
  const { curvature } = termTraits(loss);
  const hasCurvature = !isCustom(loss) || loss.curvature !== undefined;
  const hasRoom = hasCurvature && d <= MOST_LATENTS && n * d <= MOST_NUMBERS && work <= MOST_WORK;
  // What is given with a sample makes the decoder another one for each, also where it is given once for all.
  const isShared = hasRoom && decoder.fixedInputs.length === 0;
  const ownFirst = hasRoom && !isShared && d <= MOST_LATENTS_OF_OWN;
  const isCheap = isShared && n * packedSize(d) <= MOST_PASSES * (multiplications + sums);
  const isConstant = curvature === "constant" && decoder.outputActivation.name === "identity";
  return {
    ...{ hasCurvature, isShared, ownFirst, rescues: isShared || ownFirst },
    refreshes: isCheap && !isConstant,
    refreshesOnce: isCheap && isConstant && weights !== undefined,
    refreshesFirst: isCheap && curvature === "outputAndTarget",
  };
}

type Jacobian = Pick<Preconditioner, "jacobian" | "jacobianPanels">;

/** What has been made for a packed decoder. */
interface Made {
  jacobian: Promise<Jacobian> | undefined;
  readonly byLoss: Map<Loss["name"], Promise<Preconditioner | undefined>>;
  readonly blocks: Block[];
}

const madeFor = new WeakMap<PackedDecoder, Made>();

/**
 * Makes what all samples share on its first use, a block of tangents at a time, and keeps it with the packed decoder:
 * calls at the same time share one promise, and the abort of one leaves it to the others.
 *
 * @returns undefined where it is not finite, or no matrix
 */
export function preconditionerOf(
  packed: PackedDecoder,
  loss: Loss["name"],
): Promise<Preconditioner | undefined> {
  const made: Made = madeFor.get(packed) ?? { jacobian: undefined, byLoss: new Map(), blocks: [] };
  madeFor.set(packed, made);
  let preconditioner = made.byLoss.get(loss);
  if (!preconditioner) {
    preconditioner = make(packed, loss, made);
    made.byLoss.set(loss, preconditioner);
    preconditioner.catch(() => made.byLoss.delete(loss));
  }
  return preconditioner;
}

/** Forgets what was made of weights that have changed since. Nobody may be at work with it: an update ends every solve. */
export function forgetPreconditioner(packed: PackedDecoder): void {
  for (const block of madeFor.get(packed)?.blocks ?? []) block.free();
  madeFor.delete(packed);
}

async function make(
  packed: PackedDecoder,
  loss: Loss["name"],
  made: Made,
): Promise<Preconditioner | undefined> {
  if (!made.jacobian) {
    made.jacobian = makeJacobian(packed, made);
    made.jacobian.catch(() => {
      made.jacobian = undefined;
    });
  }
  const jacobian = await made.jacobian;
  if (termTraits({ name: loss }).curvature === "outputAndTarget")
    return { ...jacobian, factors: 0, matrix: 0, damping: 0 };
  return makeFactors(packed, jacobian, loss, made);
}

/** J₀ᵀ, at z = 0. */
async function makeJacobian(packed: PackedDecoder, made: Made): Promise<Jacobian> {
  const { arena, decoder, kernels, graph } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const turn = makeTurns();
  const stride = jacobianStride(packed);
  const block = arena.allocate((piece) => ({
    jacobian: piece(d * stride),
    jacobianPanels: piece(panelBytes(packed)),
  }));
  const { jacobian, jacobianPanels } = block.layout;
  await freeOnFailure(block, () =>
    atOrigin(packed, "squaredError", block.layout, async ({ workspace, work, tangentsAtOnce }) => {
      for (let first = 0; first < d; first += tangentsAtOnce) {
        kernels.objectiveJacobian(graph, workspace, work, first, Math.min(tangentsAtOnce, d - first));
        await turn();
      }
      kernels.packPanels(jacobian, d, n, stride, 4, jacobianPanels);
    }),
  );
  made.blocks.push(block);
  return block.layout;
}

/** The factors of A₀ = J₀ᵀ W J₀, W the curvature at D(0) with every output weighted by 1/n. */
async function makeFactors(
  packed: PackedDecoder,
  jacobian: Jacobian,
  loss: Loss["name"],
  made: Made,
): Promise<Preconditioner | undefined> {
  const { arena, decoder, kernels, graph } = packed;
  const { latentSize: d } = decoder;
  const turn = makeTurns();
  const size = 8 * packedSize(d);
  const block = arena.allocate((piece) => ({ factors: piece(DAMPINGS * size), packed: piece(size / 2) }));
  const { factors, packed: matrix } = block.layout;
  let damping = 0;
  await freeOnFailure(block, () =>
    atOrigin(packed, loss, jacobian, async ({ workspace, work, matrix: rows, matrixStride }) => {
      kernels.objectiveSharedGaussNewton(graph, workspace, work, 0);
      for (let i = 0; i < d; i++) {
        arena.f32(matrix, packedSize(d)).set(arena.f32(rows + i * matrixStride, i + 1), packedSize(i));
      }
      for (let i = 0; i < DAMPINGS; i++) {
        damping = kernels.sharedFactorInto(rows, matrixStride, d, i, factors + i * size);
        if (damping === 0) return;
        await turn();
      }
    }),
  );
  if (damping === 0) {
    block.free();
    return undefined;
  }
  made.blocks.push(block);
  return { ...jacobian, factors, matrix, damping };
}

async function freeOnFailure(block: Block, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    block.free();
    throw error;
  }
}

/** Calls `use` with a row whose last evaluation was at z = 0, and room for matrices. */
async function atOrigin(
  packed: PackedDecoder,
  loss: Loss["name"],
  jacobian: Jacobian,
  use: (at: { readonly workspace: number } & GaussNewtonWork) => Promise<void>,
): Promise<void> {
  const { arena, decoder, kernels, graph } = packed;
  const rows = allocateWorkspace(packed, 1, loss);
  try {
    const work = allocateGaussNewton(packed, { ...jacobian, own: false });
    try {
      arena.f32(rows.latents.pointer, decoder.latentSize).fill(0);
      arena.i32(rows.rows, 1).fill(0);
      arena.i32(rows.weights, 1).fill(0);
      arena.f64(rows.scales, 1).fill(1 / decoder.outputSize);
      kernels.decode(graph, rows.pointer, 1, takesLogits({ name: loss }) ? 1 : 0);
      await use({ workspace: rows.pointer, ...work });
    } finally {
      work.free();
    }
  } finally {
    rows.free();
  }
}
