import { contours } from "d3-contour";
import type { Landscape } from "../landscape.ts";
import type { PlanePoint } from "../plane.ts";

// Converts a landscape, the objective over a plane of latent space, to SVG paths in a square of SIZE units.

/** Side length of the drawing, in SVG units. */
export const SIZE = 280;
/** Number of contours drawn. */
const BANDS = 11;

/** Band of a landscape: the area where the objective exceeds a threshold. */
export interface Band {
  readonly path: string;
  /** Rank of the threshold: near 0 for the lowest, near 1 for the highest. */
  readonly share: number;
}

/** Computes the areas above increasing thresholds, which are closer together near the minimum. */
export function bandsOf({ values, a, b }: Landscape): Band[] {
  const finite = [...values].filter(Number.isFinite);
  const [least, most] = [Math.min(...finite), Math.max(...finite)];
  const shares = Array.from({ length: BANDS }, (_, i) => (i + 1) / (BANDS + 1));
  const thresholds = shares.map((share) => least + share ** 2.2 * (most - least));
  const shapes = contours().size([a.length, b.length]).thresholds(thresholds)(
    Array.from(values, (value) => (Number.isFinite(value) ? value : most)),
  );
  // d3-contour places values at the centres of cells; here they are at the grid's corners.
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

/** Returns the position in the drawing of a point of the plane. */
export function placeOf({ a, b }: Landscape, point: PlanePoint): { x: number; y: number } {
  const scaled = (value: number, axis: Float64Array) =>
    ((value - axis[0]!) / (axis.at(-1)! - axis[0]!)) * SIZE;
  return { x: scaled(point.a, a), y: scaled(point.b, b) };
}

/** Formats points as the `points` attribute of an SVG polyline. */
export function lineOf(landscape: Landscape, points: readonly PlanePoint[]): string {
  return points
    .map((point) => placeOf(landscape, point))
    .map(({ x, y }) => `${fixed(x)},${fixed(y)}`)
    .join(" ");
}

const fixed = (value: number) => value.toFixed(1);
