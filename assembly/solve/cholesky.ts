/**
 * Symmetric matrices, stored as their lower triangle and diagonal, packed row by row: f64[d·(d + 1) / 2]. The lower Cholesky
 * factors L of M = LLᵀ have the same layout.
 */

/** Returns the count of numbers in a packed lower triangle, d(d + 1)/2. */
export function packedSize(d: i32): usize {
  return (<usize>d * (<usize>d + 1)) >> 1;
}

/**
 * Computes the lower Cholesky factor of a packed matrix, f64[d(d + 1)/2], in place; returns false at a pivot that is not finite
 * or not above 0.
 */
export function factorise(matrix: usize, d: i32): bool {
  for (let i: i32 = 0; i < d; i++) {
    const rowI = rowOf(matrix, i);
    for (let j: i32 = 0; j <= i; j++) {
      const rowJ = rowOf(matrix, j);
      const sum = load<f64>(rowI + ((<usize>j) << 3)) - dot(rowI, rowJ, j);
      if (j < i) {
        store<f64>(rowI + ((<usize>j) << 3), sum / load<f64>(rowJ + ((<usize>j) << 3)));
      } else {
        // NaN fails this test too.
        if (!(sum > 0 && sum < Infinity)) return false;
        store<f64>(rowI + ((<usize>i) << 3), sqrt(sum));
      }
    }
  }
  return true;
}

/** Number of Cholesky factors that are computed at once, interleaved: number k of factor j is at [k][j] of an f64[…][6]. */
export const FACTORS_AT_ONCE: i32 = 6;
/** Size in bytes of an f64[6], which holds one number of each of six interleaved factors or vectors. */
export const SIDE_BY_SIDE: usize = (<usize>FACTORS_AT_ONCE) << 3;

/**
 * Computes the lower Cholesky factors L of M + λI for six λ at once, interleaved. M may have `more` rows of d numbers appended:
 * for such a row y each factor gets the row L⁻¹y. After a pivot that is not finite or not above 0, the rest of a factor and of
 * its rows is NaN.
 *
 * The sums for one small factor wait for each other, for the pivots and for the ends of short loops. Six factors are six times
 * as much work and take little longer than one.
 *
 * @param matrix M packed, f64[d(d + 1)/2], then the appended rows
 * @param shifts f64[6], the λ
 * @param factors f64[d(d + 1)/2 + more · d][6], filled in
 */
export function factoriseShifted(matrix: usize, shifts: usize, d: i32, more: i32, factors: usize): void {
  const rows = d + more;
  const one = f64x2.splat(1);
  for (let j: i32 = 0; j < d; j++) {
    const pivotRow = factors + packedSize(j) * SIDE_BY_SIDE;
    const end = <usize>j * SIDE_BY_SIDE;
    const from = matrix + ((<usize>j) << 3);
    const own = v128.load64_splat(rowOf(from, j));
    let p0 = f64x2.add(own, v128.load(shifts));
    let p1 = f64x2.add(own, v128.load(shifts, 16));
    let p2 = f64x2.add(own, v128.load(shifts, 32));
    for (let k: usize = 0; k < end; k += SIDE_BY_SIDE) {
      const l0 = v128.load(pivotRow + k);
      const l1 = v128.load(pivotRow + k, 16);
      const l2 = v128.load(pivotRow + k, 32);
      p0 = f64x2.sub(p0, f64x2.mul(l0, l0));
      p1 = f64x2.sub(p1, f64x2.mul(l1, l1));
      p2 = f64x2.sub(p2, f64x2.mul(l2, l2));
    }
    p0 = Six.root(p0);
    p1 = Six.root(p1);
    p2 = Six.root(p2);
    Six.store(pivotRow + end, p0, p1, p2);
    p0 = f64x2.div(one, p0);
    p1 = f64x2.div(one, p1);
    p2 = f64x2.div(one, p2);
    // Two rows at a time share what is loaded from the pivot's row.
    let row = pivotRow + end + SIDE_BY_SIDE;
    let i = j + 1;
    for (; i + 1 < rows; i += 2) {
      const next = row + <usize>min(i + 1, d) * SIDE_BY_SIDE;
      let a0 = v128.load64_splat(fromRow(from, d, i));
      let a1 = a0;
      let a2 = a0;
      let b0 = v128.load64_splat(fromRow(from, d, i + 1));
      let b1 = b0;
      let b2 = b0;
      for (let k: usize = 0; k < end; k += SIDE_BY_SIDE) {
        const l0 = v128.load(pivotRow + k);
        const l1 = v128.load(pivotRow + k, 16);
        const l2 = v128.load(pivotRow + k, 32);
        a0 = f64x2.sub(a0, f64x2.mul(l0, v128.load(row + k)));
        a1 = f64x2.sub(a1, f64x2.mul(l1, v128.load(row + k, 16)));
        a2 = f64x2.sub(a2, f64x2.mul(l2, v128.load(row + k, 32)));
        b0 = f64x2.sub(b0, f64x2.mul(l0, v128.load(next + k)));
        b1 = f64x2.sub(b1, f64x2.mul(l1, v128.load(next + k, 16)));
        b2 = f64x2.sub(b2, f64x2.mul(l2, v128.load(next + k, 32)));
      }
      Six.store(row + end, f64x2.mul(a0, p0), f64x2.mul(a1, p1), f64x2.mul(a2, p2));
      Six.store(next + end, f64x2.mul(b0, p0), f64x2.mul(b1, p1), f64x2.mul(b2, p2));
      row = next + <usize>min(i + 2, d) * SIDE_BY_SIDE;
    }
    if (i < rows) {
      let a0 = v128.load64_splat(fromRow(from, d, i));
      let a1 = a0;
      let a2 = a0;
      for (let k: usize = 0; k < end; k += SIDE_BY_SIDE) {
        a0 = f64x2.sub(a0, f64x2.mul(v128.load(pivotRow + k), v128.load(row + k)));
        a1 = f64x2.sub(a1, f64x2.mul(v128.load(pivotRow + k, 16), v128.load(row + k, 16)));
        a2 = f64x2.sub(a2, f64x2.mul(v128.load(pivotRow + k, 32), v128.load(row + k, 32)));
      }
      Six.store(row + end, f64x2.mul(a0, p0), f64x2.mul(a1, p1), f64x2.mul(a2, p2));
    }
  }
}

