import { align } from "../align.ts";
import { fixedLength } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { makeValue, type Value } from "../value.ts";
import { bounded, ofOperands } from "./arithmetic.ts";

// Elementwise choices between two values by a mask, which is constant or computed.

/** Translates a Where node. */
export function where(node: NodeView): Value {
  return choose(node, node.value(0), node.value(1), node.value(2));
}

/** Writes an elementwise choice by a mask: `whole` where it is 1, `other` where it is 0. */
function choose(node: Site, mask: Value, whole: Value, other: Value): Value {
  const [a, b] = [finite(node, whole), finite(node, other)];
  return ofOperands(node, "where", align(node, [mask, a, b]), a.type === b.type ? a.type : "float");
}

/** Replaces ±∞ in a constant, as in attention masks, by the largest float32; refuses NaN. */
function finite(node: Site, value: Value): Value {
  if (typeof value.source === "string") return value;
  if (value.source.some(Number.isNaN)) return node.refuse("it chooses among numbers of which one is NaN");
  return bounded(value);
}

/**
 * Returns a test for the positions that a Trilu node keeps: those on and above (or below) a diagonal.
 *
 * @param diagonal offset of the diagonal, counted upwards from the main one
 */
export function triangle(node: NodeView, diagonal = 0): (row: number, column: number) => boolean {
  const isUpper = node.integer("upper", 1) !== 0;
  return (row, column) => (isUpper ? column - row >= diagonal : column - row <= diagonal);
}

/** Translates a Trilu node, which sets the last two axes to 0 below, or above, a diagonal. */
export function trilu(node: NodeView): Value {
  const value = node.value(0);
  const refusal = "it takes a triangle of the batch, or of the points";
  const lengths = [-2, -1].map((axis) =>
    fixedLength(node, value, node.axis(axis, value.axes.length), refusal),
  );
  const isKept = triangle(node, node.scalar(1));
  const mask = new Float32Array(lengths[0]! * lengths[1]!).map((_, i) =>
    isKept(Math.floor(i / lengths[1]!), i % lengths[1]!) ? 1 : 0,
  );
  const zero = makeValue(Float32Array.of(0), [1], [[0]]);
  return choose(node, makeValue(mask, lengths, [[0], [1]], "boolean"), value, zero);
}
