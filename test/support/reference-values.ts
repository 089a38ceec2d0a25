import type { Shape } from "../../src/index.ts";

// Values in float64 by their places, which `operation-reference.ts` is written with.

/** A value of one sample, row-major. */
export interface Value {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** The next parameters, as a tensor of this shape. */
export type Take = (shape: Shape) => Value;

export type Place = readonly number[];

export const size = (shape: Shape) => shape.reduce((product, length) => product * length, 1);

const known = new Map<string, readonly Place[]>();

/** All places of a value, in their order. */
export function placesOf(shape: Shape): readonly Place[] {
  const name = shape.join();
  const places = known.get(name) ?? shape.reduce<Place[]>(longer, [[]]);
  known.set(name, places);
  return places;
}

function longer(places: readonly Place[], length: number): Place[] {
  return places.flatMap((place) => Array.from({ length }, (_, position) => [...place, position]));
}

/** A value by what it has at each place. */
export function fill(shape: Shape, f: (place: Place) => number): Value {
  return { shape, data: placesOf(shape).map(f) };
}

/** Index of a place in a shape's first axes, as many as the place has; undefined outside of them. */
export function indexOf(place: Place, shape: Shape): number | undefined {
  let index = 0;
  for (let axis = 0; axis < place.length; axis++) {
    const position = place[axis]!;
    if (!(position >= 0 && position < shape[axis]!)) return undefined;
    index = index * shape[axis]! + position;
  }
  return index;
}

/** A value's number at a place; 0 outside of it. */
export function at({ shape, data }: Value, place: Place): number {
  const index = indexOf(place, shape);
  return index === undefined ? 0 : data[index]!;
}

export function total(places: readonly Place[], f: (place: Place) => number): number {
  return places.reduce((sum, place) => sum + f(place), 0);
}

export const last = <T>(list: readonly T[]): T => list[list.length - 1]!;

/** The axis counted from the start. */
export const fromStart = (axis: number, shape: Shape) => (axis < 0 ? shape.length + axis : axis);

export const perAxis = (value: number | readonly number[], axes: number): readonly number[] =>
  typeof value === "number" ? new Array<number>(axes).fill(value) : value;

/** Pixels before each axis, and behind each. */
export function around(value: number | readonly number[], axes: number): [Place, Place] {
  if (typeof value !== "number" && value.length === 2 * axes)
    return [value.slice(0, axes), value.slice(axes)];
  return [perAxis(value, axes), perAxis(value, axes)];
}

/** A value with axes of length 1 before its own. */
export const withAxes = ({ shape, data }: Value, axes: number): Value => ({
  shape: [...new Array<number>(axes - shape.length).fill(1), ...shape],
  data,
});

/** Normalised over the places of each set: (x - mean)/√(variance + ε), the biased variance; or x/√(mean x² + ε). */
export function normalise(x: Value, setOf: (place: Place) => string, epsilon: number, hasMean = true): Value {
  const sets = new Map<string, number[]>();
  const places = placesOf(x.shape);
  const names = places.map(setOf);
  for (const name of names) sets.set(name, []);
  names.forEach((name, i) => {
    sets.get(name)!.push(x.data[i]!);
  });
  const statistics = new Map(
    [...sets].map(([name, values]) => {
      const mean = hasMean ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      return [name, { mean, deviation: Math.sqrt(variance + epsilon) }] as const;
    }),
  );
  const data = names.map((name, i) => {
    const { mean, deviation } = statistics.get(name)!;
    return (x.data[i]! - mean) / deviation;
  });
  return { shape: x.shape, data };
}

/** weight · x + bias for each place, both of the last axes' shape. */
export function scaleAndShift(x: Value, weight: Value, bias?: Value): Value {
  const axes = weight.shape.length;
  return fill(x.shape, (place) => {
    const own = place.slice(-axes);
    return at(weight, own) * at(x, place) + (bias ? at(bias, own) : 0);
  });
}
