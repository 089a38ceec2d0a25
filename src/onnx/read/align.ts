import type { Length } from "../../graph/definition.ts";
import { joined, refine, storedAxes, stretch } from "./layout.ts";
import type { Site } from "./site.ts";
import { withoutTracedBatch } from "./traced-batch.ts";
import { BATCH, dimensionAt, replaced, showAxes, type Value, withRank } from "./value.ts";

// Aligns the axes of several values, for addition, concatenation and matrix products. An axis of the ONNX file may be
// stored as several axes (its factors), so values must be split alike before they can be combined.

/**
 * Identifies a stored axis of an alignment's result; an ONNX axis may be stored as several axes. Each aligned value has the
 * axis too, or is broadcast along it.
 */
interface Key {
  /** Index of the ONNX axis, which may be split into several stored axes, the factors. */
  readonly axis: number;
  /** Position of the stored axis among the factors of the ONNX axis. */
  readonly factor: number;
}

/** Values whose stored axes match, ready to be combined; an ONNX axis may be stored as several axes. */
export interface Alignment {
  /** Values, all with the same number of ONNX axes. */
  readonly values: readonly Value[];
  /** Lengths of the result's stored axes, in order. */
  readonly lengths: readonly Length[];
  /** For each ONNX axis, the stored axes that it is split into, as indices of `lengths`. */
  readonly axes: Value["axes"];
  /**
   * `groups[v][i]` belongs to value v and to axis i of `lengths`: [index of the value's stored axis], or [] if the value is
   * broadcast along it.
   */
  readonly groups: readonly (readonly (readonly number[])[])[];
}

/** ONNX axes along which `align` allows values to differ. */
export interface Differing {
  /** ONNX axis along which the values are concatenated; it becomes a single stored axis. */
  readonly beside?: number;
  /** Number of last ONNX axes that are not aligned and not part of the result, such as the two of matrices. Default 0. */
  readonly aside?: number;
}

/**
 * Aligns values by NumPy's broadcasting rules, starting from the last axes.
 *
 * @throws NodeRefusal if shapes do not fit
 */
export function align(node: Site, given: readonly Value[], { beside, aside = 0 }: Differing = {}): Alignment {
  const rank = Math.max(...given.map(({ axes }) => axes.length));
  const values = given.map((value) => withRank(value, rank));
  const keys: Key[] = [];
  const axes: number[][] = [];
  const names = (axis: number, factors: number): number[] =>
    Array.from({ length: factors }, (_, factor) => keys.push({ axis, factor }) - 1);
  for (let axis = 0; axis < rank; axis++) {
    if (axis >= rank - aside) {
      axes.push([]);
      continue;
    }
    if (axis === beside) {
      values.forEach((value, i) => {
        values[i] = joined(node, value, axis);
      });
      axes.push(names(axis, 1));
      continue;
    }
    matchAxis(node, values, axis);
    const longest = values.map((value) => value.axes[axis]!).reduce((a, b) => (a.length >= b.length ? a : b));
    const own = names(axis, longest.filter((factor) => factor !== BATCH).length);
    axes.push(replaced(longest, () => own.shift()!));
  }
  const order = orderOf(values, keys, rank);
  const groups = values.map((value) =>
    order.map((key) => {
      const stored = placeOf(value, keys[key]!);
      return stored === undefined ? [] : [stored];
    }),
  );
  const lengths = order.map((_, i) => {
    const among = values.map((value, v) => groups[v]![i]!.map((stored) => value.shape[stored]!)[0] ?? 1);
    return among.find((length) => length !== 1) ?? 1;
  });
  return { values, lengths, axes: axes.map((each) => replaced(each, (key) => order.indexOf(key))), groups };
}

/**
 * Broadcasts aligned values explicitly: each is repeated along those stored axes of the alignment's result that it lacks. An
 * axis in the ONNX file may be stored as several axes.
 *
 * @param except stored axis along which no value is repeated, as its index in the alignment's `lengths`. Default: none
 */
