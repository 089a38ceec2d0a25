import type { Encoded, PlaneGrid } from "./engine/messages.ts";
import { gridAround, type PlanePoint, planeThrough, projected, projectedPath } from "./plane.ts";

/** Objective over a plane of latent space, with what is drawn on it. */
export interface Landscape {
  /** Objectives, rows of b one after the other. */
  readonly values: Float32Array;
  /** Values of both coordinates along the grid's axes. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly path: readonly PlanePoint[];
  /** Code of the plain encoder; undefined with a guest decoder, of which it has no codes. */
  readonly guess: PlanePoint | undefined;
}

/** Landscape whose objectives are still to be computed. */
export interface Site {
  readonly grid: PlaneGrid;
  readonly path: readonly PlanePoint[];
  readonly guess: PlanePoint | undefined;
}

/**
 * Lays a grid around a path, in the plane through its start, its end and a third code: the encoder's guess, or else the middle of
 * the path.
 */
export function siteOf({ z, trajectory }: Encoded, guess: Float32Array | undefined): Site | undefined {
  if (!trajectory) return undefined;
  const { z: codes, loss } = trajectory;
  const middle = Math.floor(loss.length / 2) * z.length;
  const frame = planeThrough(codes.slice(0, z.length), z, guess ?? codes.slice(middle, middle + z.length));
  const path = projectedPath(frame, codes);
  const guessed = guess && projected(frame, guess);
  return { grid: gridAround(frame, guessed ? [...path, guessed] : path), path, guess: guessed };
}
