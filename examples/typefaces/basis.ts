// Principal components of each letter's field over the training styles: a decoder's last layer, and the space in which
// linear completion is done.
import { createRandom } from "../../src/base/random.ts";
import { FIELD_SIZE, LETTERS, SAMPLE_SIZE } from "./geometry/cell.ts";

/** Components of each letter. */
export const COMPONENTS = 64;

/** Coefficients of a typeface's fields. */
export const COEFFICIENTS = LETTERS.length * COMPONENTS;

/** Means and orthonormal components of the fields of each letter. */
export interface Basis {
  /** [letters, FIELD_SIZE] */
  readonly mean: Float32Array;
  /** [letters, COMPONENTS, FIELD_SIZE] */
  readonly components: Float32Array;
}

/** Components beyond those kept, with which the iteration converges faster. */
const SPARE = 8;

/** Iterations of the subspace; after these the kept components hold the same variance to three digits as after ten. */
const ITERATIONS = 3;

/**
 * Finds the principal components of each letter by subspace iteration.
 *
 * @param samples [count, SAMPLE_SIZE]
 */
export function principalComponents(samples: Float32Array): Basis {
  const count = samples.length / SAMPLE_SIZE;
  const mean = new Float32Array(LETTERS.length * FIELD_SIZE);
  const components = new Float32Array(LETTERS.length * COMPONENTS * FIELD_SIZE);
  for (let letter = 0; letter < LETTERS.length; letter++) {
    const own = mean.subarray(letter * FIELD_SIZE, (letter + 1) * FIELD_SIZE);
    const rows = Array.from({ length: count }, (_, i) => {
      const start = i * SAMPLE_SIZE + letter * FIELD_SIZE;
      return samples.slice(start, start + FIELD_SIZE);
    });
    for (const row of rows) for (let p = 0; p < FIELD_SIZE; p++) own[p]! += row[p]! / count;
    for (const row of rows) for (let p = 0; p < FIELD_SIZE; p++) row[p]! -= own[p]!;
    const subspace = subspaceOf(rows);
    for (let k = 0; k < COMPONENTS; k++) components.set(subspace[k]!, (letter * COMPONENTS + k) * FIELD_SIZE);
  }
  return { mean, components };
}

/** An orthonormal basis of the subspace of largest variance, sorted by variance only roughly. */
function subspaceOf(rows: readonly Float32Array[]): Float32Array[] {
  const random = createRandom(1);
  const vector = () => Float32Array.from({ length: FIELD_SIZE }, () => random.uniform() - 0.5);
  let subspace = orthonormal(Array.from({ length: COMPONENTS + SPARE }, vector));
  for (let i = 0; i < ITERATIONS; i++) {
    const next = subspace.map((direction) => {
      const sum = new Float32Array(FIELD_SIZE);
      for (const row of rows) addScaled(sum, row, dot(row, direction));
      return sum;
    });
    subspace = orthonormal(next);
  }
  return subspace;
}

/** Orthonormalises vectors in place, in order, by Gram and Schmidt, twice for the digits. */
function orthonormal(vectors: Float32Array[]): Float32Array[] {
  for (const [i, vector] of vectors.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const before of vectors.slice(0, i)) addScaled(vector, before, -dot(vector, before));
    }
    const length = Math.sqrt(dot(vector, vector));
    for (let p = 0; p < vector.length; p++) vector[p]! /= length;
  }
  return vectors;
}

/** Dot product of arrays whose length is a multiple of 4, in four sums, which run side by side in the processor. */
function dot(a: Float32Array, b: Float32Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  return s0 + s1 + (s2 + s3);
}

function addScaled(target: Float32Array, source: Float32Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * source[i]!;
}

/**
 * Coefficients of a letter's field.
 *
 * @param letter index of the letter
 */
export function projected(field: Float32Array, letter: number, { mean, components }: Basis): Float32Array {
  const start = letter * FIELD_SIZE;
  const difference = field.map((value, p) => value - mean[start + p]!);
  return Float32Array.from({ length: COMPONENTS }, (_, k) => {
    const component = (letter * COMPONENTS + k) * FIELD_SIZE;
    return dot(difference, components.subarray(component, component + FIELD_SIZE));
  });
}

/**
 * Coefficients of samples: their fields in the basis, then their advances and side bearings as they are.
 *
 * @param samples [count, SAMPLE_SIZE]
 * @returns [count, COEFFICIENTS + 2 · letters]
 */
export function coefficientsOf(samples: Float32Array, basis: Basis): Float32Array {
  const count = samples.length / SAMPLE_SIZE;
  const bearings = 2 * LETTERS.length;
  const size = COEFFICIENTS + bearings;
  const coefficients = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const sample = samples.subarray(i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE);
    for (let letter = 0; letter < LETTERS.length; letter++) {
      const field = sample.subarray(letter * FIELD_SIZE, (letter + 1) * FIELD_SIZE);
      coefficients.set(projected(field, letter, basis), i * size + letter * COMPONENTS);
    }
    coefficients.set(sample.subarray(SAMPLE_SIZE - bearings), i * size + COEFFICIENTS);
  }
  return coefficients;
}

/**
 * The field of a letter with coefficients, the first COEFFICIENTS of a row.
 *
 * @param letter index of the letter
 */
export function fieldFrom(row: Float32Array, letter: number, { mean, components }: Basis): Float32Array {
  const field = mean.slice(letter * FIELD_SIZE, (letter + 1) * FIELD_SIZE);
  for (let k = letter * COMPONENTS; k < (letter + 1) * COMPONENTS; k++) {
    addScaled(field, components.subarray(k * FIELD_SIZE, (k + 1) * FIELD_SIZE), row[k]!);
  }
  return field;
}
