import { type Decoder, graphAtPoints } from "../../decoder/decoder.ts";
import type { Values } from "../../graph/graph.ts";

/**
 * Lengths of a value's axes, channels last: a number, `"points"` for the number of points, or undefined for a length that
 * depends on it in another way.
 */
export type SymbolicShape = readonly (number | "points" | undefined)[];

/** A decoder's values and operations for any number of points. */
export type SymbolicGraph = ReturnType<typeof symbolicGraph>;

/** Two numbers of points whose comparison shows which lengths depend on them. No decoder has axes of these lengths. */
const SOME_POINTS = 1_021;
const MORE_POINTS = 2_039;

/**
 * Returns a decoder's graph with each length that depends on the number of points marked as such. Beside its shape each
 * operation has the lengths for one number of points, and the settings as the definition has them.
 *
 * @throws LatentflowError `invalid_argument` where the graph does not fit together for other numbers of points than one
 */
export function symbolicGraph(decoder: Decoder) {
  const { definition, latentSize } = decoder;
  const some: Values = graphAtPoints(decoder, SOME_POINTS) ?? decoder;
  const more: Values = graphAtPoints(decoder, MORE_POINTS) ?? decoder;
  const shapeOf = (one: readonly number[], other: readonly number[]): SymbolicShape =>
    one.map((length, axis) => {
      if (length === other[axis]) return length;
      return length === SOME_POINTS && other[axis] === MORE_POINTS ? "points" : undefined;
    });
  return {
    latentSize,
    fixedInputs: some.fixedInputs.map((input, i) => ({
      ...input,
      shape: shapeOf(input.shape, more.fixedInputs[i]!.shape),
    })),
    operations: some.operations.map((operation, i) => ({
      operation,
      definition: definition.operations[i]!,
      shape: shapeOf(operation.shape, more.operations[i]!.shape),
    })),
  };
}
