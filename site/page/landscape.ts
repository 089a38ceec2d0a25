import type { Encoded, PlaneGrid } from "./engine/messages.ts";
import { gridAround, type PlanePoint, planeThrough, projected, projectedPath } from "./plane.ts";

/** Objective over a plane of latent space, and the points that are drawn on it. */
export interface Landscape {
  /** Objectives at the grid's points, row by row, with one row for each b. */
  readonly values: Float32Array;
  /** Coordinates of the grid's points along the first axis of the plane. */
  readonly a: Float64Array;
  /** Coordinates of the grid's points along the second axis of the plane. */
  readonly b: Float64Array;
  readonly path: readonly PlanePoint[];
  /** Code of the plain encoder; undefined with a visitor's decoder, for which there is no encoder. */
  readonly guess: PlanePoint | undefined;
}

/** A landscape before its objectives are computed. */
export interface Site {
  readonly grid: PlaneGrid;
  readonly path: readonly PlanePoint[];
  readonly guess: PlanePoint | undefined;
}

/**
 * Chooses a grid around a path, in the plane through its start, its end and a third code: the encoder's guess or, without
 * one, the middle of the path. Undefined without a path.
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
