import type { NodeView } from "./node-view.ts";
import type { Tensor } from "./tensor.ts";

// Reads the settings of operators that rearrange numbers, both for constants and for computed values.

/**
 * Returns the permutation `order` of a Transpose node: axis k of the output is axis order[k] of the input. Default: reversed
 * axes.
 */
export function permutationOf(node: NodeView, rank: number): readonly number[] {
  const order = node.integers("perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const isSound = order.length === rank && order.every((axis) => axis >= 0 && axis < rank);
  if (isSound && new Set(order).size === rank) return order;
  return node.refuse(`its perm is [${order.slice(0, 8)}], expected each of the ${rank} axes once`);
}

/** Returns the axes that a LayerNormalization node normalises over: from its `axis` to the last one. */
export function lastAxes(node: NodeView, rank: number): number[] {
  const first = node.axis(node.integer("axis", -1), rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** Splits axes into the two groups that a Flatten node merges: those before its `axis`, and the rest. */
export function flattened<T>(node: NodeView, axes: readonly T[]): [readonly T[], readonly T[]] {
  const rank = axes.length;
  const axis = node.integer("axis", 1);
  const first = axis === rank ? rank : node.axis(axis, rank);
  return [axes.slice(0, first), axes.slice(first)];
}

/**
 * Returns the axes given by a node's input or, in older opsets, by its attribute "axes"; undefined if neither is present.
 *
 * @param given tensor of the input
 */
export function namedAxes(node: NodeView, given: Tensor | undefined): readonly number[] | undefined {
  return given ? [...given.values] : node.integers("axes");
}

/** Inserts `added` into a list of axes, at the positions that an Unsqueeze node names. */
export function unsqueezed<T>(
  node: NodeView,
  given: Tensor | undefined,
  axes: readonly T[],
  added: T,
): readonly T[] {
  const named = namedAxes(node, given) ?? node.refuse("its axes are missing");
  const rank = axes.length + named.length;
  const places = node.axes(named, rank);
  const left = [...axes];
  return Array.from({ length: rank }, (_, axis) => (places.includes(axis) ? added : left.shift()!));
}

/** Returns the axis of a Concat node, counted from 0. */
export function concatAxis(node: NodeView, rank: number): number {
  return node.axis(node.integer("axis") ?? node.refuse("its axis is missing"), rank);
}

/**
 * Returns start and length of each part that a Split node makes of an axis with `length` positions.
 *
 * @param given lengths of the parts; undefined for equal ones
 */
export function splitParts(node: NodeView, given: Tensor | undefined, length: number) {
  const parts = node.node.outputs.length;
  const size = Math.ceil(length / parts);
  const counts = given
    ? [...given.values]
    : Array.from({ length: parts }, (_, i) => Math.max(Math.min(size, length - i * size), 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (counts.length !== parts || total !== length || counts.some((count) => count < 0)) {
    return node.refuse(`it splits ${length} positions into [${counts.slice(0, 8)}]`);
  }
  let end = 0;
  return counts.map((count) => {
    end += count;
    return { start: end - count, count };
  });
}

/**
 * Returns start and count of a slice by ONNX's rules: negative bounds count from the end, and bounds are clipped to the
 * axis. Undefined if `step` is not a nonzero integer.
 */
export function sliceRange(length: number, from: number, to: number, step: number) {
  if (!Number.isInteger(step) || step === 0) return undefined;
  const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
  const within = (position: number) => {
    return Math.min(Math.max(position < 0 ? position + length : position, least), most);
  };
  const start = within(from);
  return { start, count: Math.max(Math.ceil((within(to) - start) / step), 0) };
}
