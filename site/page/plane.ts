import type { PlaneGrid } from "./engine/messages.ts";

// Plane of latent space, through three codes, in which a path is drawn.

/** Point of the plane, in coordinates from its origin along its two axes. */
export interface PlanePoint {
  readonly a: number;
  readonly b: number;
}

/** Number of grid points along each axis. */
const GRID = 26;
/** Margin around the points, relative to their extent. */
const MARGIN = 0.25;

/** Orthonormal frame of a plane in latent space. */
export type Frame = Pick<PlaneGrid, "origin" | "u" | "v">;

/**
 * Returns the plane through three codes. Its first axis points from start to end. If the codes lie on a line, the second
 * axis is close to the coordinate axis that the line changes least.
 *
 * @param start code at the start of a flow
 * @param end code at the end of the flow, the origin of the plane
 * @param third another code, such as an encoder's guess
 */
export function planeThrough(start: Float32Array, end: Float32Array, third: Float32Array): Frame {
  const u = unit(difference(end, start)) ?? axis(end.length, 0);
  const across = unit(withoutPart(difference(third, end), u));
  const flattest = u.reduce((best, value, k) => (Math.abs(value) < Math.abs(u[best]!) ? k : best), 0);
  const v = across ?? unit(withoutPart(axis(end.length, flattest), u)) ?? axis(end.length, flattest);
  return { origin: end, u, v };
}

/** Returns the orthogonal projection of a code onto a plane. */
export function projected({ origin, u, v }: Frame, z: ArrayLike<number>): PlanePoint {
  let [a, b] = [0, 0];
  for (let k = 0; k < origin.length; k++) {
    const offset = z[k]! - origin[k]!;
    a += offset * u[k]!;
    b += offset * v[k]!;
  }
  return { a, b };
}

/** Projects K codes, stored one after another, onto a plane. */
export function projectedPath(frame: Frame, z: Float32Array): PlanePoint[] {
  const size = frame.origin.length;
  return Array.from({ length: z.length / size }, (_, i) =>
    projected(frame, z.subarray(i * size, (i + 1) * size)),
  );
}

/** Returns a square grid around points of a plane. */
export function gridAround(frame: Frame, points: readonly PlanePoint[]): PlaneGrid {
  const middle = (values: readonly number[]) => (Math.min(...values) + Math.max(...values)) / 2;
  const width = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
  const [as, bs] = [points.map(({ a }) => a), points.map(({ b }) => b)];
  const reach = (Math.max(width(as), width(bs), 1e-3) * (1 + 2 * MARGIN)) / 2;
  const along = (centre: number) =>
    Float64Array.from({ length: GRID }, (_, i) => centre + reach * ((2 * i) / (GRID - 1) - 1));
  return { ...frame, a: along(middle(as)), b: along(middle(bs)) };
}

function difference(z: Float32Array, from: Float32Array): Float32Array {
  return z.map((value, k) => value - from[k]!);
}

function withoutPart(vector: Float32Array, along: Float32Array): Float32Array {
  const part = vector.reduce((sum, value, k) => sum + value * along[k]!, 0);
  return vector.map((value, k) => value - part * along[k]!);
}

/** Normalises a vector; undefined if its length is close to 0. */
function unit(vector: Float32Array): Float32Array | undefined {
  const length = Math.hypot(...vector);
  return length > 1e-6 ? vector.map((value) => value / length) : undefined;
}

function axis(size: number, k: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (i === k ? 1 : 0));
}
