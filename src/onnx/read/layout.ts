import type { Length } from "../../graph/definition.ts";
import { type OperationKind, sizeOf } from "../../graph/operations.ts";
import { MOST_AXES } from "../../graph/settings.ts";
import type { Writing } from "./graph-writer.ts";
import type { Site } from "./site.ts";
import { permuted } from "./tensor.ts";
import { BATCH, dimensionAt, makeValue, productOf, replaced, splitAxis, type Value } from "./value.ts";

// Brings the numbers of values into the order that operations need. An axis of the ONNX file may be stored as several
// axes, in any order, until then.

/** Value of the decoder's graph with its axes transposed and merged as `arrange` was asked to. */
export interface Arranged {
  /** Name of the operation or input of the decoder's graph that makes the value. */
  readonly source: string;
  readonly shape: readonly Length[];
}

/** Returns the indices of all stored axes of a value, in the order in which its numbers are stored. */
export function storedAxes(value: Value): number[] {
  return value.shape.map((_, axis) => axis);
}

/**
 * Transposes and reshapes a value, so that each axis of the result is the product of the stored axes in one of `groups`.
 * Every stored axis occurs once; an empty group is an axis of length 1. Writes a `permute` and a `reshape` only if
 * needed.
 *
 * @throws NodeRefusal if an axis of points would be merged with another axis
 */
export function arrange(node: Site, value: Value, groups: readonly (readonly number[])[]): Arranged {
  const order = groups.flat();
  const shape = groups.map((group) => {
    const length = productOf(group.map((axis) => value.shape[axis]!));
    return length ?? node.refuse("it puts the axis of points and another one together");
  });
  const whole = shape.length > 0 ? shape : [1];
  if (typeof value.source !== "string") {
    const weight = permuted(value.source, value.shape as readonly number[], order);
    return {
      source: node.writer.write("constant", [], whole, { settings: { shape: whole }, weight }),
      shape: whole,
    };
  }
  const isInOrder = order.every((axis, i) => i === 0 || axis > order[i - 1]!);
  if (isInOrder) return reshaped(node, { source: value.source, shape: value.sourceShape }, whole);
  // Permutes either every axis of the result by itself, or runs of axes that stay adjacent: whichever needs fewer
  // reshapes.
  const ways = [groups.flatMap((group) => runsOf(value, group)), runsOf(value, order)].map((runs) =>
    moving(value, runs),
  );
  const [apart, together] = ways.map(({ from, moved }) => {
    return [String(from) !== String(value.sourceShape), String(moved) !== String(whole)].filter(Boolean)
      .length;
  }) as [number, number];
  const { from, axes, moved } = ways[apart <= together && ways[0]!.axes.length <= MOST_AXES ? 0 : 1]!;
  const before = reshaped(node, { source: value.source, shape: value.sourceShape }, from);
  const source = node.writer.write("permute", [before.source], moved, { settings: { axes } });
  return reshaped(node, { source, shape: moved }, whole);
}

/** Returns the length of an ONNX axis; refuses the node with a reason if the batch or the points make it vary. */
export function fixedLength(node: Site, value: Value, axis: number, reason: string): number {
  const { count, hasBatch, hasPoints } = dimensionAt(value, axis);
  return hasBatch || hasPoints ? node.refuse(reason) : count;
}

/** Returns a value of the graph whose shape lists each stored axis separately, in stored order. */
export function asStored(node: Site, value: Value): Arranged {
  const groups = storedAxes(value).map((axis) => [axis]);
  return arrange(node, value, groups);
}

/**
 * Returns the shapes before and after a permutation of runs, and the permutation. A run is a list of stored axes that stay
 * adjacent, merged into one axis.
 */
function moving(value: Value, runs: readonly (readonly number[])[]) {
  const lengthOf = (run: readonly number[]) => productOf(run.map((axis) => value.shape[axis]!))!;
  const sorted = [...runs].sort((a, b) => a[0]! - b[0]!);
  return {
    from: sorted.map(lengthOf),
    axes: runs.map((run) => sorted.indexOf(run)),
    moved: runs.map(lengthOf),
  };
}

/**
 * Transposes a value so that the stored axes of some ONNX axes are merged into the last axis, after all others.
 *
 * @returns the value of the graph, `others`, the stored axes before the last one, and `order`, all stored axes
 */
export function withLast(node: Site, value: Value, axes: readonly number[]) {
  const last = axes.flatMap((axis) => value.axes[axis]!);
  const others = storedAxes(value).filter((axis) => !last.includes(axis));
  const { source, shape } = arrange(node, value, [...others.map((axis) => [axis]), last]);
  return { source, shape, others, order: [...others, ...last] };
}

/**
 * Writes an operation that works along one ONNX axis, which is moved to the end for it.
 *
 * @param length length of the axis afterwards; default: unchanged
 */
