import { invalid, show } from "../../base/check.ts";
import { type Decoder, graphAtPoints } from "../../decoder/decoder.ts";
import type { Length } from "../../graph/definition.ts";
import type { ArrayFile } from "./array-files/array-file.ts";

// How many points a sample of a decoder over points has, by the shapes of the files that are given. The decoder for so many
// is made in src/decoder/points.ts.

/** The samples that it is given with: the first ones, of how many their file holds. */
export interface SampleRows {
  readonly count: number;
  readonly total: number;
  /** The shape of a sample, and what has said so. Without it, nobody knows yet. */
  readonly samples?: { readonly flag: string; readonly shape: readonly number[] };
}

/** What may say how many points there are: the file of a fixed input. */
interface PointsSource {
  readonly name: string;
  /** What has given it: `--fixed label`. */
  readonly flag: string;
  readonly array: ArrayFile | undefined;
}

/** How many points the shapes of the files say that there are. */
export function findPoints(decoder: Decoder, sources: readonly PointsSource[], rows: SampleRows): number {
  const said: { readonly flag: string; readonly points: number }[] = [];
  for (const { name, array, flag } of sources) {
    const shape = shapeWithPoints(decoder, name);
    if (!array || !shape.includes("points")) continue;
    const [first, ...rest] = array.shape;
    const isEach = first === rows.total || first === rows.count;
    const points = pointsIn(shape, array.shape) ?? (isEach ? pointsIn(shape, rest) : undefined);
    if (points !== undefined) said.push({ flag, points });
  }
  const { samples } = rows;
  const points = samples && pointsIn(outputWithPoints(decoder), samples.shape);
  if (points !== undefined) said.push({ flag: samples!.flag, points });

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

/** The number of points of a shape; undefined where it is another shape. */
function pointsIn(shape: readonly (number | string)[], found: readonly number[]): number | undefined {
  const fits =
    shape.length === found.length &&
    shape.every((length, axis) => length === "points" || length === found[axis]);
  return fits ? found[shape.indexOf("points")] : undefined;
}

/** The shape of a fixed input, with the axis of points by its name. */
export function shapeWithPoints({ definition }: Decoder, name: string): readonly Length[] {
  return definition.fixed!.find((input) => input.name === name)!.shape;
}

/** The shape of a sample, with the axis of points by its name, and one that is so many times as long as `2·points`. */
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

/** A shape as people read it: `points × 3`. */
export function showShape(shape: readonly (number | string)[]): string {
  return shape.join(" × ");
}
