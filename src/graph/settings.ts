import { checkNumber } from "../base/check.ts";
import { subject } from "../base/message.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Shape } from "./kind.ts";

// Checks of settings that several kinds of operation share.

/** One number for each axis, or one number for all. */
export type PerAxis = number | readonly number[];

/** Fields of an operation that are its settings: defaults are filled in, and each `PerAxis` has a number for every axis. */
export type Filled<Settings> = {
  readonly [Name in keyof Settings]-?: PerAxis extends Settings[Name]
    ? readonly number[]
    : Exclude<Settings[Name], undefined>;
};

/** Name in messages of the values that an operation reads. */
export const WHAT_IT_READS = subject("inputs", "what it reads");

/** Maximum number of axes of a graph value. */
export const MOST_AXES = 8;
/** Maximum number of operations of a graph. */
export const MOST_OPERATIONS = 10_000;

/**
 * Checks a `PerAxis` of integers ≥ min, and returns it as a list of `axes` numbers.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function perAxis(name: string, value: unknown, min: number, axes: number): readonly number[] {
  if (typeof value === "number") {
    return new Array(axes).fill(checkNumber(name, value, { min, integer: true }));
  }
  if (!Array.isArray(value)) {
    const expected = `an integer, or an array of ${axes}, one for each axis`;
    throw refused(name, "is", show(value), expected);
  }
  const lengths = checkLengths(name, value, min);
  if (lengths.length === axes) return lengths;
  throw refused(name, "has", `${lengths.length} numbers`, `one, or ${axes}, one for each axis`);
}

/**
 * Checks padding: one number, one number for each axis, or the numbers before each axis followed by the numbers behind each
 * axis. Returns 2 · axes integers: the numbers before each axis, then the numbers behind each axis.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function around(name: string, value: unknown, axes: number): readonly number[] {
  if (Array.isArray(value) && value.length === 2 * axes) return checkLengths(name, value, 0);
  const each = perAxis(name, value, 0, axes);
  return [...each, ...each];
}

/**
 * Checks an array of 1 to MOST_AXES integers, each ≥ min, and returns a copy.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkLengths(name: string, value: unknown, min: number): readonly number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_AXES) {
    throw refused(name, "is", show(value), `an array of 1 to ${MOST_AXES} integers`);
  }
  return Array.from(value, (length, i) => checkNumber(`${name}[${i}]`, length, { min, integer: true }));
}

/**
 * Checks the index of an axis, which counts from the end if negative; returns it counted from the start.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkAxis(name: string, axis: unknown, shape: Shape): number {
  const number = checkNumber(name, axis, { integer: true });
  if (number >= -shape.length && number < shape.length) return number < 0 ? number + shape.length : number;
  const expected = `${-shape.length} to ${shape.length - 1}, of a value of the shape [${shape}]`;
  throw refused(name, "is", `${number}`, expected);
}

/**
 * Checks a list of different axes, which count from the end if negative; returns them counted from the start, in ascending
 * order.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkAxes(name: string, axes: unknown, shape: Shape): readonly number[] {
  if (!Array.isArray(axes) || axes.length === 0 || axes.length > MOST_AXES) {
    throw refused(name, "is", show(axes), "an array of axes");
  }
  // Not axes.map, which skips holes of a sparse array.
  const numbers = Array.from(axes, (axis, i) => checkAxis(`${name}[${i}]`, axis, shape));
  if (new Set(numbers).size < numbers.length) throw refused(name, "is", `[${axes}]`, "each axis once");
  return numbers.sort((a, b) => a - b);
}

/**
 * Checks that a shape has one or two axes of pixels and then channels; returns the number of pixel axes.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function pixelAxes(input: Shape): number {
  const axes = input.length - 1;
  if (axes === 1 || axes === 2) return axes;
  const expected = "[height, width, channels] or [width, channels]";
  const advice = "; put a reshape before it";
  throw refused(WHAT_IT_READS, "has", `the shape [${input}]`, expected, advice);
}

/**
 * Returns the shape of several values that broadcast as in NumPy, along axes of length 1; undefined if they do not fit
 * together.
 */
export function broadcastShape(shapes: readonly Shape[]): Shape | undefined {
  const axes = Math.max(...shapes.map(({ length }) => length));
  const lengthsOf = (axis: number) => shapes.map((shape) => shape[axis - axes + shape.length] ?? 1);
  const whole = Array.from(
    { length: axes },
    (_, axis) => lengthsOf(axis).find((length) => length !== 1) ?? 1,
  );
  const fits = whole.every((longest, axis) =>
    lengthsOf(axis).every((length) => length === 1 || length === longest),
  );
  return fits ? whole : undefined;
}

/**
 * Returns the shape of several values that broadcast as in NumPy, along axes of length 1.
 *
 * @throws LatentflowError `invalid_argument` if they do not fit together
 */
export function broadcast(shapes: readonly Shape[]): Shape {
  const whole = broadcastShape(shapes);
  if (whole) return whole;
  const shown = shapes.map((shape) => `[${shape}]`).join(" and ");
  const reason = "do not fit together; axes that differ must have length 1";
  throw invalidOption("inputs", `the shapes ${shown} ${reason}`);
}