export function broadcast(
  node: Site,
  { values, lengths, axes, groups }: Alignment,
  except?: number,
): readonly Value[] {
  return values.map((value, i) => {
    // Stored axes in the order of their factors in the ONNX axis.
    const missing = axes.flatMap((keys, axis) =>
      keys.flatMap((key) =>
        key === BATCH || groups[i]![key]!.length > 0 || key === except
          ? []
          : [[axis, lengths[key]!] as const],
      ),
    );
    return stretch(node, value, missing);
  });
}

/**
 * Returns the index of a value's stored axis that a key of the result identifies; undefined if the value is broadcast along it.
 */
function placeOf(value: Value, { axis, factor }: Key): number | undefined {
  return value.axes[axis]!.filter((each) => each !== BATCH)[factor];
}

/**
 * Splits one ONNX axis into the same factors (stored axes) in all values that are not broadcast along it; `values` is updated.
 *
 * @throws NodeRefusal if the lengths do not fit
 */
function matchAxis(node: Site, values: Value[], axis: number): void {
  const present = () => values.flatMap((value, i) => (value.axes[axis]!.length > 0 ? [i] : []));
  if (present().some((i) => values[i]!.axes[axis]!.includes(BATCH))) {
    values.forEach((value, i) => {
      values[i] = withoutTracedBatch(node, value, axis);
    });
  }
  const [first, ...others] = present();
  if (first === undefined) return;
  // Twice, since a later value may split an axis that earlier values were already matched on.
  for (const other of [...others, ...others]) {
    const pair =
      refine(values[first]!, values[other]!, axis) ??
      refine(joined(node, values[first]!, axis), joined(node, values[other]!, axis), axis);
    if (!pair) {
      const [a, b] = [values[first]!, values[other]!].map(showAxes);
      const hasBatch = [first, other].map((i) => values[i]!.axes[axis]!.includes(BATCH));
      if (hasBatch[0] !== hasBatch[1]) {
        const { count } = dimensionAt(values[hasBatch[0] ? other : first]!, axis);
        node.refuse(
          `the shapes ${a} and ${b} fit together in a batch of ${count} alone; export the decoder with a batch of 1, or with ` +
            "a dynamic batch axis",
        );
      }
      node.refuse(`the shapes ${a} and ${b} do not fit together`);
    }
    [values[first], values[other]] = pair;
  }
}

/**
 * Returns the order of the result's stored axes, as indices of `keys`: the order of the largest value, so that the largest
 * value need not be transposed.
 */
function orderOf(values: readonly Value[], keys: readonly Key[], rank: number): number[] {
  const order: number[] = [];
  const isChannels = (key: number) => rank >= 4 && keys[key]!.axis === 1;
  const bySize = [...values].sort((a, b) => weightOf(b) - weightOf(a));
  for (const value of bySize) {
    const own = keys.flatMap((key, i) => {
      const stored = placeOf(value, key);
      // Constants can be stored in any order for free. Channels go last, as the kernels read pixels.
      return stored === undefined
        ? []
        : [{ i, at: typeof value.source !== "string" && isChannels(i) ? 1e9 : stored }];
    });
    own.sort((a, b) => a.at - b.at);
    own.forEach(({ i }, position) => {
      if (order.includes(i)) return;
      const before = own[position - 1];
      if (order.length === 0 || isChannels(i)) order.push(i);
      else order.splice(before ? order.indexOf(before.i) + 1 : 0, 0, i);
    });
  }
  keys.forEach((key, i) => {
    if (order.includes(i)) return;
    if (isChannels(i) || key.axis === rank - 1) order.push(i);
    else order.unshift(i);
  });
  return order;
}

/**
 * Estimates the cost of transposing a value: its number of elements, where an axis of points counts as 1000, halved for
 * constants.
 */
function weightOf(value: Value): number {
  const numbers = storedAxes(value).reduce((product, axis) => {
    const length = value.shape[axis]!;
    return product * (length === "points" ? 1000 : length);
  }, 1);
  return typeof value.source === "string" ? numbers : numbers / 2;
}
