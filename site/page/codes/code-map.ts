import { type PlanePoint, type PrincipalPlane, principalPlane, project } from "./principal-plane.ts";

/** Codes of digits as points of their principal plane. */
export interface CodeMap {
  readonly plane: PrincipalPlane;
  readonly points: readonly PlanePoint[];
  /** Class of each point, 0 to 9. */
  readonly labels: ArrayLike<number>;
  /** Half of the side of the square about the mean that is drawn; all points lie within. */
  readonly reach: number;
}

/** Room around the outermost points. */
const MARGIN = 1.06;

/** Lays codes out. @param codes count × latentSize values */
export function layOut(codes: Float32Array, latentSize: number, labels: ArrayLike<number>): CodeMap {
  const plane = principalPlane(codes, latentSize);
  const points = Array.from({ length: codes.length / latentSize }, (_, i) =>
    project(plane, codes.subarray(i * latentSize, (i + 1) * latentSize)),
  );
  const reach = MARGIN * Math.max(...points.flatMap(([across, up]) => [Math.abs(across), Math.abs(up)]));
  return { plane, points, labels, reach };
}

/** Class of the point that is nearest to a place. */
export function nearestClass({ points, labels }: CodeMap, [across, up]: PlanePoint): number {
  let [nearest, least] = [0, Number.POSITIVE_INFINITY];
  for (const [i, point] of points.entries()) {
    const distance = (point[0] - across) ** 2 + (point[1] - up) ** 2;
    if (distance < least) [nearest, least] = [i, distance];
  }
  return labels[nearest]!;
}

/** Place moved into the square that is drawn. */
export function within({ reach }: CodeMap, [across, up]: PlanePoint): PlanePoint {
  const bounded = (value: number) => Math.min(reach, Math.max(-reach, value));
  return [bounded(across), bounded(up)];
}
