import { invalid } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { type Decoder, graphAtPoints } from "../../decoder/decoder.ts";
import type { Length } from "../../graph/definition.ts";
import type { FixedArgument } from "../options/parse.ts";
import type { ArrayFile } from "./array-files/array-file.ts";
import type { SamplesTaken } from "./samples.ts";

// Derives the number of points in a sample from the shapes of the input files, for a decoder over points (evaluated at
// any number of points per sample). src/decoder/points.ts sizes the decoder for that number.

/** Samples that fixed inputs are given with; without shape and names if only latents are given. */
export type SampleRows = Pick<SamplesTaken, "count" | "total"> &
  Partial<Pick<SamplesTaken, "shape" | "flag" | "at" | "array">>;

/** A fixed input given on the command line. The shape of its file may determine the number of points. */
export interface FixedSource extends FixedArgument {
  /** Option that gives the input, such as `--fixed label`. */
  readonly flag: string;
  /** Array in the file; undefined if the option gives a number. */
  readonly array: ArrayFile | undefined;
}

/**
 * Derives the number of points (coordinates at which the decoder is evaluated) in a sample from the shapes of files.
 *
 * @throws LatentflowError if no shape determines it, or shapes contradict each other
 */
export function findPoints(decoder: Decoder, sources: readonly FixedSource[], rows: SampleRows): number {
  const said: { readonly flag: string; readonly points: number }[] = [];
  for (const { name, array, flag } of sources) {
    const shape = shapeWithPoints(decoder, name);
    if (!array || !shape.includes("points")) continue;
    const [first, ...rest] = array.shape;
    const isEach = first === rows.total || first === rows.count;
    const points = pointsIn(shape, array.shape) ?? (isEach ? pointsIn(shape, rest) : undefined);
    if (points !== undefined) said.push({ flag, points });
  }
  const points = rows.shape && pointsIn(outputWithPoints(decoder), rows.shape);
  if (points !== undefined) said.push({ flag: rows.flag!, points });

  const [first] = said;
  if (first && said.every((each) => each.points === first.points)) return first.points;
  if (first) {
    const all = said.map((each) => `${each.flag} has ${each.points}`).join(", ");
    throw invalid(`the files have different numbers of points: ${all}; give files that go together`);
  }
  const inputs = decoder.fixedInputs
    .filter(({ hasPoints }) => hasPoints)
    .map(({ name }) => `${show(name)} ${showShape(shapeWithPoints(decoder, name))}`);
  throw invalid(
    `the decoder is over points (${inputs.join(", ")}), and no file's shape says how many there are; ` +
      "give their number: --points 2000, say",
  );
}

/**
 * Returns the length of the axis "points" in a file's shape; undefined if the number of axes, or the length of any other
 * axis, is not the expected one.
 *
 * @param shape expected shape, with "points" for that axis
 * @param found shape of the file's array
 */
function pointsIn(shape: readonly (number | string)[], found: readonly number[]): number | undefined {
  const fits =
    shape.length === found.length &&
    shape.every((length, axis) => length === "points" || length === found[axis]);
  return fits ? found[shape.indexOf("points")] : undefined;
}

/** Returns the shape of a decoder's fixed input without the batch axis, with "points" in place of the number of points. */
export function shapeWithPoints({ definition }: Decoder, name: string): readonly Length[] {
  return definition.fixed!.find((input) => input.name === name)!.shape;
}

/**
 * Returns the shape of a sample, with a text in place of each length that depends on the number of points: `points`,
 * `2·points` or `points + 1`, say.
 */
export function outputWithPoints(decoder: Decoder): readonly (number | string)[] {
  const [one, two] = [1, 2].map((points) => graphAtPoints(decoder, points)?.operations.at(-1)?.shape);
  if (!one || !two) return decoder.outputShape;
  return one.map((length, axis) => {
    const perPoint = two[axis]! - length;
    if (perPoint === 0) return length;
    const many = perPoint === 1 ? "points" : `${perPoint}·points`;
    return length === perPoint ? many : `${many} + ${length - perPoint}`;
  });
}

/** Formats a shape: `points × 3`. */
export function showShape(shape: readonly (number | string)[]): string {
  return shape.join(" × ");
}
