/** Plane through the mean of codes, along the two directions in which they vary most. */
export interface PrincipalPlane {
  readonly mean: Float32Array;
  /** Unit vectors, orthogonal, the one of larger variance first. */
  readonly directions: readonly [Float32Array, Float32Array];
  /** Shares of the codes' variance along both. */
  readonly shares: readonly [number, number];
}

/** A point of the plane, in coordinates along its directions; the mean is (0, 0). */
export type PlanePoint = readonly [across: number, up: number];

/** Steps of the power iteration: where two variances differ by a tenth, the error shrinks by 0.9 in each. */
const ITERATIONS = 500;

/**
 * Finds the principal plane of codes.
 *
 * @param codes count × latentSize values, at least two codes that differ
 */
export function principalPlane(codes: Float32Array, latentSize: number): PrincipalPlane {
  const count = codes.length / latentSize;
  const mean = new Float32Array(latentSize);
  for (let i = 0; i < codes.length; i++) mean[i % latentSize]! += codes[i]! / count;
  const covariance = covarianceOf(codes, mean);
  const total = covariance.reduce((sum, row, i) => sum + row[i]!, 0);
  const first = leading(covariance);
  const second = leading(deflated(covariance, first));
  return {
    mean,
    directions: [first.vector, second.vector],
    shares: [first.value / total, second.value / total],
  };
}

/** Coordinates of a code's projection onto the plane. */
export function project({ mean, directions }: PrincipalPlane, code: ArrayLike<number>): PlanePoint {
  const along = (direction: Float32Array) =>
    direction.reduce((sum, value, k) => sum + value * (code[k]! - mean[k]!), 0);
  return [along(directions[0]), along(directions[1])];
}

/** Moves a code along the plane's directions until it projects to a point; what is across the plane stays. */
export function movedTo(
  plane: PrincipalPlane,
  code: ArrayLike<number>,
  [across, up]: PlanePoint,
): Float32Array {
  const [u, v] = plane.directions;
  const [a, b] = project(plane, code);
  return Float32Array.from(code, (value, k) => value + (across - a) * u[k]! + (up - b) * v[k]!);
}

function covarianceOf(codes: Float32Array, mean: Float32Array): Float64Array[] {
  const d = mean.length;
  const covariance = Array.from(mean, () => new Float64Array(d));
  for (let start = 0; start < codes.length; start += d) {
    for (let i = 0; i < d; i++) {
      const difference = codes[start + i]! - mean[i]!;
      for (let j = 0; j < d; j++) covariance[i]![j]! += difference * (codes[start + j]! - mean[j]!);
    }
  }
  const count = codes.length / d;
  return covariance.map((row) => row.map((sum) => sum / count));
}

/** An eigenvalue with its unit eigenvector. */
interface Eigenpair {
  readonly value: number;
  readonly vector: Float32Array;
}

/** Largest eigenvalue of a symmetric matrix without negative ones, by power iteration. */
function leading(matrix: readonly Float64Array[]): Eigenpair {
  let vector = matrix.map((row, i) => Math.sqrt(row[i]!) + 1e-6 * (i + 1));
  let value = 0;
  for (let i = 0; i < ITERATIONS; i++) {
    vector = matrix.map((row) => row.reduce((sum, entry, j) => sum + entry * vector[j]!, 0));
    value = Math.hypot(...vector);
    if (value === 0) break;
    vector = vector.map((entry) => entry / value);
  }
  return { value, vector: Float32Array.from(vector) };
}

function deflated(matrix: readonly Float64Array[], { value, vector }: Eigenpair): Float64Array[] {
  return matrix.map((row, i) => row.map((entry, j) => entry - value * vector[i]! * vector[j]!));
}