/**
 * Arithmetic on six f64 in three vectors. The methods are static because AssemblyScript's @inline is valid TypeScript only on
 * methods.
 */
export class Six {
  @inline
  static store(to: usize, a: v128, b: v128, c: v128): void {
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
  }

  /** Returns √p in both lanes, NaN where p is not finite or not above 0. */
  @inline
  static root(p: v128): v128 {
    const isPivot = v128.and(f64x2.gt(p, f64x2.splat(0)), f64x2.lt(p, f64x2.splat(Infinity)));
    return v128.bitselect(f64x2.sqrt(p), f64x2.splat(NaN), isPivot);
  }
}

/** Returns the pointer to row i of a packed matrix of d rows; for i ≥ d to row i - d of the rows of d numbers appended to it. */
function fromRow(matrix: usize, d: i32, i: i32): usize {
  return i <= d ? rowOf(matrix, i) : rowOf(matrix, d) + ((<usize>d * (i - d)) << 3);
}

/** Computes x ← L⁻¹x in place: L packed, f64[d(d + 1)/2], x f64[d]. */
export function solveLower(factor: usize, d: i32, x: usize): void {
  for (let i: i32 = 0; i < d; i++) {
    const row = rowOf(factor, i);
    const xi = x + ((<usize>i) << 3);
    store<f64>(xi, (load<f64>(xi) - dot(row, x, i)) / load<f64>(row + ((<usize>i) << 3)));
  }
}

/** Computes x ← L⁻ᵀx in place: L packed, f64[d(d + 1)/2], x f64[d]. */
export function solveUpper(factor: usize, d: i32, x: usize): void {
  for (let i = d - 1; i >= 0; i--) {
    const row = rowOf(factor, i);
    const xi = x + ((<usize>i) << 3);
    const value = load<f64>(xi) / load<f64>(row + ((<usize>i) << 3));
    store<f64>(xi, value);
    addTimes(x, -value, row, i);
  }
}

/** Returns Σ a_k·b_k over the first `count` f64, in four sums whose additions do not wait for each other. */
export function dot(a: usize, b: usize, count: i32): f64 {
  const whole = a + ((<usize>(count & ~3)) << 3);
  const end = a + ((<usize>count) << 3);
  let even = f64x2.splat(0);
  let odd = f64x2.splat(0);
  for (; a < whole; a += 32, b += 32) {
    even = f64x2.add(even, f64x2.mul(v128.load(a), v128.load(b)));
    odd = f64x2.add(odd, f64x2.mul(v128.load(a, 16), v128.load(b, 16)));
  }
  even = f64x2.add(even, odd);
  let sum = f64x2.extract_lane(even, 0) + f64x2.extract_lane(even, 1);
  for (; a < end; a += 8, b += 8) sum += load<f64>(a) * load<f64>(b);
  return sum;
}

/** Computes a += factor·b for `count` f64. */
export function addTimes(a: usize, factor: f64, b: usize, count: i32): void {
  const factors = f64x2.splat(factor);
  const whole = a + ((<usize>(count & ~1)) << 3);
  for (; a < whole; a += 16, b += 16) {
    v128.store(a, f64x2.add(v128.load(a), f64x2.mul(factors, v128.load(b))));
  }
  if (count & 1) store<f64>(a, load<f64>(a) + factor * load<f64>(b));
}

function rowOf(matrix: usize, row: i32): usize {
  return matrix + (packedSize(row) << 3);
}
