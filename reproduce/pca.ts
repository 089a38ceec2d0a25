import { cpuSeconds } from "../bench/timing.ts";
import { eigenvalues } from "../src/terms/eigenvalues.ts";
import type { Dataset } from "../src/train/index.ts";
import type { Measured } from "./reconstruction.ts";

// The baseline that the paper leaves out: principal components.

/** For cross entropy, outputs are cut to what half a grey level is from black and white: [1/510, 1 - 1/510]. */
const CLIP = 1 / 510;

/**
 * The mean of some samples and their first principal components, by orthogonal iteration on the covariance matrix.
 *
 * @param y count × size
 * @returns the components, orthonormal, one after the other
 */
export function principalComponents(
  y: Float32Array,
  size: number,
  components: number,
): { readonly mean: Float64Array; readonly basis: Float64Array[] } {
  const count = y.length / size;
  const mean = new Float64Array(size);
  for (let i = 0; i < y.length; i++) mean[i % size]! += y[i]! / count;
  const covariance = new Float64Array(size * size);
  const centred = new Float64Array(size);
  for (let sample = 0; sample < count; sample++) {
    for (let i = 0; i < size; i++) centred[i] = y[sample * size + i]! - mean[i]!;
    for (let i = 0; i < size; i++) {
      if (centred[i] === 0) continue;
      for (let j = 0; j <= i; j++) covariance[i * size + j]! += (centred[i]! * centred[j]!) / count;
    }
  }
  for (let i = 0; i < size; i++)
    for (let j = 0; j < i; j++) covariance[j * size + i] = covariance[i * size + j]!;

  // Twice as many as wanted: the error left in the first ones shrinks by λ₄₁/λ₂₀ a step, not by λ₂₁/λ₂₀.
  let basis: Float64Array[] = Array.from({ length: Math.min(size, 2 * components) }, (_, k) =>
    Float64Array.from({ length: size }, (_, i) => Math.sin((i + 1) * (k + 1))),
  );
  for (let step = 0; step < 15; step++) {
    basis = orthonormalised(basis.map((vector) => times(covariance, vector)));
  }
  // Rayleigh and Ritz: within their span, the directions of greatest variance.
  const images = basis.map((vector) => times(covariance, vector));
  const directions = eigenvectors(basis.map((vector) => images.map((image) => dot(vector, image))));
  const principal = directions.slice(0, components).map((direction) => {
    const sum = new Float64Array(size);
    for (const [k, share] of direction.entries()) {
      for (let i = 0; i < size; i++) sum[i]! += share * basis[k]![i]!;
    }
    return sum;
  });
  return { mean, basis: principal };
}

/** Of a symmetric matrix, those of the greatest eigenvalues first. */
function eigenvectors(matrix: readonly (readonly number[])[]): Float64Array[] {
  const size = matrix.length;
  const { values, vectors } = eigenvalues(Float64Array.from(matrix.flat()), size);
  const order = [...values.keys()].sort((i, j) => values[j]! - values[i]!);
  return order.map((k) => vectors.subarray(k * size, (k + 1) * size));
}

/** How well samples are reconstructed from their projections. */
export function measureProjections(
  { mean, basis }: ReturnType<typeof principalComponents>,
  data: Dataset,
): Measured {
  const start = cpuSeconds();
  let [loss, squares] = [0, 0];
  for (let sample = 0; sample < data.count; sample++) {
    const y = data.rows([sample]);
    const centred = Float64Array.from(y, (value, i) => value - mean[i]!);
    const x = mean.slice();
    for (const vector of basis) {
      const share = dot(vector, centred);
      for (let i = 0; i < x.length; i++) x[i]! += share * vector[i]!;
    }
    for (const [i, value] of y.entries()) {
      squares += (x[i]! - value) ** 2;
      const clipped = Math.min(Math.max(x[i]!, CLIP), 1 - CLIP);
      loss -= value * Math.log(clipped) + (1 - value) * Math.log(1 - clipped);
    }
  }
  const numbers = data.count * data.size;
  return {
    loss: loss / numbers,
    squaredError: squares / numbers,
    seconds: cpuSeconds() - start,
  };
}

function orthonormalised(vectors: Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    // Twice: the first time leaves rounding errors of nearly parallel vectors.
    for (let time = 0; time < 2; time++) {
      for (const other of done) {
        const share = dot(vector, other);
        for (let i = 0; i < vector.length; i++) vector[i]! -= share * other[i]!;
      }
    }
    const length = Math.sqrt(dot(vector, vector));
    // Fewer samples than components leave nothing in this direction.
    if (length > 1e-12) done.push(vector.map((value) => value / length));
  }
  return done;
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return vector.map((_, i) => dot(matrix.subarray(i * size, (i + 1) * size), vector));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