export function writeAlong(
  node: Site,
  kind: OperationKind,
  value: Value,
  axis: number,
  writing: Writing,
  length?: number,
): Value {
  const { source, shape, others } = withLast(node, value, [axis]);
  const output = [...shape.slice(0, -1), length ?? shape.at(-1)!];
  const made = node.writer.write(kind, [source], output, writing);
  const axes = value.axes.map((factors, i) =>
    i === axis ? [others.length] : replaced(factors, (stored) => others.indexOf(stored)),
  );
  return makeValue(made, output, axes);
}

/** Splits an order of stored axes into runs of consecutive ones. The axis of points is always a run by itself. */
function runsOf(value: Value, order: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const axis of order) {
    const last = runs.at(-1)?.at(-1);
    const joins = last === axis - 1 && value.shape[axis] !== "points" && value.shape[last] !== "points";
    if (joins) runs.at(-1)!.push(axis);
    else runs.push([axis]);
  }
  return runs;
}

/** Writes a reshape of a value to `shape`; returns the value itself if it has that shape already. */
export function reshaped(node: Site, from: Arranged, shape: readonly Length[]): Arranged {
  if (String(from.shape) === String(shape)) return from;
  return { source: node.writer.write("reshape", [from.source], shape, { settings: { shape } }), shape };
}

/**
 * Returns an equal value in which the ONNX axis is stored as a single axis, or as no axis if its length is 1.
 *
 * @throws NodeRefusal if the axis merges the batch with another axis
 */
export function joined(node: Site, value: Value, axis: number): Value {
  const factors = value.axes[axis]!;
  if (factors.includes(BATCH)) {
    if (factors.length === 1) return value;
    return node.refuse("it takes the batch and another axis as one");
  }
  if (factors.length < 2) return value;
  const [first] = factors;
  const others = storedAxes(value).filter((each) => !factors.includes(each));
  const groups = others.map((each) => [each]);
  const place = others.filter((each) => each < first!).length;
  groups.splice(place, 0, [...factors]);
  const lengths = value.shape as readonly number[];
  const { source, shape } =
    typeof value.source === "string"
      ? arrange(node, value, groups)
      : {
          source: permuted(value.source, lengths, groups.flat()),
          shape: groups.map((group) => sizeOf(group.map((each) => lengths[each]!))),
        };
  const axes = value.axes.map((each, i) => {
    if (i === axis) return [place];
    return replaced(each, (factor) => groups.findIndex(([only]) => only === factor));
  });
  return makeValue(source, shape, axes, value.type);
}

/**
 * Returns a value whose numbers are in the ONNX file's order, with a single stored axis for each axis except the batch.
 *
 * @throws NodeRefusal if an axis merges the batch with another axis
 */
export function inFileOrder(node: Site, value: Value): Value {
  if (value.axes.some((factors) => factors.indexOf(BATCH) > 0)) {
    return node.refuse("it takes the batch and another axis as one");
  }
  const stored = value.axes.map((factors) => factors.filter((factor) => factor !== BATCH));
  const { source, shape } = arrange(node, value, stored);
  const axes = value.axes.map((factors, i) => (factors.includes(BATCH) ? [BATCH, i] : [i]));
  return makeValue(source, shape, axes, value.type);
}

/**
 * Splits stored axes of two values until the given ONNX axis is stored as axes of the same lengths in both values.
 *
 * @returns the two values; undefined if the stored axes cannot be split into the same lengths
 */
export function refine(a: Value, b: Value, axis: number): [Value, Value] | undefined {
  let [left, right] = [a, b];
  for (let i = 0; ; i++) {
    const [x, y] = [left.axes[axis]![i], right.axes[axis]![i]];
    if (x === undefined || y === undefined) return x === y ? [left, right] : undefined;
    if (x === BATCH || y === BATCH) {
      if (x !== y) return undefined;
      continue;
    }
    const [own, other] = [left.shape[x]!, right.shape[y]!];
    if (own === other) continue;
    if (own === "points" || other === "points") return undefined;
    if (own % other === 0) left = splitAxis(left, x, [other, own / other]);
    else if (other % own === 0) right = splitAxis(right, y, [own, other / own]);
    else return undefined;
  }
}

/**
 * Broadcasts a value along ONNX axes that have length 1.
 *
 * @param lengths index and new length of each such axis; several lengths of one axis are those of its stored axes
 */
export function stretch(
  node: Site,
  value: Value,
  lengths: Iterable<readonly [axis: number, length: Length]>,
): Value {
  const added = [...lengths].filter(([, length]) => length !== 1);
  if (added.length === 0) return value;
  const { source } = asStored(node, value);
  const shape = [...added.map(([, length]) => length), ...value.shape];
  const stretched = node.writer.write("expand", [source], shape, { settings: { shape } });
  const axes = value.axes.map((factors, axis) => {
    const places = added.flatMap(([each], place) => (each === axis ? [place] : []));
    return [...places, ...replaced(factors, (factor) => factor + added.length)];
  });
  return makeValue(stretched, shape, axes, value.type);
}
