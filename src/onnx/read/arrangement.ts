import type { NodeView } from "./node-view.ts";
import type { Tensor } from "./tensor.ts";

// Settings of operators that put numbers elsewhere, for constants and for computed values alike.

/** Returns the axes of a Transpose: axis k of the output is axis order[k] of the input. */
export function permutationOf(node: NodeView, rank: number): readonly number[] {
  const order = node.integers("perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const isSound = order.length === rank && order.every((axis) => axis >= 0 && axis < rank);
  if (isSound && new Set(order).size === rank) return order;
  return node.refuse(`its perm is [${order.slice(0, 8)}], expected each of the ${rank} axes once`);
}

/** Returns the axes that a layer norm takes together: from the one that it names to the last one. */
export function lastAxes(node: NodeView, rank: number): number[] {
  const first = node.axis(node.integer("axis", -1), rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** Returns the axes that a Flatten merges: those before its axis, and those from it on. */
export function flattened<T>(node: NodeView, axes: readonly T[]): [readonly T[], readonly T[]] {
  const rank = axes.length;
  const axis = node.integer("axis", 1);
  const first = axis === rank ? rank : node.axis(axis, rank);
  return [axes.slice(0, first), axes.slice(first)];
}

/** Returns the axes that a node names by an input, or by an attribute in older files; undefined if it names none. */
export function namedAxes(node: NodeView, given: Tensor | undefined): readonly number[] | undefined {
  return given ? [...given.values] : node.integers("axes");
}

/** Returns axes with those that an Unsqueeze inserts, each `added`. */
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

/** Returns the axis of a Concat. */
export function concatAxis(node: NodeView, rank: number): number {
  return node.axis(node.integer("axis") ?? node.refuse("its axis is missing"), rank);
}

/** Returns start and length of each part into which a Split cuts an axis of `length` positions. */
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
 * Returns start and count of a slice: bounds below 0 count from the end, and are clipped to the axis. Undefined if the step
 * is none.
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
