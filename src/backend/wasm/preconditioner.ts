import { hasCode } from "../../base/errors.ts";
import { makeTurns } from "../../base/event-loop.ts";
import { costOf } from "../../graph/graph.ts";
import type { Block } from "../../kernels/arena.ts";
import { DAMPING_COUNT, packedSize } from "../../kernels/layout.ts";
import type { Control } from "../../solver/base.ts";
import { makeControl } from "../../solver/control.ts";
import type { CurvatureUse } from "../../solver/objective.ts";
import { isCustom, type Loss, lossTraits } from "../../terms/losses.ts";
import { areSameComponents } from "../../terms/prior-components.ts";
import type { PriorComponents } from "../../terms/prior-numbers.ts";
import type { Problem } from "../backend.ts";
import { atStart } from "./at-start.ts";
import { type Jacobian, NO_MATRICES } from "./gauss-newton-memory.ts";
import { JacobianRows } from "./jacobian-rows.ts";
import type { PackedDecoder } from "./packed.ts";

/** Jacobian and matrix that precondition `lbfgs` for all samples of a decoder, one loss and one prior. */
export interface Preconditioner extends Jacobian {
  /** Points to f64[DAMPING_COUNT][packed d], the factors of A₀ + λτI; 0 for a loss whose curvature depends on the data. */
  readonly factors: number;
  /** Points to f32[packed d], A₀ itself; 0 for the same. */
  readonly matrix: number;
  /** τ */
  readonly damping: number;
}

/** Most latents, and most numbers of J₀, with which a preconditioner saves more than it costs. */
const MOST_LATENTS = 512;
const MOST_NUMBERS = 2 ** 24;
/** Most multiplications and sums of its tangents, some three seconds on one thread. */
const MOST_WORK = 2 ** 36;
/** Most latents with which a matrix of a sample's own saves more than it costs. */
const MOST_LATENTS_OF_OWN = 32;
/** Steps after which W is no longer renewed: the pairs have learnt its changes. */
const LAST_REFRESH = 8;
/** Most passes that it may cost to put a sample's curvature into the decoder's matrix. */
const MOST_PASSES = 4;

/**
 * Depends on the decoder, the loss, the prior and whether there are weights, never on the number of samples or on how the
 * weights were given.
 */
export function curvatureUse({ decoder, loss, weights, prior }: Problem): CurvatureUse {
  const { latentSize: d, outputSize: n } = decoder;
  const { multiplications, sums } = costOf(decoder);
  const work = d * (multiplications + sums);
  const { curvature } = lossTraits(loss);
  const hasCurvature = !isCustom(loss) || loss.curvature !== undefined;
  const hasRoom = hasCurvature && d <= MOST_LATENTS && n * d <= MOST_NUMBERS && work <= MOST_WORK;
  // With fixed inputs each sample has a decoder of its own.
  const isShared = hasRoom && decoder.fixedInputs.length === 0;
  const isOwn = hasRoom && !isShared && d <= MOST_LATENTS_OF_OWN;
  const isCheap = isShared && n * packedSize(d) <= MOST_PASSES * (multiplications + sums);
  const isConstant =
    curvature === "constant" && decoder.outputActivation.name === "identity" && prior?.curvature !== "latent";
  // The prior is divided by Σw then, which differs from sample to sample.
  const isWeighed = prior !== undefined && weights !== undefined;
  return {
    hasCurvature,
    matrix: isShared ? "shared" : isOwn ? "own" : "none",
    refreshesAtStart: isCheap && (curvature === "outputAndTarget" || isWeighed),
    lastRefresh: !isCheap ? 0 : !isConstant ? LAST_REFRESH : weights !== undefined ? 1 : 0,
  };
}

/** Jacobian and factors of a packed decoder. */
interface Made {
  /** Set while J₀ᵀ is made and afterwards; undefined again if that fails. */
  jacobian: Promise<Jacobian | undefined> | undefined;
  /** Rows of J₀ᵀ, once complete. */
  rows: JacobianRows | undefined;
  readonly factors: Factors[];
}

/** Factors for one loss and prior. */
interface Factors {
  readonly loss: Loss["name"];
  readonly prior: PriorComponents | undefined;
  /** Number of calls that use the factors now. */
  users: number;
  block: Block | undefined;
  preconditioner: Promise<Preconditioner | undefined>;
}

/** Number of priors whose unused factors are kept. */
const MOST_KEPT = 4;

const madeFor = new WeakMap<PackedDecoder, Made>();

function madeOf(packed: PackedDecoder): Made {
  const made: Made = madeFor.get(packed) ?? { jacobian: undefined, rows: undefined, factors: [] };
  madeFor.set(packed, made);
  return made;
}

/** A preconditioner for the time of one call. */
export interface PreconditionerLease {
  /** Undefined where it is not finite, or no matrix. */
  readonly preconditioner: Preconditioner | undefined;
  /** To be called once the call has ended. */
  free(): void;
}

