import type { NodeView } from "../node-view.ts";
import { dimensionAt, makeValue, type Value } from "../value.ts";
import { choose } from "./choices.ts";

/**
 * Returns the positions that Trilu keeps, by row and column: up to, or from, the diagonal that is `diagonal` above the main
 * one.
 */
export function triangle(node: NodeView, diagonal = 0): (row: number, column: number) => boolean {
  const isUpper = node.integer("upper", 1) !== 0;
  return (row, column) => (isUpper ? column - row >= diagonal : column - row <= diagonal);
}

/** Reads Trilu: writes 0 below, or above, a diagonal of the last two axes. */
export function trilu(node: NodeView): Value {
  const value = node.value(0);
  const lengths = [-2, -1].map((axis) => {
    const { count, hasBatch, hasPoints } = dimensionAt(value, node.axis(axis, value.axes.length));
    if (hasBatch || hasPoints) return node.refuse("it takes a triangle of the batch, or of the points");
    return count;
  });
  const isKept = triangle(node, node.scalar(1));
  const mask = new Float32Array(lengths[0]! * lengths[1]!).map((_, i) =>
    isKept(Math.floor(i / lengths[1]!), i % lengths[1]!) ? 1 : 0,
  );
  const zero = makeValue(Float32Array.of(0), [1], [[0]]);
  return choose(node, makeValue(mask, lengths, [[0], [1]], "boolean"), value, zero);
}
