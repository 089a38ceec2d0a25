import type { Decoder, Loss } from "../../src/index.ts";
import { norm, objectiveOf } from "./reference.ts";

/**
 * A minimum of one sample's loss by damped Newton steps in float64, from z0 until the gradient is next to 0: the
 * Hessian by central differences of the gradients, damped until it is positive definite and the loss falls.
 */
export function newtonMinimum(
  decoder: Decoder,
  loss: Loss,
  z0: ArrayLike<number>,
  y: Float32Array,
  weights?: Float32Array,
): { readonly z: Float64Array; readonly loss: number; readonly gradientNorm: number } {
  const d = z0.length;
  const at = (z: Float64Array) => objectiveOf(decoder, loss, z, y, weights);
  const shifted = (z: Float64Array, k: number, by: number) => z.map((v, i) => (i === k ? v + by : v));
  let z = Float64Array.from(z0);
  let here = at(z);
  let damping = 1e-3;
  for (let step = 0; step < 1000 && norm(here.gradient) > 1e-9 && damping < 1e12; step++) {
    const h = 1e-5;
    const matrix = new Float64Array(d * d);
    for (let k = 0; k < d; k++) {
      const [plus, minus] = [at(shifted(z, k, h)).gradient, at(shifted(z, k, -h)).gradient];
      for (let i = 0; i < d; i++) matrix[k * d + i] = (plus[i]! - minus[i]!) / (2 * h);
    }
    for (let k = 0; k < d; k++) matrix[k * d + k]! += damping;
    const move = solveDefinite(matrix, here.gradient);
    const next = move && z.map((value, k) => value - move[k]!);
    const there = next && at(next);
    if (there && there.value < here.value) {
      z = next!;
      here = there;
      damping /= 10;
    } else {
      damping *= 4;
    }
  }
  return { z, loss: here.value, gradientNorm: norm(here.gradient) };
}

/** Solves matrix·x = b by elimination; undefined where the matrix is not positive definite. */
function solveDefinite(matrix: Float64Array, b: readonly number[]): Float64Array | undefined {
  const d = b.length;
  const x = Float64Array.from(b);
  for (let k = 0; k < d; k++) {
    if (!(matrix[k * d + k]! > 0)) return undefined;
    for (let i = k + 1; i < d; i++) {
      const factor = matrix[i * d + k]! / matrix[k * d + k]!;
      for (let j = k; j < d; j++) matrix[i * d + j]! -= factor * matrix[k * d + j]!;
      x[i]! -= factor * x[k]!;
    }
  }
  for (let i = d - 1; i >= 0; i--) {
    for (let j = i + 1; j < d; j++) x[i]! -= matrix[i * d + j]! * x[j]!;
    x[i]! /= matrix[i * d + i]!;
  }
  return x;
}
