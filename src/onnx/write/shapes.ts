import { type Decoder, graphAtPoints } from "../../decoder/decoder.ts";
import type { Values } from "../../graph/graph.ts";

/**
 * Lengths of a graph value's axes, channels last: a number, `"points"` for the number of points, or undefined for a length that
 * depends on the number of points in another way.
 */
export type SymbolicShape = readonly (number | "points" | undefined)[];

/** A decoder's inputs and operations, with shapes for any number of points (coordinates at which the decoder is evaluated). */
export type SymbolicGraph = ReturnType<typeof symbolicGraph>;

/**
 * First of two numbers of points for which shapes are computed: lengths that differ depend on the number of points. Both are so
 * unusual that no other axis is likely to have them.
 */
const SOME_POINTS = 1_021;
/** Second number of points for which shapes are computed, beside SOME_POINTS: lengths that differ depend on the points. */
const MORE_POINTS = 2_039;

/**
 * Returns a decoder's graph with symbolic shapes, in which a length that depends on the number of points is `"points"` or
 * undefined. Each operation also has its description at one number of points, and its definition.
 *
 * @throws LatentflowError `invalid_argument` if the graph is only valid for one number of points
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
