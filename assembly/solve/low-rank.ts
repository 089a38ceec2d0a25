import { dot } from "./cholesky";
import { Lbfgs } from "./lbfgs-state";

/**
 * Preconditioner of decoders with many latents: H = VΛVᵀ + ρ(I - VVᵀ) + shift · I. The r columns of V, in memory one after the
 * other, are the Ritz vectors of the decoder's Gauss-Newton matrix A of the largest Ritz values Λ; ρ stands for its other
 * eigenvalues. A product with H⁻¹ takes 2rd multiplications, another shift none. src/backend/wasm/randomised-low-rank.ts makes V, Λ and ρ.
 */

/** Returns the bytes from one Ritz vector to the next: d floats, padded to a multiple of eight. */
function vectorStride(lbfgs: Lbfgs): usize {
  return (<usize>(lbfgs.latentSize + 7) & ~7) << 2;
}

/** Returns the pointer to the Ritz values Λ, f64[r]. */
function values(lbfgs: Lbfgs): usize {
  return lbfgs.vectors + <usize>lbfgs.rank * vectorStride(lbfgs);
}

/** Returns the pointer to Vᵀx, f64[r], of the vector x that `project` was called for last. */
function coefficients(lbfgs: Lbfgs): usize {
  return lbfgs.factor + 2 * vectorStride(lbfgs);
}

/** Computes Vᵀx of x, f64[d], into `coefficients`, in float32 after a scaling by |x|; returns xᵀx. */
function project(lbfgs: Lbfgs, x: usize): f64 {
  const d = lbfgs.latentSize;
  const stride = vectorStride(lbfgs);
  const square = dot(x, x, d);
  const length = sqrt(square);
  const scaled = lbfgs.factor;
  const factor = length > 0 ? 1 / length : 0;
  memory.fill(scaled + stride - 32, 0, 32);
  for (let k: usize = 0; k < <usize>d; k++) {
    store<f32>(scaled + (k << 2), <f32>(load<f64>(x + (k << 3)) * factor));
  }
  let to = coefficients(lbfgs);
  let vector = lbfgs.vectors;
  // Four vectors at a time share what is loaded of x; the rank is a multiple of four.
  for (let j: i32 = 0; j < lbfgs.rank; j += 4, to += 32, vector += 4 * stride) {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    for (let k: usize = 0; k < stride; k += 16) {
      const at = v128.load(scaled + k);
      const from = vector + k;
      sum0 = f32x4.add(sum0, f32x4.mul(at, v128.load(from)));
      sum1 = f32x4.add(sum1, f32x4.mul(at, v128.load(from + stride)));
      sum2 = f32x4.add(sum2, f32x4.mul(at, v128.load(from + 2 * stride)));
      sum3 = f32x4.add(sum3, f32x4.mul(at, v128.load(from + 3 * stride)));
    }
    store<f64>(to, length * total(sum0));
    store<f64>(to, length * total(sum1), 8);
    store<f64>(to, length * total(sum2), 16);
    store<f64>(to, length * total(sum3), 24);
  }
  return square;
}

function total(sum: v128): f64 {
  return (
    <f64>f32x4.extract_lane(sum, 0) +
    <f64>f32x4.extract_lane(sum, 1) +
    (<f64>f32x4.extract_lane(sum, 2) + <f64>f32x4.extract_lane(sum, 3))
  );
}

/** Returns the difference of the inverses along Ritz vector j and orthogonal to all: 1/(Λ_j + shift) - 1/(ρ + shift). */
function inverseExcess(lbfgs: Lbfgs, j: usize, shift: f64): f64 {
  return 1 / (load<f64>(values(lbfgs) + (j << 3)) + shift) - 1 / (lbfgs.rest + shift);
}

/** Computes x ← H⁻¹x in place, x f64[d]. */
export function solveLowRank(lbfgs: Lbfgs, shift: f64, x: usize): void {
  const d = lbfgs.latentSize;
  const stride = vectorStride(lbfgs);
  const length = sqrt(project(lbfgs, x));
  const sums = lbfgs.factor + stride;
  const factor = length > 0 ? 1 / length : 0;
  memory.fill(sums, 0, stride);
  let vector = lbfgs.vectors;
  for (let j: usize = 0; j < <usize>lbfgs.rank; j += 4, vector += 4 * stride) {
    const from = coefficients(lbfgs) + (j << 3);
    const c0 = f32x4.splat(<f32>(factor * load<f64>(from) * inverseExcess(lbfgs, j, shift)));
    const c1 = f32x4.splat(<f32>(factor * load<f64>(from, 8) * inverseExcess(lbfgs, j + 1, shift)));
    const c2 = f32x4.splat(<f32>(factor * load<f64>(from, 16) * inverseExcess(lbfgs, j + 2, shift)));
    const c3 = f32x4.splat(<f32>(factor * load<f64>(from, 24) * inverseExcess(lbfgs, j + 3, shift)));
    for (let k: usize = 0; k < stride; k += 16) {
      const at = vector + k;
      const first = f32x4.add(f32x4.mul(c0, v128.load(at)), f32x4.mul(c1, v128.load(at + stride)));
      const last = f32x4.add(
        f32x4.mul(c2, v128.load(at + 2 * stride)),
        f32x4.mul(c3, v128.load(at + 3 * stride)),
      );
      v128.store(sums + k, f32x4.add(v128.load(sums + k), f32x4.add(first, last)));
    }
  }
  const across = 1 / (lbfgs.rest + shift);
  for (let k: usize = 0; k < <usize>d; k++) {
    const at = x + (k << 3);
    store<f64>(at, load<f64>(at) * across + length * <f64>load<f32>(sums + (k << 2)));
  }
}

/** Returns xᵀH⁻¹x, x f64[d]. */
export function inverseFormLowRank(lbfgs: Lbfgs, shift: f64, x: usize): f64 {
  return inverseFormOfProjected(lbfgs, shift, project(lbfgs, x));
}

/** Returns xᵀH⁻¹x of the vector projected last, given xᵀx. */
function inverseFormOfProjected(lbfgs: Lbfgs, shift: f64, square: f64): f64 {
  let sum = square / (lbfgs.rest + shift);
  for (let j: usize = 0; j < <usize>lbfgs.rank; j++) {
    const c = load<f64>(coefficients(lbfgs) + (j << 3));
    sum += c * c * inverseExcess(lbfgs, j, shift);
  }
  return sum;
}

/** Computes yᵀH⁻¹y for each of `count` shifts, f64[count], into `to`, f64[count]. */
export function inverseFormsLowRank(lbfgs: Lbfgs, y: usize, shifts: usize, count: i32, to: usize): void {
  const square = project(lbfgs, y);
  for (let i: usize = 0; i < (<usize>count) << 3; i += 8) {
    store<f64>(to + i, inverseFormOfProjected(lbfgs, load<f64>(shifts + i), square));
  }
}

/** Returns sᵀAs of the step s, f64[d]. */
export function quadraticFormLowRank(lbfgs: Lbfgs, s: usize): f64 {
  let sum = lbfgs.rest * project(lbfgs, s);
  for (let j: usize = 0; j < (<usize>lbfgs.rank) << 3; j += 8) {
    const c = load<f64>(coefficients(lbfgs) + j);
    sum += c * c * (load<f64>(values(lbfgs) + j) - lbfgs.rest);
  }
  return sum;
}
