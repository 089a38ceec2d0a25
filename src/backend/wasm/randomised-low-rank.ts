import { makeTurns } from "../../base/event-loop.ts";
import { createRandom, type Random } from "../../base/random.ts";
import { Blocks } from "../../kernels/arena.ts";
import { paddedSize } from "../../kernels/layout.ts";
import { lowRankBytes, writeLowRank } from "../../solver/low-rank-memory.ts";
import { allRows, type LowRankArrays } from "../../solver/objective.ts";
import { identity, rotate } from "../../terms/eigenvalues.ts";
import type { Loss } from "../../terms/losses.ts";
import type { PriorComponents } from "../../terms/prior-numbers.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocatePrior } from "./prior-block.ts";
import { allocateWorkspace, type Rows } from "./workspace.ts";

/** Maximum number of products with the Gauss-Newton matrix that are made in one call of the kernels. */
const PRODUCTS_AT_ONCE = 16;
/** Minimum share of A₀'s trace that the Ritz values must hold. Below it, steps without the matrix are about as good. */
const LEAST_TRACE_SHARE = 0.6;
/** Ritz vectors with values below this share of τ, the estimate of tr(A₀)/d, are left out. */
const LEAST_VALUE = 0.1;
/** Minimum of ρ as a share of τ. */
const LEAST_REST = 1e-3;
const SEED = 1;

/** Loss and prior whose curvatures A₀ has. */
interface Terms {
  readonly loss: Loss["name"];
  readonly prior: PriorComponents | undefined;
}

/** Makes a low-rank form and copies it into WASM memory; returns undefined if it holds too little of A₀. */
export async function makeLowRank(packed: PackedDecoder, terms: Terms, rank: number) {
  const { arena } = packed;
  const lowRank = await lowRankOf(packed, terms, rank);
  if (!lowRank) return undefined;
  const block = arena.allocate((piece) => ({ vectors: piece(lowRankBytes(lowRank)) }));
  return { block, shared: writeLowRank(arena, block.layout.vectors, lowRank), lowRank };
}

/**
 * Computes the low-rank form of the Gauss-Newton matrix A₀ at the decoder's `start` latent, for a loss and prior: an orthonormal
 * basis of A₀'s products with `rank` random probes, and the Ritz vectors in it (Halko, Martinsson & Tropp, 2011, algorithms 4.1
 * and 5.3). The probes also estimate A₀'s trace. The bits are the same on every thread, and in the plain build on every machine.
 *
 * @returns at most `rank` Ritz vectors, and vectors of zeros up to a multiple of four; undefined if the Ritz values hold less
 *   than LEAST_TRACE_SHARE of the trace, or if either is not finite and positive
 */
async function lowRankOf(
  packed: PackedDecoder,
  terms: Terms,
  rank: number,
): Promise<LowRankArrays | undefined> {
  const d = packed.decoder.latentSize;
  const random = createRandom(SEED);
  const probes = Array.from({ length: rank }, () => randomSigns(random, d));
  const products = await matrixProducts(packed, terms, probes);
  const trace = probes.reduce((sum, probe, j) => sum + dot(probe, products[j]!), 0) / rank;
  const mean = trace / d;
  if (!(mean > 0 && mean < Number.POSITIVE_INFINITY)) return undefined;
  const basis = orthonormal(products);
  const images = await matrixProducts(packed, terms, basis);
  const r = basis.length;
  // Symmetric but for rounding: the upper triangle counts.
  const projected = Float64Array.from({ length: r * r }, (_, at) => {
    const [i, j] = [Math.floor(at / r), at % r];
    return dot(basis[Math.min(i, j)]!, images[Math.max(i, j)]!);
  });
  const { values, vectors } = await eigen(projected, r);
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]!);
  const kept = order.filter((j) => values[j]! > LEAST_VALUE * mean);
  const held = kept.reduce((sum, j) => sum + values[j]!, 0);
  if (!(held >= LEAST_TRACE_SHARE * trace && Number.isFinite(held))) return undefined;
  const padded = 4 * Math.ceil(kept.length / 4);
  const rest = Math.max((trace - held) / Math.max(d - kept.length, 1), LEAST_REST * mean);
  const result = new Float32Array(padded * paddedSize(d));
  kept.forEach((j, place) => {
    const to = place * paddedSize(d);
    basis.forEach((v, i) => {
      const share = vectors[j * r + i]!;
      for (let k = 0; k < d; k++) result[to + k]! += share * v[k]!;
    });
  });
  const ritzValues = Float64Array.from({ length: padded }, (_, i) =>
    i < kept.length ? values[kept[i]!]! : rest,
  );
  return { rank: padded, vectors: result, values: ritzValues, rest, damping: mean };
}

