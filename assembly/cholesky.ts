/** The lower Cholesky factor of a symmetric matrix in its place; false where a pivot is not above 0. */
export function factorise(matrix: usize, d: i32): bool {
  for (let i: i32 = 0; i < d; i++) {
    const rowI = rowOf(matrix, i, d);
    for (let j: i32 = 0; j <= i; j++) {
      const rowJ = rowOf(matrix, j, d);
      const sum = load<f64>(rowI + ((<usize>j) << 3)) - dot(rowI, rowJ, j);
      if (j < i) {
        store<f64>(rowI + ((<usize>j) << 3), sum / load<f64>(rowJ + ((<usize>j) << 3)));
      } else {
        // Not a number is not above 0 either.
        if (!(sum > 0)) return false;
        store<f64>(rowI + ((<usize>i) << 3), sqrt(sum));
      }
    }
  }
  return true;
}

/** x = (LLᵀ)⁻¹ x in its place, L the factor. */
export function solveFactorised(factor: usize, d: i32, x: usize): void {
  for (let i: i32 = 0; i < d; i++) {
    const row = rowOf(factor, i, d);
    const xi = x + ((<usize>i) << 3);
    store<f64>(xi, (load<f64>(xi) - dot(row, x, i)) / load<f64>(row + ((<usize>i) << 3)));
  }
  for (let i = d - 1; i >= 0; i--) {
    const row = rowOf(factor, i, d);
    const xi = x + ((<usize>i) << 3);
    const value = load<f64>(xi) / load<f64>(row + ((<usize>i) << 3));
    store<f64>(xi, value);
    for (let k: usize = 0; k < <usize>i; k++) {
      const xk = x + (k << 3);
      store<f64>(xk, load<f64>(xk) - value * load<f64>(row + (k << 3)));
    }
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

function rowOf(matrix: usize, row: i32, d: i32): usize {
  return matrix + ((<usize>(row * d)) << 3);
}
