/** Principal plane of codes: the plane through their mean along the two directions of the largest variance. */
export interface PrincipalPlane {
  readonly mean: Float32Array;
  /** Orthonormal directions, that of the larger variance first. */
  readonly directions: readonly [Float32Array, Float32Array];
  /** Fractions of the codes' total variance along both directions. */
  readonly shares: readonly [number, number];
}

/** Point of a principal plane, in coordinates along its directions; the mean is (0, 0). */
export type MapPoint = readonly [across: number, up: number];

/** Maximum number of power iterations; if the variances differ by a tenth, the error shrinks by a factor of 0.9 in each. */
const MOST_STEPS = 200;
/** The iteration has converged if the direction changes by less than this in one step; suited to float32 directions. */
const CONVERGED = 1e-7;
/** A variance below this fraction of the largest is due to rounding: the float32 codes lie on a line. */
const ROUNDING = 1e-12;

/**
 * Computes the principal plane of codes by power iteration. A step takes 2 × count × latentSize multiplications; the
 * covariance matrix is never formed.
 *
 * @param codes count × latentSize values, at least two of them different
 */
export function principalPlane(codes: Float32Array, latentSize: number): PrincipalPlane {
  const count = codes.length / latentSize;
  const mean = new Float32Array(latentSize);
  for (let i = 0; i < codes.length; i++) mean[i % latentSize]! += codes[i]! / count;
  const centred = codes.map((value, i) => value - mean[i % latentSize]!);
  const total = centred.reduce((sum, value) => sum + value * value, 0);
  const first = leading(centred, latentSize);
  const second = leading(centred, latentSize, first);
  return {
    mean,
    directions: [Float32Array.from(first.direction), Float32Array.from(second.direction)],
    shares: [first.sum / total, second.sum / total],
  };
}

/** Returns the coordinates of a code's orthogonal projection onto a principal plane. */
export function project({ mean, directions }: PrincipalPlane, code: ArrayLike<number>): MapPoint {
  const along = (direction: Float32Array) =>
    direction.reduce((sum, value, k) => sum + value * (code[k]! - mean[k]!), 0);
  return [along(directions[0]), along(directions[1])];
}

/**
 * Moves a code parallel to a principal plane until it projects to a given point; its component orthogonal to the plane
 * does not change.
 */
export function movedTo(
  plane: PrincipalPlane,
  code: ArrayLike<number>,
  [across, up]: MapPoint,
): Float32Array {
  const [u, v] = plane.directions;
  const [a, b] = project(plane, code);
  return Float32Array.from(code, (value, k) => value + (across - a) * u[k]! + (up - b) * v[k]!);
}

/** Unit vector, and the sum of squares of the centred codes' components along it. */
interface Leading {
  readonly direction: Float64Array;
  readonly sum: number;
}

/** Computes the direction of the largest variance, orthogonal to `first` if given, by power iteration. */
function leading(centred: Float32Array, latentSize: number, first?: Leading): Leading {
  let direction = spread(centred, latentSize, first);
  let sum = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    const next = timesCovariance(centred, direction);
    if (first) removePart(next, first.direction);
    sum = lengthOf(next);
    if (first && sum <= ROUNDING * first.sum) return { direction: orthogonalTo(first.direction), sum: 0 };
    let change = 0;
    for (let k = 0; k < latentSize; k++) {
      next[k]! /= sum;
      change += (next[k]! - direction[k]!) ** 2;
    }
    direction = next;
    if (change < CONVERGED ** 2) break;
  }
  return { direction, sum };
}

/**
 * Returns the initial vector of the power iteration: the root of the sum of squares of each coordinate of the centred
 * codes, without their components along `first`. The vector also determines the sign of the result.
 */
function spread(centred: Float32Array, latentSize: number, first?: Leading): Float64Array {
  const sums = new Float64Array(latentSize);
  for (let i = 0; i < centred.length; i++) sums[i % latentSize]! += centred[i]! ** 2;
  return sums.map((sum, k) => {
    const rest = first ? sum - first.sum * first.direction[k]! ** 2 : sum;
    // Perturbed, since a vector of equal numbers may be orthogonal to the result; by so much that the first step leaves
    // that.
    return Math.sqrt(Math.max(0, rest)) * (1 + (0.01 * (k + 1)) / latentSize) + 1e-6 * (k + 1);
  });
}

/** Computes Xᵀ(X v) for centred codes X, one per row, and a vector v. */
function timesCovariance(centred: Float32Array, vector: Float64Array): Float64Array<ArrayBuffer> {
  const d = vector.length;
  const product = new Float64Array(d);
  for (let start = 0; start < centred.length; start += d) {
    let along = 0;
    for (let k = 0; k < d; k++) along += centred[start + k]! * vector[k]!;
    for (let k = 0; k < d; k++) product[k]! += along * centred[start + k]!;
  }
  return product;
}

/**
 * Returns a unit vector orthogonal to another, close to the coordinate axis with the smallest component; 0 if there is
 * only one dimension.
 */
function orthogonalTo(unit: Float64Array): Float64Array {
  const flattest = unit.reduce((best, value, k) => (Math.abs(value) < Math.abs(unit[best]!) ? k : best), 0);
  const vector = unit.map((_, k) => (k === flattest ? 1 : 0));
  removePart(vector, unit);
  const length = lengthOf(vector);
  return vector.map((value) => (length > 0 ? value / length : 0));
}

/** Subtracts a vector's component along a unit vector, in place. */
function removePart(vector: Float64Array, unit: Float64Array): void {
  const part = vector.reduce((sum, value, k) => sum + value * unit[k]!, 0);
  for (let k = 0; k < vector.length; k++) vector[k]! -= part * unit[k]!;
}

function lengthOf(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
