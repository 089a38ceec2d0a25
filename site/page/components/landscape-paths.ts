import { contours } from "d3-contour";
import type { Landscape } from "../landscape.ts";
import type { PlanePoint } from "../plane.ts";

// Shapes of a landscape as SVG paths, in a square of SIZE units.

/** Side of the drawing, in SVG units. */
export const SIZE = 280;
/** Contours that are drawn. */
const BANDS = 11;

/** A band of a landscape: all that lies above a threshold. */
export interface Band {
  readonly path: string;
  /** 0 at the lowest, 1 at the highest. */
  readonly share: number;
}

/** Areas above thresholds that lie closer to each other near the minimum, the lowest first. */
export function bandsOf({ values, a, b }: Landscape): Band[] {
  const finite = [...values].filter(Number.isFinite);
  const [least, most] = [Math.min(...finite), Math.max(...finite)];
  const shares = Array.from({ length: BANDS }, (_, i) => (i + 1) / (BANDS + 1));
  const thresholds = shares.map((share) => least + share ** 2.2 * (most - least));
  const shapes = contours().size([a.length, b.length]).thresholds(thresholds)(
    Array.from(values, (value) => (Number.isFinite(value) ? value : most)),
  );
  // d3-contour has the value of a cell at its middle; the grid's values are at its corners.
  const scale = (at: number, count: number) => ((at - 0.5) / (count - 1)) * SIZE;
  return shapes.map(({ coordinates }, i) => ({
    share: shares[i]!,
    path: coordinates
      .flat()
      .map(
        (ring) =>
          `M${ring.map(([x, y]) => `${fixed(scale(x!, a.length))},${fixed(scale(y!, b.length))}`).join("L")}Z`,
      )
      .join(""),
  }));
}

/** Place of a point of the plane in the drawing. */
export function placeOf({ a, b }: Landscape, point: PlanePoint): { x: number; y: number } {
  const scaled = (value: number, axis: Float64Array) =>
    ((value - axis[0]!) / (axis.at(-1)! - axis[0]!)) * SIZE;
  return { x: scaled(point.a, a), y: scaled(point.b, b) };
}

/** Points of a polyline, as SVG has them. */
export function lineOf(landscape: Landscape, points: readonly PlanePoint[]): string {
  return points
    .map((point) => placeOf(landscape, point))
    .map(({ x, y }) => `${fixed(x)},${fixed(y)}`)
    .join(" ");
}

const fixed = (value: number) => value.toFixed(1);
