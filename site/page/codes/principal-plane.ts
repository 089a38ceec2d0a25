/** Plane through the mean of codes, along the two directions in which they vary most. */
export interface PrincipalPlane {
  readonly mean: Float32Array;
  /** Unit vectors, orthogonal, the one of larger variance first. */
  readonly directions: readonly [Float32Array, Float32Array];
  /** Shares of the codes' variance along both. */
  readonly shares: readonly [number, number];
}

/** A point of the plane, in coordinates along its directions; the mean is (0, 0). */
export type MapPoint = readonly [across: number, up: number];

/** Most steps of a power iteration: where two variances differ by a tenth, the error shrinks by 0.9 in each. */
const MOST_STEPS = 200;
/** Change of a unit vector in one step below which the iteration has converged, for float32 directions. */
const CONVERGED = 1e-7;
/** Share of the largest variance up to which another is the rounding of float32 codes on a line. */
const ROUNDING = 1e-12;

/**
 * Finds the principal plane of codes. One step of the iteration takes 2 × count × latentSize multiplications; the covariance
 * matrix, of latentSize² numbers, is never formed.
 *
 * @param codes count × latentSize values, at least two codes that differ
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

/** Coordinates of a code's projection onto the plane. */
export function project({ mean, directions }: PrincipalPlane, code: ArrayLike<number>): MapPoint {
  const along = (direction: Float32Array) =>
    direction.reduce((sum, value, k) => sum + value * (code[k]! - mean[k]!), 0);
  return [along(directions[0]), along(directions[1])];
}

/** Moves a code along the plane's directions until it projects to a point; the part orthogonal to the plane stays. */
export function movedTo(
  plane: PrincipalPlane,
  code: ArrayLike<number>,
  [across, up]: MapPoint,
): Float32Array {
  const [u, v] = plane.directions;
  const [a, b] = project(plane, code);
  return Float32Array.from(code, (value, k) => value + (across - a) * u[k]! + (up - b) * v[k]!);
}

/** Unit vector, and the sum of the squares of centred codes along it. */
interface Leading {
  readonly direction: Float64Array;
  readonly sum: number;
}

/** Direction of the largest variance, among those orthogonal to `first` if there is one, by power iteration. */
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
 * Root of the sum of squares of each number of centred codes, without the part along `first`: a start of the iteration, which
 * also settles the sign of the direction.
 */
function spread(centred: Float32Array, latentSize: number, first?: Leading): Float64Array {
  const sums = new Float64Array(latentSize);
  for (let i = 0; i < centred.length; i++) sums[i % latentSize]! += centred[i]! ** 2;
  return sums.map((sum, k) => {
    const rest = first ? sum - first.sum * first.direction[k]! ** 2 : sum;
    // Not orthogonal to the direction that is sought, as equal numbers may be: so far from it that the first step shows.
    return Math.sqrt(Math.max(0, rest)) * (1 + (0.01 * (k + 1)) / latentSize) + 1e-6 * (k + 1);
  });
}

/** Product Xᵀ(X v) of centred codes X, one a row, and a vector. */
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

/** A unit vector orthogonal to another: near the axis that hardly has a part along it. 0 where there is one axis alone. */
function orthogonalTo(unit: Float64Array): Float64Array {
  const flattest = unit.reduce((best, value, k) => (Math.abs(value) < Math.abs(unit[best]!) ? k : best), 0);
  const vector = unit.map((_, k) => (k === flattest ? 1 : 0));
  removePart(vector, unit);
  const length = lengthOf(vector);
  return vector.map((value) => (length > 0 ? value / length : 0));
}

/** Removes a vector's part along a unit vector, in place. */
function removePart(vector: Float64Array, unit: Float64Array): void {
  const part = vector.reduce((sum, value, k) => sum + value * unit[k]!, 0);
  for (let k = 0; k < vector.length; k++) vector[k]! -= part * unit[k]!;
}

function lengthOf(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
