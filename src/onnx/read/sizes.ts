// Shapes are computed for several batch sizes and numbers of points at once; comparing them shows how they depend on
// either. Shapes that the file declares are not trusted.

/** Batch sizes and numbers of points for which values that depend on them are computed. */
export const SIZES = [
  { batch: 2, points: 5 },
  { batch: 3, points: 5 },
  { batch: 2, points: 7 },
] as const;

/** Length of an ONNX axis: `count`, times the batch size if `hasBatch`, times the number of points if `hasPoints`. */
export interface Dimension {
  readonly count: number;
  readonly hasBatch: boolean;
  readonly hasPoints: boolean;
}

/** True for a length that is always 1, whatever the batch size and the number of points. */
export const isOne = ({ count, hasBatch, hasPoints }: Dimension) => count === 1 && !hasBatch && !hasPoints;

/**
 * Returns the dimension that has these lengths for the pairs of batch size and number of points in SIZES, in order; undefined
 * if the lengths depend on the batch size or the number of points otherwise than in proportion.
 */
export function dimensionOf(lengths: readonly number[]): Dimension | undefined {
  const [first, otherBatch, otherPoints] = lengths as [number, number, number];
  const factor = (other: number, from: number, to: number): boolean | undefined => {
    if (other === first) return false;
    return other * from === first * to ? true : undefined;
  };
  const hasBatch = factor(otherBatch, SIZES[0].batch, SIZES[1].batch);
  const hasPoints = factor(otherPoints, SIZES[0].points, SIZES[2].points);
  if (hasBatch === undefined || hasPoints === undefined) return undefined;
  const count = first / (hasBatch ? SIZES[0].batch : 1) / (hasPoints ? SIZES[0].points : 1);
  return Number.isInteger(count) ? { count, hasBatch, hasPoints } : undefined;
}

/** Returns the length of an axis for each pair of batch size and number of points in SIZES. */
export function lengthsOf({ count, hasBatch, hasPoints }: Dimension): number[] {
  return SIZES.map(({ batch, points }) => count * (hasBatch ? batch : 1) * (hasPoints ? points : 1));
}