/**
 * Makes what all samples share on its first use, a block of tangents at a time, and keeps it with the packed decoder:
 * calls at the same time share one promise, and the abort of one leaves it to the others.
 */
export async function preconditionerOf(
  packed: PackedDecoder,
  { loss: { name: loss }, prior }: Pick<Problem, "loss" | "prior">,
): Promise<PreconditionerLease> {
  const made = madeOf(packed);
  const kept = made.factors.find((other) => other.loss === loss && isSame(other.prior, prior));
  const factors = kept ?? makeFactorsFor(packed, loss, prior, made);
  factors.users++;
  let isFreed = false;
  const free = () => {
    if (isFreed) return;
    isFreed = true;
    factors.users--;
    dropUnused(made);
  };
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
): Factors {
  const factors: Factors = {
    loss,
    prior,
    users: 0,
    block: undefined,
    preconditioner: Promise.resolve(undefined),
  };
  factors.preconditioner = make(packed, factors);
  factors.preconditioner.catch(() => void made.factors.splice(made.factors.indexOf(factors), 1));
  made.factors.push(factors);
  return factors;
}

/** Frees the oldest unused factors: each call may have a prior of its own. */
function dropUnused({ factors }: Made): void {
  const unused = factors.filter(({ prior, users }) => prior !== undefined && users === 0);
  for (const old of unused.slice(0, Math.max(0, unused.length - MOST_KEPT))) {
    factors.splice(factors.indexOf(old), 1);
    old.block?.free();
  }
}

/** Frees Jacobian and factors after the weights have changed; no solve may be at work. */
export function forgetPreconditioner(packed: PackedDecoder): void {
  const made = madeFor.get(packed);
  made?.rows?.free();
  for (const { block } of made?.factors ?? []) block?.free();
  madeFor.delete(packed);
}

/**
 * Makes J₀ᵀ unless it is there already. While another call makes it this one waits, and makes it itself where that comes to
 * nothing, by an abort or an error.
 *
 * @param help writes rows that were computed elsewhere. Those that it leaves out are computed here, also where it throws
 *   because workers are lost or have no room; what else it throws rejects this call
 * @returns undefined where the call was aborted first: then nothing is kept
 * @throws LatentflowError `out_of_memory` where there is no room for it
 */
export async function makeJacobian(
  packed: PackedDecoder,
  control: Control = makeControl(undefined),
  help: (rows: JacobianRows) => Promise<void> = async () => {},
): Promise<Jacobian | undefined> {
  const made = madeOf(packed);
  while (made.jacobian) {
    const jacobian = await made.jacobian.catch(() => undefined);
    if (jacobian || control.aborted()) return jacobian;
  }
  const rows = new JacobianRows(packed);
  made.jacobian = complete(rows, control, help).finally(() => {
    if (rows.isPacked) {
      made.rows = rows;
    } else {
      made.jacobian = undefined;
      rows.free();
    }
  });
  return made.jacobian;
}

async function complete(
  rows: JacobianRows,
  control: Control,
  help: (rows: JacobianRows) => Promise<void>,
): Promise<Jacobian | undefined> {
  await help(rows).catch((error) => {
    if (!hasCode(error, "worker_failed", "out_of_memory")) throw error;
  });
  await rows.compute(rows.missing(), control);
  return rows.missing().hasMore ? undefined : rows.pack();
}

/** A copy of J₀ᵀ, d × n; undefined unless it has been made. */
export function readJacobian(packed: PackedDecoder): Float32Array<ArrayBuffer> | undefined {
  return madeFor.get(packed)?.rows?.read();
}

/**
 * Takes over all rows of J₀ᵀ, d × n, unless they are there already or being made.
 *
 * @throws LatentflowError `out_of_memory` where there is no room for them
 */
export async function adoptJacobian(packed: PackedDecoder, values: Float32Array): Promise<void> {
  if (madeOf(packed).jacobian) return;
  await makeJacobian(packed, undefined, async (rows) => rows.write(0, values));
}

async function make(packed: PackedDecoder, factors: Factors): Promise<Preconditioner | undefined> {
  // By no call's own control: others may wait for these factors too, and the abort of one is to leave it to them.
  const jacobian = (await makeJacobian(packed))!;
  if (lossTraits({ name: factors.loss }).curvature === "outputAndTarget")
    return { ...jacobian, factors: 0, matrix: 0, damping: 0 };
  return makeFactors(packed, jacobian, factors);
}

/**
 * The factors of A₀ = J₀ᵀ W J₀, W the curvature at D(start) with every output weighted by 1/n; and of a prior's curvature there,
 * divided by n.
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
  } catch (error) {
    block.free();
    throw error;
  }
  if (damping === 0) {
    block.free();
    return undefined;
  }
  made.block = block;
  return { ...jacobian, factors, matrix, damping };
}