/**
 * Computes A₀v for each vector v: products with the Hessian of the objective at the decoder's `start` latent, whose target is the
 * decoder's own output there. The loss's part is the Gauss-Newton matrix, since all residuals are 0. The prior's part may be
 * indefinite for a mixture; directions of small or negative Ritz values are left to ρ.
 */
async function matrixProducts(
  packed: PackedDecoder,
  { loss, prior }: Terms,
  vectors: readonly Float64Array[],
): Promise<Float64Array[]> {
  const { arena, decoder, kernels, graph } = packed;
  const { latentSize: d, outputSize: n, start = new Float32Array(d) } = decoder;
  const count = Math.min(PRODUCTS_AT_ONCE, vectors.length);
  const turn = makeTurns();
  const products: Float64Array[] = [];
  const blocks = new Blocks();
  try {
    const { pointer } = blocks.add(() => allocatePrior(arena, prior));
    const rows = blocks.add(() =>
      allocateWorkspace(packed, count, loss, { withTangents: true, prior: pointer }),
    );
    const { target } = blocks.add(() =>
      arena.allocate((piece) => ({ target: piece(4 * paddedSize(n)) })),
    ).layout;
    const latentsOf = ({ pointer, stride }: Rows, row: number) => arena.f32(pointer + row * stride, d);
    for (let row = 0; row < count; row++) latentsOf(rows.latents, row).set(start);
    arena.i32(rows.rows, count).set(allRows(count));
    arena.i32(rows.weights, count).fill(0);
    arena.i32(rows.targets, count).fill(target);
    arena.f64(rows.scales, count).fill(1 / n);
    arena.f64(rows.priorScales, count).fill(1 / n);
    kernels.decode(graph, rows.pointer, 1, false);
    arena.f32(target, n).set(arena.f32(rows.outputs.pointer, n));
    kernels.objectiveValue(graph, rows.pointer, count);
    kernels.objectiveGradient(graph, rows.pointer, count);
    for (let first = 0; first < vectors.length; first += count) {
      const chosen = vectors.slice(first, first + count);
      chosen.forEach((vector, row) => {
        latentsOf(rows.latentTangents, row).set(vector);
      });
      kernels.objectiveTangentForward(graph, rows.pointer, chosen.length);
      kernels.objectiveLossTangents(graph, rows.pointer, chosen.length);
      kernels.objectiveTangentBackward(graph, rows.pointer, chosen.length);
      chosen.forEach((_, row) => {
        products.push(Float64Array.from(latentsOf(rows.hessianProducts, row)));
      });
      await turn();
    }
  } finally {
    blocks.free();
  }
  return products;
}

/** Returns a vector of random signs, whose products with a matrix estimate its trace with the least variance. */
function randomSigns(random: Random, length: number): Float64Array {
  return Float64Array.from({ length }, () => (random.uint32() < 2 ** 31 ? -1 : 1));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** Subtracts factor · b from a. */
function subtract(a: Float64Array, factor: number, b: Float64Array): void {
  for (let k = 0; k < a.length; k++) a[k]! -= factor * b[k]!;
}

/** Length of a vector's part orthogonal to those before, as a share of its own, below which it is rounding. */
const LEAST_ORTHOGONAL = 1e-6;

/** Returns an orthonormal basis of the span of vectors, by Gram-Schmidt, twice. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const part = vector.slice();
    for (const other of [...basis, ...basis]) subtract(part, dot(part, other), other);
    const length = Math.sqrt(dot(part, part));
    if (length > LEAST_ORTHOGONAL * Math.sqrt(dot(vector, vector)))
      basis.push(part.map((value) => value / length));
  }
  return basis;
}

/** Sum of the squares off the diagonal, as a share of that on it, at which Jacobi's rotations end. */
const DIAGONAL = 1e-20;
const MOST_SWEEPS = 30;

/**
 * Computes the eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan, Matrix
 * Computations, section 8.5).
 *
 * @param a [r, r], changed in place
 * @returns eigenvalues, and vectors, [r, r], with eigenvector j in row j
 */
async function eigen(
  a: Float64Array,
  r: number,
): Promise<{ readonly values: Float64Array; readonly vectors: Float64Array }> {
  const vectors = identity(r);
  const turn = makeTurns();
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let [off, on] = [0, 0];
    for (let p = 0; p < r; p++) {
      on += a[p * r + p]! ** 2;
      for (let q = 0; q < p; q++) off += a[p * r + q]! ** 2;
    }
    if (!(off > DIAGONAL * on)) break;
    for (let p = 0; p < r; p++) {
      for (let q = p + 1; q < r; q++) if (a[p * r + q] !== 0) rotate(a, vectors, r, p, q);
    }
    await turn();
  }
  return { values: Float64Array.from({ length: r }, (_, j) => a[j * r + j]!), vectors };
}
