import { type MapPoint, type PrincipalPlane, principalPlane, project } from "./principal-plane.ts";

/** Codes of digits, projected onto their principal plane. */
export interface CodeMap {
  readonly plane: PrincipalPlane;
  readonly points: readonly MapPoint[];
  /** Digit class of each point, 0 to 9. */
  readonly labels: ArrayLike<number>;
  /** Centre of the square that is drawn, in the plane's coordinates; the square contains all points. */
  readonly centre: MapPoint;
  /** Half the side length of the square that is drawn, in the plane's coordinates. */
  readonly reach: number;
}

/** Factor on the size of the square, which leaves a margin around the outermost points. */
const MARGIN = 1.06;
/** Number of nearest points that count as nearby. */
const NEARBY = 15;

/**
 * Projects codes onto their principal plane.
 *
 * @param codes count × latentSize values
 */
export function layOut(codes: Float32Array, latentSize: number, labels: ArrayLike<number>): CodeMap {
  const plane = principalPlane(codes, latentSize);
  const points = Array.from({ length: codes.length / latentSize }, (_, i) =>
    project(plane, codes.subarray(i * latentSize, (i + 1) * latentSize)),
  );
  const spans = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]!);
    return [Math.min(...values), Math.max(...values)] as const;
  });
  const [across, up] = spans.map(([least, most]) => (least + most) / 2) as [number, number];
  const reach = (MARGIN * Math.max(...spans.map(([least, most]) => most - least))) / 2;
  return { plane, points, labels, centre: [across, up], reach };
}

/** Returns the digit classes of the points nearest to a place, the most frequent first. */
export function nearbyClasses({ points, labels }: CodeMap, [across, up]: MapPoint): number[] {
  const distances = points.map((point, i) => ({
    i,
    distance: (point[0] - across) ** 2 + (point[1] - up) ** 2,
  }));
  distances.sort((a, b) => a.distance - b.distance);
  const counts = new Map<number, number>();
  for (const { i } of distances.slice(0, NEARBY)) counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([label]) => label);
}

/** Clamps a place to the square that is drawn. */
export function within({ centre, reach }: CodeMap, place: MapPoint): MapPoint {
  const bounded = (value: number, middle: number) =>
    Math.min(middle + reach, Math.max(middle - reach, value));
  return [bounded(place[0], centre[0]), bounded(place[1], centre[1])];
}
