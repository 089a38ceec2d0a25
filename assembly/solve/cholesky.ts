/**
 * Symmetric matrices by their lower triangle and diagonal, packed row by row: f64[d·(d + 1) / 2]. So are the lower
 * factors L of M = LLᵀ.
 */

/** How many numbers such a matrix has. */
export function packedSize(d: i32): usize {
  return (<usize>d * (<usize>d + 1)) >> 1;
}

/** The lower Cholesky factor of a matrix in its place; false where a pivot is not above 0, or not finite. */
export function factorise(matrix: usize, d: i32): bool {
  for (let i: i32 = 0; i < d; i++) {
    const rowI = rowOf(matrix, i);
    for (let j: i32 = 0; j <= i; j++) {
      const rowJ = rowOf(matrix, j);
      const sum = load<f64>(rowI + ((<usize>j) << 3)) - dot(rowI, rowJ, j);
      if (j < i) {
        store<f64>(rowI + ((<usize>j) << 3), sum / load<f64>(rowJ + ((<usize>j) << 3)));
      } else {
        // Not a number is not above 0 either.
        if (!(sum > 0 && sum < Infinity)) return false;
        store<f64>(rowI + ((<usize>i) << 3), sqrt(sum));
      }
    }
  }
  return true;
}

/** x = L⁻¹x in its place. */
export function solveLower(factor: usize, d: i32, x: usize): void {
  for (let i: i32 = 0; i < d; i++) {
    const row = rowOf(factor, i);
    const xi = x + ((<usize>i) << 3);
    store<f64>(xi, (load<f64>(xi) - dot(row, x, i)) / load<f64>(row + ((<usize>i) << 3)));
  }
}

/** x = L⁻ᵀx in its place. */
export function solveUpper(factor: usize, d: i32, x: usize): void {
  for (let i = d - 1; i >= 0; i--) {
    const row = rowOf(factor, i);
    const xi = x + ((<usize>i) << 3);
    const value = load<f64>(xi) / load<f64>(row + ((<usize>i) << 3));
    store<f64>(xi, value);
    addTimes(x, -value, row, i);
  }
}

/** Σ a_k·b_k for the first `count` numbers: four sums in turns, whose additions need not wait for each other. */
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

/** a += factor·b, `count` numbers. */
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
